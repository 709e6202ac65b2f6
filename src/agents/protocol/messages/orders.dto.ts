import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import type {
  FileList,
  GetOrder,
  OrderAnswer,
  OrderedRequest,
  PutOrder,
} from '../../../agent-protocol/messages.js';
import { MAX_ORDERED_BYTES, MAX_ORDERS } from '../../../agent-protocol/protocol.js';
import { IgnoresUnknownFields } from '../../../rest/unknown-fields.decorator.js';
import { FileId, Md5, Nested, NestedList, wholeNumber } from './field-rules.js';
import { RepositoryAccessDto } from './repository-access.dto.js';

const PUT_KINDS = ['pack'] as const;
const GET_KINDS = ['pack', 'index', 'snapshot'] as const;
const LISTED_KINDS = ['index', 'snapshot'] as const;

export class PutOrderDto implements PutOrder {
  @ApiProperty({ enum: PUT_KINDS, example: 'pack' })
  @IsIn(PUT_KINDS)
  kind: (typeof PUT_KINDS)[number];

  /** SHA-256 of the file. */
  @FileId()
  id: string;

  @wholeNumber(1, MAX_ORDERED_BYTES)
  size_bytes: number;

  @Md5()
  md5: string;
}

export class GetOrderDto implements GetOrder {
  @ApiProperty({ enum: GET_KINDS, example: 'pack' })
  @IsIn(GET_KINDS)
  kind: (typeof GET_KINDS)[number];

  @FileId()
  id: string;
}

@IgnoresUnknownFields()
export class OrderRequestDto {
  @Nested(() => RepositoryAccessDto)
  access: RepositoryAccessDto;

  /** Need a lease. */
  @IsOptional()
  @NestedList(() => PutOrderDto, MAX_ORDERS)
  puts?: PutOrderDto[];

  @IsOptional()
  @NestedList(() => GetOrderDto, MAX_ORDERS)
  gets?: GetOrderDto[];
}

/** A request to be sent to the bucket exactly so. */
export class OrderedRequestDto implements OrderedRequest {
  @ApiProperty({ enum: GET_KINDS, example: 'pack' })
  kind: (typeof GET_KINDS)[number];

  @ApiProperty({ example: 'a3'.repeat(32) })
  id: string;

  @ApiProperty({ enum: ['GET', 'PUT'], example: 'PUT' })
  method: 'GET' | 'PUT';

  @ApiProperty({ example: 'https://bucket.s3.amazonaws.com/…' })
  url: string;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, example: {} })
  headers: Record<string, string>;

  @ApiProperty({ type: 'integer', example: 900 })
  expires_in_seconds: number;
}

export class OrderAnswerDto implements OrderAnswer {
  @ApiProperty({ type: [OrderedRequestDto] })
  puts: OrderedRequestDto[];

  /** Asked for, but there already. */
  @ApiProperty({ type: [String], example: [] })
  stored: string[];

  @ApiProperty({ type: [OrderedRequestDto] })
  gets: OrderedRequestDto[];
}

@IgnoresUnknownFields()
export class FileListRequestDto {
  @Nested(() => RepositoryAccessDto)
  access: RepositoryAccessDto;

  @ApiProperty({ enum: LISTED_KINDS, example: 'index' })
  @IsIn(LISTED_KINDS)
  kind: (typeof LISTED_KINDS)[number];
}

export class ListedFileDto {
  @ApiProperty({ example: 'a3'.repeat(32) })
  id: string;

  @ApiProperty({ type: 'integer', example: 4_096 })
  size_bytes: number;
}

export class FileListDto implements FileList {
  /** Ascending by id. */
  @ApiProperty({ type: [ListedFileDto] })
  files: ListedFileDto[];
}
