import { ApiProperty } from '@nestjs/swagger';
import { Transform, type TransformFnParams } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

/** Only plain decimal digits: `10abc`, `1e3`, `0x10` and the empty string stay texts and fail @IsInt. */
export const toInteger = ({ value }: TransformFnParams): unknown =>
  typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;

/** Only the words: anything else stays a text and fails @IsBoolean. */
export const toBoolean = ({ value }: TransformFnParams): unknown => {
  if (value === 'true') return true;
  return value === 'false' ? false : value;
};

/** Query of every listing; a listing with filters extends it. */
export class PageQuery {
  /** How many at most. */
  @ApiProperty({ type: 'integer', minimum: 1, maximum: 1000, default: 50, required: false })
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(1000)
  limit: number = 50;

  /** `next_cursor` of the answer before. */
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  cursor?: string;
}

/** What every listing answers besides its `data`. */
export class Page {
  /** Pass it as `cursor` to go on; null on the last page. */
  @ApiProperty({ type: String, nullable: true, example: 'eyJpZCI6NDJ9' })
  next_cursor: string | null;
}

/**
 * The value of a Link header to the next page (RFC 8288; relative to the request).
 * @param requestUrl path and query of this request
 */
export function nextLink(requestUrl: string, nextCursor: string): string {
  const [path = '/', query = ''] = requestUrl.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', nextCursor);
  return `<${path}?${parameters.toString()}>; rel="next"`;
}
