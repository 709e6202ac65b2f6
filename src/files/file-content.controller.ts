import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiParam, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type AuthenticatedRequest, Scopes } from '../auth/access.decorators.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { ContentSender } from './content-sender.js';
import { fileIdOf } from './file-id.js';
import { BUCKET_PROBLEMS } from './upload-docs.js';

const BINARY = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };

@ApiTags('Files')
@Controller()
export class FileContentController {
  constructor(private readonly sender: ContentSender) {}

  /**
   * The ETag is the SHA-256 of the content, also told in `Repr-Digest`. A body that is not what was uploaded breaks
   * the connection before its last byte. Active types (HTML, SVG, scripts) are served as `application/octet-stream`.
   */
  @Get('/api/v1/files/:id/content')
  @Scopes('user')
  @ApiOperation({ operationId: 'downloadFile', summary: 'Download a file through this server' })
  @ApiParam({ name: 'id', schema: { type: 'integer', minimum: 1, maximum: 2147483647 }, example: 4217 })
  @ApiHeader({
    name: 'Range',
    required: false,
    description: 'One range, such as `bytes=0-1023` or `bytes=-500`.',
  })
  @ApiHeader({
    name: 'If-Range',
    required: false,
    description: 'Heed `Range` only while this ETag is current.',
  })
  @ApiHeader({
    name: 'If-None-Match',
    required: false,
    description: 'Answer 304 while this ETag is current.',
  })
  @ApiProduces('application/octet-stream')
  @ApiResponse({ status: 200, description: 'The whole content.', content: BINARY })
  @ApiResponse({ status: 206, description: 'The range that was asked for.', content: BINARY })
  @ApiResponse({ status: 304, description: 'The content is the one that `If-None-Match` names.' })
  @ApiProblems(
    'validation_failed',
    'not_found',
    'object_not_found',
    'file_damaged',
    'precondition_failed',
    'range_not_satisfiable',
    'cloud_not_configured',
    'sealed',
    ...BUCKET_PROBLEMS,
  )
  content(
    @Req() request: AuthenticatedRequest,
    @Param('id') id: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.sender.send(request.principal.userId, fileIdOf(id), request, reply);
  }
}
