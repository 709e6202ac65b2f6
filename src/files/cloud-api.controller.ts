import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type AuthenticatedRequest, Scopes } from '../auth/access.decorators.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { nextLink } from '../rest/page.dto.js';
import { StreamedBody } from '../rest/route-options.decorators.js';
import { CloudDownloadDto, CloudFileDto, CloudFilesQuery } from './cloud-api.dto.js';
import { DownloadUrls } from './download-urls.js';
import { fileIdOf } from './file-id.js';
import { toCloudFile } from './file-shapes.js';
import { FileReads } from './file-reads.js';
import { FORM_SCHEMA, UPLOAD_PROBLEMS } from './upload-docs.js';
import { DOWNLOAD_URL_SECONDS } from './upload-limits.js';
import { uploadRequestOf, type UploadingRequest } from './upload-request.js';
import { Uploads } from './uploads.js';

/** The routes that the implementation guide's CloudAPI calls. */
@ApiTags('Implementation guide')
@ApiExtraModels(CloudFileDto)
@Controller()
export class CloudApiController {
  constructor(
    private readonly uploads: Uploads,
    private readonly reads: FileReads,
    private readonly downloadUrls: DownloadUrls,
  ) {}

  /** One file in the field `file` is answered as an object; files in the field `files` are answered as an array. */
  @Post('/api/cloud/upload')
  @HttpCode(200)
  @Scopes('user')
  @StreamedBody()
  @ApiOperation({ operationId: 'cloudUpload', summary: 'Upload files into your bucket' })
  @ApiConsumes('multipart/form-data')
  @ApiBody({ required: true, schema: FORM_SCHEMA })
  @ApiOkResponse({
    description: 'The file, or the files in the order of the form.',
    schema: {
      oneOf: [
        { $ref: getSchemaPath(CloudFileDto) },
        { type: 'array', items: { $ref: getSchemaPath(CloudFileDto) } },
      ],
    },
  })
  @ApiProblems(...UPLOAD_PROBLEMS)
  async upload(@Req() request: UploadingRequest): Promise<CloudFileDto | CloudFileDto[] | undefined> {
    const { many, files } = await this.uploads.receiveForm(uploadRequestOf(request));
    const answers = files.map(toCloudFile);
    return many ? answers : answers[0];
  }

  /** The newest come first. A Link header leads to the next ones when there are more than `limit`. */
  @Get('/api/cloud/files')
  @Scopes('user')
  @ApiOperation({ operationId: 'cloudFiles', summary: 'List your files' })
  @ApiOkResponse({ type: [CloudFileDto] })
  @ApiProblems('validation_failed')
  async list(
    @Req() request: AuthenticatedRequest,
    @Query() query: CloudFilesQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CloudFileDto[]> {
    const { limit, cursor } = query;
    const { userId } = request.principal;
    const page = await this.reads.cloudPage({ userId, sort: 'id', order: 'desc', limit, cursor });
    if (page.nextCursor !== undefined) void reply.header('link', nextLink(request.url, page.nextCursor));
    return page.files;
  }

  /** The URL works for an hour. Browsers save what it gives, under the file's name. */
  @Get('/api/cloud/download/:fileId')
  @Scopes('user')
  @ApiOperation({ operationId: 'cloudDownload', summary: 'Get a URL to download a file' })
  @ApiParam({ name: 'fileId', schema: { type: 'integer', minimum: 1, maximum: 2147483647 }, example: 4217 })
  @ApiProblems('validation_failed', 'not_found', 'cloud_not_configured', 'sealed', 'credentials_unreadable')
  async download(
    @Req() request: AuthenticatedRequest,
    @Param('fileId') fileId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CloudDownloadDto> {
    const { userId } = request.principal;
    const signed = await this.downloadUrls.sign(userId, fileIdOf(fileId), DOWNLOAD_URL_SECONDS);
    void reply.header('cache-control', 'no-store');
    return {
      downloadUrl: signed.url,
      expiresAt: signed.expiresAt?.toISOString() ?? null,
      filename: signed.filename,
      size: signed.sizeBytes,
    };
  }
}
