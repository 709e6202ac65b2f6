import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsString, MaxLength, ValidateIf } from 'class-validator';
import { assertFilename } from './filename.js';
import { type Disposition, DISPOSITIONS, type Presentation } from './presentation.js';
import { MAX_FILENAME_CHARS } from './upload-limits.js';

/** Bounds what is looked at; what is valid says filename.ts. */
const MAX_TEXT = 4 * MAX_FILENAME_CHARS;

/** How a download shall arrive. */
export class PresentationFields {
  /** `inline`: browsers show it, when it is a picture, sound, film or text that cannot run; everything else they save. */
  @ApiProperty({ enum: DISPOSITIONS, default: 'attachment', required: false, example: 'attachment' })
  @IsIn(DISPOSITIONS)
  disposition: Disposition = 'attachment';

  /** Under which name; left out: the file's own. */
  @ApiProperty({ required: false, maxLength: MAX_FILENAME_CHARS, example: 'report.pdf' })
  @ValidateIf((_, value) => value !== undefined)
  @IsString()
  @MaxLength(MAX_TEXT)
  filename?: string;
}

/** @throws FilesError `invalid_filename` */
export function presentationOf({ disposition, filename }: PresentationFields): Presentation {
  if (filename !== undefined) assertFilename(filename);
  return { disposition, ...(filename !== undefined && { filename }) };
}
