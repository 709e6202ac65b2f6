import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiExtraModels,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type AuthenticatedRequest, Caller, Scopes } from '../auth/access.decorators.js';
import type { AuditOrigin } from '../auth/audit-log.service.js';
import { Origin } from '../auth/audit-origin.decorator.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { nextLink } from '../rest/page.dto.js';
import { StreamedBody } from '../rest/route-options.decorators.js';
import { DownloadUrls } from './download-urls.js';
import { SyncSettingsStore } from '../sync-settings/sync-settings-store.js';
import { FileDeletion } from './file-deletion.service.js';
import { fileProtected } from './file-errors.js';
import { FileTrash } from './file-trash.service.js';
import { FILE_ID, fileIdOf } from './file-id.js';
import { toFile } from './file-shapes.js';
import { FileReads } from './file-reads.js';
import {
  CreateDownloadUrl,
  DeleteFileQuery,
  DownloadUrlDto,
  FileDto,
  FilePageDto,
  UploadedFilesDto,
} from './files.dto.js';
import { FileFilterQuery, FileSummaryDto, filtersOf, ListFilesQuery } from './list-files.dto.js';
import { isMultipartForm } from './form-boundary.js';
import { BUCKET_PROBLEMS, FORM_SCHEMA, PlaceQuery, REPR_DIGEST, UPLOAD_PROBLEMS } from './upload-docs.js';
import { uploadRequestOf, type UploadingRequest } from './upload-request.js';
import { presentationOf } from './presentation.dto.js';
import { fileEtag } from './organising/file-tag.js';
import { Uploads } from './uploads.js';

@ApiTags('Files')
@ApiExtraModels(FileDto, UploadedFilesDto)
@Controller()
export class FilesController {
  constructor(
    private readonly uploads: Uploads,
    private readonly reads: FileReads,
    private readonly deletion: FileDeletion,
    private readonly trash: FileTrash,
    private readonly settings: SyncSettingsStore,
    private readonly downloadUrls: DownloadUrls,
  ) {}

  /**
   * As a form, or as a body of any other type that is the file itself, with its name in the query. A form with the
   * field `file` is answered with the file, one with `files` with all of them.
   */
  @Post('/api/v1/files')
  @Scopes('user')
  @StreamedBody()
  @ApiOperation({ operationId: 'uploadFiles', summary: 'Upload files into your bucket' })
  @ApiConsumes('multipart/form-data')
  @ApiBody({ required: true, schema: FORM_SCHEMA })
  @ApiQuery({ name: 'filename', required: false, description: 'Only for a body that is the file itself.' })
  @PlaceQuery()
  @ApiCreatedResponse({
    description: 'The file, or the files in the order of the form.',
    headers: { Location: { description: 'Path of the file, when it is one.', schema: { type: 'string' } } },
    schema: { oneOf: [{ $ref: getSchemaPath(FileDto) }, { $ref: getSchemaPath(UploadedFilesDto) }] },
  })
  @ApiProblems(...UPLOAD_PROBLEMS)
  async upload(
    @Req() request: UploadingRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FileDto | UploadedFilesDto> {
    if (!isMultipartForm(request.headers['content-type'])) return this.receiveRaw(request, reply);
    const { many, files } = await this.uploads.receiveForm(uploadRequestOf(request));
    const answers = files.map(toFile);
    return many ? { data: answers } : located(answers[0] as FileDto, reply);
  }

  /**
   * The body is the file itself. A `Repr-Digest` with its SHA-256 is compared with what arrives. Repeating the request
   * makes another file, unless an Idempotency-Key says otherwise.
   */
  @Put('/api/v1/files')
  @HttpCode(201)
  @Scopes('user')
  @StreamedBody()
  @ApiOperation({ operationId: 'uploadFileContent', summary: 'Upload one file as the body' })
  @ApiQuery({
    name: 'filename',
    required: true,
    schema: { type: 'string', maxLength: 255 },
    example: 'q3-report.pdf',
  })
  @PlaceQuery()
  @ApiHeader(REPR_DIGEST)
  @ApiConsumes('application/octet-stream')
  @ApiBody({ required: true, schema: { type: 'string', format: 'binary' } })
  @ApiCreatedResponse({
    type: FileDto,
    headers: { Location: { description: 'Path of the file.', schema: { type: 'string' } } },
  })
  @ApiProblems(...UPLOAD_PROBLEMS)
  async uploadContent(
    @Req() request: UploadingRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FileDto> {
    return this.receiveRaw(request, reply);
  }

  /** The newest come first, unless `sort` and `order` say otherwise. */
  @Get('/api/v1/files')
  @Scopes('user')
  @ApiOperation({ operationId: 'listFiles', summary: 'List your files' })
  @ApiOkResponse({ type: FilePageDto })
  @ApiProblems('validation_failed', 'invalid_folder', 'invalid_tags', 'too_many_searches')
  async list(
    @Req() request: AuthenticatedRequest,
    @Query() query: ListFilesQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FilePageDto> {
    const page = await this.reads.page({
      userId: request.principal.userId,
      sort: query.sort,
      order: query.order,
      limit: query.limit,
      cursor: query.cursor,
      ...filtersOf(query),
    });
    const { files, nextCursor } = page;
    if (nextCursor !== undefined) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: files, next_cursor: nextCursor ?? null };
  }

  /** Reads all that match, so it takes longer than a page of them. */
  @Get('/api/v1/files/summary')
  @Scopes('user')
  @ApiOperation({ operationId: 'summarizeFiles', summary: 'Count your files and their bytes' })
  @ApiOkResponse({ type: FileSummaryDto })
  @ApiProblems('validation_failed', 'invalid_folder', 'invalid_tags', 'too_many_searches')
  async summary(@Caller() { userId }: Principal, @Query() query: FileFilterQuery): Promise<FileSummaryDto> {
    const { fileCount, totalBytes } = await this.reads.summary(userId, filtersOf(query));
    return { file_count: fileCount, total_bytes: totalBytes };
  }

  @Get('/api/v1/files/:id')
  @Scopes('user')
  @ApiOperation({ operationId: 'getFile', summary: 'Read what is known of a file' })
  @ApiParam(FILE_ID)
  @ApiOkResponse({ type: FileDto })
  @ApiProblems('validation_failed', 'not_found')
  async read(
    @Req() request: AuthenticatedRequest,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FileDto> {
    const file = await this.reads.one(request.principal.userId, fileIdOf(id));
    void reply.header('etag', fileEtag(file));
    return file;
  }

  /**
   * It goes into the trash, where it can be undeleted for `trash_days` of the sync settings. With `permanently=true`, or
   * when those are 0, it goes for good with its versions and their objects; when the bucket fails, the objects go later.
   */
  @Delete('/api/v1/files/:id')
  @HttpCode(204)
  @Scopes('user')
  @ApiOperation({ operationId: 'deleteFile', summary: 'Delete a file' })
  @ApiParam(FILE_ID)
  @ApiNoContentResponse({ description: 'It is gone from the list.' })
  @ApiProblems(
    'validation_failed',
    'not_found',
    'file_protected',
    'cloud_not_configured',
    'sealed',
    ...BUCKET_PROBLEMS,
  )
  async remove(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Query() { permanently }: DeleteFileQuery,
    @Origin() origin: AuditOrigin,
  ): Promise<void> {
    const fileId = fileIdOf(id);
    if (permanently || (await this.settings.read(caller.userId)).trashDays === 0) {
      return this.deletion.delete(caller.userId, fileId, origin);
    }
    const trashed = await this.trash.trash(caller.userId, [fileId], 'user', origin);
    if (trashed > 0) return;
    // Absent, or protected.
    await this.reads.one(caller.userId, fileId);
    throw fileProtected();
  }

  /**
   * Whoever has the URL can download the file until it expires. Browsers save what it gives, under the file's name or
   * another; `disposition` of the answer says whether they show it instead. A link that can be taken back is a share.
   */
  @Post('/api/v1/files/:id/download-url')
  @HttpCode(200)
  @Scopes('user')
  @ApiOperation({ operationId: 'createDownloadUrl', summary: 'Get a URL to download a file' })
  @ApiParam(FILE_ID)
  @ApiProblems(
    'validation_failed',
    'not_found',
    'invalid_filename',
    'cloud_not_configured',
    'sealed',
    'credentials_unreadable',
  )
  async createDownloadUrl(
    @Req() request: AuthenticatedRequest,
    @Param('id') id: string,
    @Body() body: CreateDownloadUrl,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DownloadUrlDto> {
    const { userId } = request.principal;
    const wanted = presentationOf(body);
    const signed = await this.downloadUrls.sign(userId, fileIdOf(id), body.expires_in_seconds, wanted);
    void reply.header('cache-control', 'no-store');
    return {
      download_url: signed.url,
      expires_at: signed.expiresAt?.toISOString() ?? null,
      filename: signed.filename,
      disposition: signed.disposition,
      file_size: signed.sizeBytes,
      checksum: signed.checksum ?? null,
    };
  }

  private async receiveRaw(request: UploadingRequest, reply: FastifyReply): Promise<FileDto> {
    return located(toFile(await this.uploads.receiveRaw(uploadRequestOf(request))), reply);
  }
}

function located(file: FileDto, reply: FastifyReply): FileDto {
  void reply.header('location', `/api/v1/files/${file.id}`);
  return file;
}
