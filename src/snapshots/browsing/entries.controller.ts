import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { Principal } from '../../auth/principal.js';
import { abortOnDisconnect } from '../../credentials/abort-on-disconnect.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { nextLink } from '../../rest/page.dto.js';
import { SnapshotIdParams } from '../history/snapshot.dto.js';
import { REPOSITORY_PROBLEMS } from '../repository-problems.js';
import { WorkspaceIdParams } from '../workspaces/workspaces.dto.js';
import {
  ContentParameters,
  DiffParameters,
  EntryPageDto,
  FileVersionsDto,
  PathParameters,
  SnapshotDiffDto,
} from './entry.dto.js';
import { SnapshotContent } from './snapshot-content.service.js';
import { SnapshotReads } from './snapshot-reads.service.js';

const binary = (type: string) => ({ [type]: { schema: { type: 'string', format: 'binary' } } }) as const;

@ApiTags('Snapshots')
@Scopes('user')
@Controller('/api/v1')
export class EntriesController {
  constructor(
    private readonly reads: SnapshotReads,
    private readonly contents: SnapshotContent,
  ) {}

  /** By name. Symbolic links are not followed. */
  @Get('snapshots/:id/entries')
  @ApiOperation({ operationId: 'listSnapshotEntries', summary: 'List a directory of a snapshot' })
  @ApiProblems(...REPOSITORY_PROBLEMS)
  async entries(
    @Caller() { userId }: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: SnapshotIdParams,
    @Query() query: PathParameters,
  ): Promise<EntryPageDto> {
    return linked(await this.reads.entries(userId, id, query, abortOnDisconnect(reply.raw)), request, reply);
  }

  /** Of the newest 2,000 snapshots. */
  @Get('workspaces/:id/versions')
  @ApiOperation({
    operationId: 'listFileVersions',
    summary: 'List what a file was in the snapshots of a workspace',
  })
  @ApiProblems(...REPOSITORY_PROBLEMS, 'no_snapshot')
  versions(
    @Caller() { userId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: WorkspaceIdParams,
    @Query() query: ContentParameters,
  ): Promise<FileVersionsDto> {
    return this.reads.versions(userId, id, query, abortOnDisconnect(reply.raw));
  }

  /** From the snapshot `against` to this one; costs what differs, not what is the same. */
  @Get('snapshots/:id/diff')
  @ApiOperation({ operationId: 'compareSnapshots', summary: 'Compare a snapshot with another one' })
  @ApiProblems(...REPOSITORY_PROBLEMS, 'no_snapshot')
  async diff(
    @Caller() { userId }: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Param() { id }: SnapshotIdParams,
    @Query() query: DiffParameters,
  ): Promise<SnapshotDiffDto> {
    return linked(await this.reads.diff(userId, id, query, abortOnDisconnect(reply.raw)), request, reply);
  }

  /** Each part is proven by its hash before it is sent; damage breaks the connection before the last byte. */
  @Get('snapshots/:id/content')
  @ApiOperation({ operationId: 'downloadSnapshotFile', summary: 'Download a file of a snapshot' })
  @ApiHeader({
    name: 'Range',
    required: false,
    description: 'One range, such as `bytes=0-1023` or `bytes=-500`.',
  })
  @ApiHeader({
    name: 'If-None-Match',
    required: false,
    description: 'Answer 304 while this ETag is current.',
  })
  @ApiProduces('application/octet-stream')
  @ApiResponse({ status: 200, description: 'The whole file.', content: binary('application/octet-stream') })
  @ApiResponse({ status: 206, description: 'The range.', content: binary('application/octet-stream') })
  @ApiResponse({ status: 304, description: 'The content is the one that `If-None-Match` names.' })
  @ApiProblems(...REPOSITORY_PROBLEMS, 'range_not_satisfiable', 'precondition_failed')
  content(
    @Caller() { userId }: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param() { id }: SnapshotIdParams,
    @Query() query: ContentParameters,
  ): Promise<void> {
    return this.contents.sendFile(userId, id, query, request, reply);
  }

  /**
   * Made while it is sent; up to 50,000 entries. Symbolic links are stored as such; devices, sockets and pipes are left
   * out, which a note in the archive tells.
   */
  @Get('snapshots/:id/archive')
  @ApiOperation({
    operationId: 'downloadSnapshotArchive',
    summary: 'Download a directory of a snapshot as ZIP',
  })
  @ApiProduces('application/zip')
  @ApiResponse({ status: 200, description: 'The archive.', content: binary('application/zip') })
  @ApiProblems(...REPOSITORY_PROBLEMS, 'archive_too_large', 'too_many_streams')
  archive(
    @Caller() { userId }: Principal,
    @Res() reply: FastifyReply,
    @Param() { id }: SnapshotIdParams,
    @Query() query: ContentParameters,
  ): Promise<void> {
    return this.contents.sendArchive(userId, id, query, reply);
  }
}

function linked<P extends { next_cursor: string | null }>(
  page: P,
  request: FastifyRequest,
  reply: FastifyReply,
): P {
  if (page.next_cursor !== null) void reply.header('link', nextLink(request.url, page.next_cursor));
  return page;
}
