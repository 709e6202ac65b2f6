import { Controller, Delete, Head, HttpCode, Options, Param, Patch, Post, Req, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiHeader,
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type AuthenticatedRequest, Caller, Scopes } from '../../auth/access.decorators.js';
import type { Principal } from '../../auth/principal.js';
import { notFound } from '../../errors/request-errors.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { ProtocolRoute } from '../../rest/route-options.decorators.js';
import { tellAnnounced, tellProgress, TUS_PATH } from './tus-answer.js';
import {
  LOOK_HEADERS,
  PROGRESS_HEADERS,
  TUS_BODY_PROBLEMS,
  TUS_PROBLEMS,
  TUS_RESUMABLE,
} from './tus-docs.js';
import { assertTusVersion, TUS_CONTENT_TYPE, TUS_HEADERS } from './tus-headers.js';
import { tusCreationOf, tusPatchOf } from './tus-request.js';
import { TusUploads } from './tus-uploads.js';

const BODY = { schema: { type: 'string', format: 'binary' } } as const;
const ID = { name: 'id', schema: { type: 'string', format: 'uuid' } } as const;
const LENGTH = { name: 'Upload-Length', required: false, schema: { type: 'integer', minimum: 0 } } as const;
const CHECKSUM = {
  name: 'Upload-Checksum',
  required: false,
  description: 'Digest of this body: `sha256`, `sha1`, `md5` or `crc32`, a space, and the value in base64.',
} as const;

/** Any client for tus 1.0.0 (tus-js-client, Uppy, TUSKit, …) speaks these; nobody calls them by hand. */
@ApiTags('Resumable uploads')
@Controller()
@Scopes('user')
export class TusController {
  constructor(private readonly uploads: TusUploads) {}

  /** No version needs to be named. */
  @Options(TUS_PATH)
  @HttpCode(204)
  @ProtocolRoute(TUS_HEADERS)
  @ApiOperation({ operationId: 'describeTus', summary: 'Ask what the resumable uploads can do' })
  @ApiResponse({
    status: 204,
    headers: {
      'Tus-Max-Size': { description: 'The most that a file may have.', schema: { type: 'integer' } },
    },
  })
  @ApiProblems('cloud_not_configured', 'sealed', 'credentials_unreadable')
  async describe(
    @Caller() { userId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    void reply.header('tus-max-size', String(await this.uploads.limitOf(userId)));
  }

  /**
   * `Upload-Metadata` may have `filename`, `filetype`, `folder`, `tags` (separated by commas) and `sha256` (hex). The
   * body may be the first bytes, or all of them.
   */
  @Post(TUS_PATH)
  @HttpCode(201)
  @ProtocolRoute(TUS_HEADERS)
  @ApiOperation({ operationId: 'createTusUpload', summary: 'Begin a resumable upload' })
  @ApiHeader(TUS_RESUMABLE)
  @ApiHeader({ ...LENGTH, description: 'Length of the whole.' })
  @ApiHeader({
    name: 'Upload-Defer-Length',
    required: false,
    description: '1: the length will be told later.',
  })
  @ApiHeader({ name: 'Upload-Metadata', required: false, description: 'Keys with values in base64.' })
  @ApiHeader(CHECKSUM)
  @ApiConsumes(TUS_CONTENT_TYPE)
  @ApiBody({ required: false, ...BODY })
  @ApiResponse({
    status: 201,
    headers: {
      ...PROGRESS_HEADERS,
      Location: { description: 'Path of the upload.', schema: { type: 'string' } },
    },
  })
  @ApiProblems('invalid_folder', 'invalid_tags', ...TUS_BODY_PROBLEMS)
  async create(
    @Req() request: AuthenticatedRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const upload = await this.uploads.create(tusCreationOf(request));
    void reply.header('location', `${TUS_PATH}/${upload.id}`);
    tellProgress(reply, upload);
  }

  /** A request that still writes the upload is ended, so that the offset holds. */
  @Head(`${TUS_PATH}/:id`)
  @ProtocolRoute(TUS_HEADERS)
  @ApiOperation({ operationId: 'getTusUpload', summary: 'Ask how far a resumable upload is' })
  @ApiHeader(TUS_RESUMABLE)
  @ApiParam(ID)
  @ApiResponse({ status: 200, headers: LOOK_HEADERS })
  @ApiProblems('not_found', ...TUS_PROBLEMS)
  async look(
    @Req() request: AuthenticatedRequest,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    assertTusVersion(request.headers);
    const upload = await this.uploads.look(request.principal.userId, uploadIdOf(id), goneSignal(reply));
    tellProgress(reply, upload);
    tellAnnounced(reply, upload);
  }

  /** What arrived before a broken connection is kept, unless the request has an `Upload-Checksum`. */
  @Patch(`${TUS_PATH}/:id`)
  @HttpCode(204)
  @ProtocolRoute(TUS_HEADERS)
  @ApiOperation({ operationId: 'continueTusUpload', summary: 'Send the next bytes of a resumable upload' })
  @ApiHeader(TUS_RESUMABLE)
  @ApiHeader({ name: 'Upload-Offset', required: true, schema: { type: 'integer', minimum: 0 } })
  @ApiHeader({ ...LENGTH, description: 'Length of the whole, if it was not told before.' })
  @ApiHeader(CHECKSUM)
  @ApiParam(ID)
  @ApiConsumes(TUS_CONTENT_TYPE)
  @ApiBody({ required: true, ...BODY })
  @ApiResponse({ status: 204, headers: PROGRESS_HEADERS })
  @ApiProblems('not_found', 'upload_offset_mismatch', ...TUS_BODY_PROBLEMS)
  async append(
    @Req() request: AuthenticatedRequest,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    tellProgress(reply, await this.uploads.append(tusPatchOf(request, uploadIdOf(id))));
  }

  /** A file that it has become stays. */
  @Delete(`${TUS_PATH}/:id`)
  @HttpCode(204)
  @ProtocolRoute(TUS_HEADERS)
  @ApiOperation({ operationId: 'terminateTusUpload', summary: 'Give a resumable upload up' })
  @ApiHeader(TUS_RESUMABLE)
  @ApiParam(ID)
  @ApiResponse({ status: 204 })
  @ApiProblems('not_found', ...TUS_PROBLEMS)
  async terminate(
    @Req() request: AuthenticatedRequest,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    assertTusVersion(request.headers);
    await this.uploads.terminate(request.principal.userId, uploadIdOf(id), goneSignal(reply));
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function uploadIdOf(id: string): string {
  if (!UUID.test(id)) throw notFound('upload');
  return id;
}

/** Aborts when nobody waits for the answer any more. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
