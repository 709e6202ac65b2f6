import { Controller, Get, Headers, Param, Put, Req, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type AuthenticatedRequest, Scopes } from '../auth/access.decorators.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { assertIfMatch, etagOf } from '../rest/etag.js';
import { StreamedBody } from '../rest/route-options.decorators.js';
import { ContentAnswers, ContentConditions, PresentationQuery } from './content-answers.js';
import { contentTag } from './content-headers.js';
import { ContentSender } from './content-sender.js';
import { FILE_ID, fileIdOf } from './file-id.js';
import { FileReads } from './file-reads.js';
import { toFile } from './file-shapes.js';
import { FileDto } from './files.dto.js';
import { REPR_DIGEST, UPLOAD_PROBLEMS } from './upload-docs.js';
import { uploadRequestOf, type UploadingRequest } from './upload-request.js';
import { Uploads } from './uploads.js';

@ApiTags('Files')
@Controller()
export class FileContentController {
  constructor(
    private readonly sender: ContentSender,
    private readonly reads: FileReads,
    private readonly uploads: Uploads,
  ) {}

  /**
   * The ETag is the SHA-256 of the content, also told in `Repr-Digest`. A body that is not what was uploaded breaks
   * the connection before its last byte. Active types (HTML, SVG, scripts) are served as `application/octet-stream`.
   */
  @Get('/api/v1/files/:id/content')
  @Scopes('user')
  @ApiOperation({ operationId: 'downloadFile', summary: 'Download a file through this server' })
  @ApiParam(FILE_ID)
  @PresentationQuery()
  @ContentConditions()
  @ContentAnswers('validation_failed', 'not_found', 'invalid_filename')
  content(
    @Req() request: AuthenticatedRequest,
    @Param('id') id: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.sender.send(request.principal.userId, fileIdOf(id), request, reply);
  }

  /** The body becomes the file's content; the one before becomes a version. Name, folder and tags stay. */
  @Put('/api/v1/files/:id/content')
  @Scopes('user')
  @StreamedBody()
  @ApiOperation({ operationId: 'replaceFileContent', summary: 'Upload a new version of a file' })
  @ApiParam(FILE_ID)
  @ApiHeader({ name: 'If-Match', required: false, description: 'Only while the content has this ETag.' })
  @ApiHeader(REPR_DIGEST)
  @ApiConsumes('application/octet-stream')
  @ApiBody({ required: true, schema: { type: 'string', format: 'binary' } })
  @ApiOkResponse({
    type: FileDto,
    headers: { ETag: { description: 'Of the content.', schema: { type: 'string' } } },
  })
  @ApiProblems('validation_failed', 'not_found', 'precondition_failed', ...UPLOAD_PROBLEMS)
  async replace(
    @Req() request: UploadingRequest,
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FileDto> {
    const file = await this.reads.record(request.principal.userId, fileIdOf(id));
    // Before the body is read; it is compared once more when the content changes hands.
    assertIfMatch(ifMatch, etagOf(contentTag(file)));
    const replaced = { replacesFileId: file.id, filename: file.filename, ifMatch };
    const stored = await this.uploads.receiveRaw(uploadRequestOf(request), replaced);
    void reply.header('etag', etagOf(contentTag(stored)));
    return toFile(stored);
  }
}
