import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, Scopes } from '../auth/access.decorators.js';
import type { AuditOrigin } from '../auth/audit-log.service.js';
import { Origin } from '../auth/audit-origin.decorator.js';
import type { Principal } from '../auth/principal.js';
import { validationFailed } from '../errors/request-errors.js';
import { fileIdOf } from '../files/file-id.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { decodeCursor } from '../rest/cursor.js';
import { cutPage } from '../rest/cut-page.js';
import { nextLink } from '../rest/page.dto.js';
import { readLocalPath } from './host-path.js';
import { localFileJson } from './local-file-json.js';
import { ListLocalFilesQuery, LocalFileDto, LocalFilePageDto, NewLocalFileDto } from './local-files.dto.js';
import { LocalFiles } from './local-files.service.js';

const PATH = '/api/v1/local-files';
const ID = {
  name: 'id',
  schema: { type: 'integer', minimum: 1, maximum: 2147483647 },
  example: 311,
} as const;

@ApiTags('Local files')
@Scopes('user')
@Controller()
export class LocalFilesController {
  constructor(private readonly files: LocalFiles) {}

  /**
   * Whether it is uploaded your sync settings say. 201 for a new one; 200 with the one that there is when the path is
   * registered already.
   */
  @Post(PATH)
  @ApiOperation({ operationId: 'registerLocalFile', summary: "Register a file of the server's disk" })
  @ApiCreatedResponse({
    type: LocalFileDto,
    headers: { Location: { schema: { type: 'string' }, description: 'The local file.' } },
  })
  @ApiOkResponse({ type: LocalFileDto, description: 'The path was registered already.' })
  @ApiProblems(
    'local_files_not_allowed',
    'local_file_not_found',
    'local_file_not_regular',
    'local_file_unreadable',
    'local_folder_unavailable',
    'local_file_refused',
    'invalid_filename',
    'invalid_folder',
  )
  async register(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() { path, filename, folder }: NewLocalFileDto,
  ): Promise<LocalFileDto> {
    const file = { path: cleanPath(path), filename, folder };
    const { row, isNew } = await this.files.register({ userId, origin }, file);
    void reply.status(isNew ? 201 : 200).header('location', `${PATH}/${row.id}`);
    return localFileJson(row);
  }

  /** The oldest first. */
  @Get(PATH)
  @ApiOperation({ operationId: 'listLocalFiles', summary: 'List local files and what became of them' })
  async list(
    @Caller() { userId }: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query() { limit, cursor, state, watched_folder_id: watchedFolderId }: ListLocalFilesQuery,
  ): Promise<LocalFilePageDto> {
    const position = cursor === undefined ? undefined : decodeCursor<Position>(cursor, { id: 'integer' });
    const filter = { state, watchedFolderId, afterId: position?.id, limit: limit + 1 };
    const rows = await this.files.list(userId, filter);
    const { shown, nextCursor } = cutPage(rows, limit, ({ id }) => ({ id }));
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: shown.map(localFileJson), next_cursor: nextCursor };
  }

  @Get(`${PATH}/:id`)
  @ApiOperation({ operationId: 'getLocalFile', summary: 'Show a local file' })
  @ApiParam(ID)
  @ApiProblems('not_found')
  async get(@Caller() { userId }: Principal, @Param('id') id: string): Promise<LocalFileDto> {
    return localFileJson(await this.files.get(userId, fileIdOf(id)));
  }

  /** It is not looked after any more. The file itself and its cloud file stay. */
  @Delete(`${PATH}/:id`)
  @HttpCode(204)
  @ApiOperation({ operationId: 'unregisterLocalFile', summary: 'Unregister a local file' })
  @ApiParam(ID)
  @ApiProblems('not_found')
  async remove(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Param('id') id: string,
  ): Promise<void> {
    await this.files.remove({ userId, origin }, fileIdOf(id));
  }

  /** Whatever your sync settings say; also one that failed. A content that is in the bucket already is not sent again. */
  @Post(`${PATH}/:id/upload`)
  @HttpCode(202)
  @ApiOperation({ operationId: 'uploadLocalFile', summary: 'Upload a local file now' })
  @ApiParam(ID)
  @ApiProblems('not_found')
  async upload(@Caller() { userId }: Principal, @Param('id') id: string): Promise<LocalFileDto> {
    return localFileJson(await this.files.uploadNow(userId, fileIdOf(id)));
  }
}

interface Position {
  readonly id: number;
}

/** @throws RequestError `validation_failed` */
export function cleanPath(text: string): string {
  const read = readLocalPath(text);
  if ('path' in read) return read.path;
  throw validationFailed([{ pointer: '/path', detail: read.problem, code: 'host_path' }]);
}
