import { applyDecorators } from '@nestjs/common';
import { ApiProduces, ApiResponse } from '@nestjs/swagger';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { BUCKET_PROBLEMS } from './upload-docs.js';

const BINARY = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };

/** What a route that sends content answers. */
export function ContentAnswers(): MethodDecorator {
  return applyDecorators(
    ApiProduces('application/octet-stream'),
    ApiResponse({ status: 200, description: 'The whole content.', content: BINARY }),
    ApiResponse({ status: 206, description: 'The range that was asked for.', content: BINARY }),
    ApiResponse({ status: 304, description: 'The content is the one that `If-None-Match` names.' }),
    ApiProblems(
      'validation_failed',
      'not_found',
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
