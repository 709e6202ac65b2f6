import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsInt,
  IsObject,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';

/** INTEGER of PostgreSQL. */
const MAX_COUNT = 2_147_483_647;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const FILE_ID = /^[0-9a-f]{64}$/;
const MD5 = /^[0-9a-f]{32}$/;
/** One line without control characters. */
const LINE = /^[^\p{Cc}\p{Cs}]*$/u;

/** `PATH_MAX` of Linux, in UTF-16 units, which are never more than the bytes. */
export const MAX_PATH_CHARS = 4_096;
export const MAX_SENTENCE_CHARS = 2_000;

/** The id of a row. */
export const Uuid = () =>
  applyDecorators(
    ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' }),
    Matches(UUID, { message: 'must be a UUID in lower case' }),
  );

/** The id of a file or a blob in a repository. */
export const FileId = () =>
  applyDecorators(
    ApiProperty({ pattern: FILE_ID.source, example: 'a3'.repeat(32) }),
    Matches(FILE_ID, { message: 'must be 64 hex digits in lower case' }),
  );

export const FileIds = (maxItems: number) =>
  applyDecorators(
    ApiProperty({ type: [String], maxItems, example: [] }),
    IsArray(),
    ArrayMaxSize(maxItems),
    Matches(FILE_ID, { each: true, message: 'must list ids of 64 hex digits in lower case' }),
  );

export const Md5 = () =>
  applyDecorators(
    ApiProperty({ pattern: MD5.source, example: '0f'.repeat(16) }),
    Matches(MD5, { message: 'must be 32 hex digits in lower case' }),
  );

export const Count = (max = MAX_COUNT) => wholeNumber(0, max);
/** Bytes, milliseconds, fencing numbers: whatever JavaScript counts without a loss. */
export const BigCount = () => wholeNumber(0, Number.MAX_SAFE_INTEGER);

export const wholeNumber = (minimum: number, maximum: number) =>
  applyDecorators(
    ApiProperty({ type: 'integer', minimum, maximum, example: minimum }),
    IsInt(),
    Min(minimum),
    Max(maximum),
  );

/** Something short that a host says about itself. */
export const Line = (max: number, example: string) =>
  applyDecorators(
    ApiProperty({ minLength: 1, maxLength: max, example }),
    Length(1, max),
    Matches(LINE, { message: 'must be one line without control characters' }),
  );

/** Paths and lines of settings: any characters, as a host has them. */
export const Texts = (maxItems: number, maxChars: number) =>
  applyDecorators(
    ApiProperty({ type: [String], maxItems, example: [] }),
    IsArray(),
    ArrayMaxSize(maxItems),
    IsString({ each: true }),
    MaxLength(maxChars, { each: true }),
  );

export const Text = (max: number, example: string) =>
  applyDecorators(ApiProperty({ maxLength: max, example }), IsString(), MaxLength(max));

/** One message within another. */
export const Nested = (type: () => new () => object) =>
  applyDecorators(ApiProperty({ type: () => type() }), IsObject(), ValidateNested(), Type(type));

export const NestedList = (type: () => new () => object, maxItems: number) =>
  applyDecorators(
    ApiProperty({ type: () => [type()], maxItems }),
    IsArray(),
    ArrayMaxSize(maxItems),
    IsObject({ each: true }),
    ValidateNested({ each: true }),
    Type(type),
  );
