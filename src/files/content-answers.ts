import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiProduces, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { DISPOSITIONS } from './presentation.js';
import { BUCKET_PROBLEMS } from './upload-docs.js';
import { MAX_FILENAME_CHARS } from './upload-limits.js';

const BINARY = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };

/** What a route that sends content answers. @param codes its own problems */
export function ContentAnswers(...codes: string[]): MethodDecorator {
  return applyDecorators(
    ApiProduces('application/octet-stream'),
    ApiResponse({ status: 200, description: 'The whole content.', content: BINARY }),
    ApiResponse({ status: 206, description: 'The range that was asked for.', content: BINARY }),
    ApiResponse({ status: 304, description: 'The content is the one that `If-None-Match` names.' }),
    ApiProblems(
      ...codes,
      'object_not_found',
      'file_damaged',
      'precondition_failed',
      'range_not_satisfiable',
      'cloud_not_configured',
      'sealed',
      ...BUCKET_PROBLEMS,
    ),
  );
}

/** The headers of a request that such a route heeds. */
export function ContentConditions(): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'Range',
      required: false,
      description: 'One range, such as `bytes=0-1023` or `bytes=-500`.',
    }),
    ApiHeader({
      name: 'If-Range',
      required: false,
      description: 'Heed `Range` only while this ETag is current.',
    }),
    ApiHeader({
      name: 'If-None-Match',
      required: false,
      description: 'Answer 304 while this ETag is current.',
    }),
  );
}

/** How a route that sends content is told how it shall arrive; `presentationOfQuery` reads it. */
export function PresentationQuery(): MethodDecorator {
  return applyDecorators(
    ApiQuery({
      name: 'disposition',
      required: false,
      schema: { type: 'string', enum: [...DISPOSITIONS], default: 'attachment' },
      description: 'With `inline` browsers show what cannot run, and save the rest.',
    }),
    ApiQuery({
      name: 'filename',
      required: false,
      schema: { type: 'string', maxLength: MAX_FILENAME_CHARS },
      description: "Under which name; left out: the file's own.",
    }),
  );
}
