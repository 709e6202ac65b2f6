import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { Principal } from '../../auth/principal.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { decodeCursor } from '../../rest/cursor.js';
import { cutPage } from '../../rest/cut-page.js';
import { nextLink } from '../../rest/page.dto.js';
import { LargeJson } from '../../rest/route-options.decorators.js';
import { FileReads } from '../file-reads.js';
import { FileDto } from '../files.dto.js';
import { BUCKET_PROBLEMS } from '../upload-docs.js';
import {
  ArrivedPartsDto,
  CompleteUploadDto,
  CreateUploadDto,
  NewUploadDto,
  PartUrlsDto,
  SignPartsDto,
  UploadDto,
  UploadIdParams,
  UploadPageDto,
  UploadQuery,
} from './direct-uploads.dto.js';
import { DirectRows } from './direct-rows.js';
import { DirectUploads } from './direct-uploads.js';
import { UploadCompletion } from './upload-completion.js';
import { arrivedPartJson, partUrlJson, uploadJson } from './upload-json.js';
import { wantedParts, wantedUpload } from './wanted-upload.js';

const OPENING_PROBLEMS = ['cloud_not_configured', 'sealed', 'credentials_unreadable', ...BUCKET_PROBLEMS];

@ApiTags('Direct uploads')
@Scopes('user')
@Controller('/api/v1/uploads')
export class DirectUploadsController {
  constructor(
    private readonly uploads: DirectUploads,
    private readonly completion: UploadCompletion,
    private readonly rows: DirectRows,
    private readonly reads: FileReads,
  ) {}

  /**
   * The answer has URLs that take the file, or its parts, without an API key. Send each body with exactly the length and
   * the headers that go with its URL, then complete the upload. No byte of the file passes this server.
   */
  @Post()
  @ApiOperation({ operationId: 'createUpload', summary: 'Begin to upload a file straight into your bucket' })
  @ApiCreatedResponse({
    type: NewUploadDto,
    headers: { Location: { description: 'Path of the upload.', schema: { type: 'string' } } },
  })
  @ApiProblems(
    'validation_failed',
    'not_found',
    'invalid_filename',
    'invalid_folder',
    'invalid_tags',
    'file_too_large',
    'quota_exceeded',
    'too_many_uploads',
    ...OPENING_PROBLEMS,
  )
  async create(
    @Caller() { userId }: Principal,
    @Body() body: CreateUploadDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<NewUploadDto> {
    const { upload, urls } = await this.uploads.create(userId, wantedUpload(body));
    void reply.headers({ location: `/api/v1/uploads/${upload.id}`, 'cache-control': 'no-store' });
    return { ...uploadJson(upload), urls: urls.map(partUrlJson) };
  }

  /** Those that ended are shown for a week. The newest first. */
  @Get()
  @ApiOperation({ operationId: 'listUploads', summary: 'List direct uploads' })
  @ApiOkResponse({ type: UploadPageDto })
  @ApiProblems('validation_failed')
  async list(
    @Caller() { userId }: Principal,
    @Req() request: FastifyRequest,
    @Query() { state, limit, cursor }: UploadQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UploadPageDto> {
    const after =
      cursor === undefined
        ? undefined
        : decodeCursor<{ at: string; id: string }>(cursor, { at: 'timestamp', id: 'uuid' });
    const rows = await this.rows.page(userId, { state, limit, after });
    const { shown, nextCursor } = cutPage(rows, limit, ({ upload, position }) => ({
      at: position,
      id: upload.id,
    }));
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: shown.map(({ upload }) => uploadJson(upload)), next_cursor: nextCursor };
  }

  @Get(':id')
  @ApiOperation({ operationId: 'getUpload', summary: 'Look at a direct upload' })
  @ApiOkResponse({ type: UploadDto })
  @ApiProblems('not_found')
  async get(@Caller() { userId }: Principal, @Param() { id }: UploadIdParams): Promise<UploadDto> {
    return uploadJson(await this.uploads.find(userId, id));
  }

  /** For parts that have no URL yet, or whose URL has expired. Each call lets the upload live for another day. */
  @Post(':id/urls')
  @HttpCode(200)
  @ApiOperation({ operationId: 'signUploadParts', summary: 'Get URLs for parts of a direct upload' })
  @ApiOkResponse({ type: PartUrlsDto })
  @ApiProblems('validation_failed', 'not_found', 'upload_gone', 'upload_locked', ...OPENING_PROBLEMS)
  async sign(
    @Caller() { userId }: Principal,
    @Param() { id }: UploadIdParams,
    @Body() body: SignPartsDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PartUrlsDto> {
    const { urls } = await this.uploads.sign(userId, id, wantedParts(body));
    void reply.header('cache-control', 'no-store');
    return { data: urls.map(partUrlJson) };
  }

  /** As the bucket tells it now: what a client that was restarted need not send again. */
  @Get(':id/parts')
  @ApiOperation({ operationId: 'listUploadParts', summary: 'List the parts that have arrived' })
  @ApiOkResponse({ type: ArrivedPartsDto })
  @ApiProblems('not_found', 'upload_gone', ...OPENING_PROBLEMS)
  async parts(@Caller() { userId }: Principal, @Param() { id }: UploadIdParams): Promise<ArrivedPartsDto> {
    const parts = await this.uploads.parts(userId, id);
    return { data: parts.map(arrivedPartJson) };
  }

  /**
   * Compares what has arrived with what was announced and makes it a file. May be repeated: the answer is the same file,
   * with 200 instead of 201. The bytes are not read: POST /api/v1/files/{id}/verify does that.
   */
  @Post(':id/complete')
  @LargeJson({ sizeBytes: 2 * 1024 * 1024, deadlineMs: 30_000 })
  @ApiOperation({ operationId: 'completeUpload', summary: 'Make a direct upload a file' })
  @ApiCreatedResponse({
    type: FileDto,
    headers: { Location: { description: 'Path of the file.', schema: { type: 'string' } } },
  })
  @ApiOkResponse({ type: FileDto, description: 'It was completed before.' })
  @ApiProblems(
    'validation_failed',
    'not_found',
    'upload_incomplete',
    'upload_locked',
    'upload_gone',
    'file_too_large',
    'quota_exceeded',
    'conflict',
    ...OPENING_PROBLEMS,
  )
  async complete(
    @Caller() { userId }: Principal,
    @Param() { id }: UploadIdParams,
    @Body() { parts = [] }: CompleteUploadDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FileDto> {
    const seen = parts.map(({ part_number: partNumber, etag }) => ({
      partNumber,
      etag: etag.replaceAll('"', ''),
    }));
    const { fileId, isNew } = await this.completion.complete(userId, id, seen);
    void reply.code(isNew ? 201 : 200).header('location', `/api/v1/files/${fileId}`);
    return this.reads.one(userId, fileId);
  }

  /** What has arrived is removed from the bucket. May be repeated. */
  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ operationId: 'abortUpload', summary: 'Give a direct upload up' })
  @ApiNoContentResponse({ description: 'It cannot go on any more.' })
  @ApiProblems('not_found', 'upload_gone', 'upload_locked')
  async abort(@Caller() { userId }: Principal, @Param() { id }: UploadIdParams): Promise<void> {
    await this.uploads.abort(userId, id);
  }
}
