import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type AuthenticatedRequest, Scopes } from '../auth/access.decorators.js';
import { Clock } from '../config/clock.js';
import { abortOnDisconnect } from '../credentials/abort-on-disconnect.js';
import { CloudStorages } from '../credentials/cloud-storages.service.js';
import { Statements } from '../database/statements.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { LeftoversDto, LeftoversQuery } from './files.dto.js';
import { findLeftovers, type LeftoverReport } from './find-leftovers.js';
import { BUCKET_PROBLEMS } from './upload-docs.js';

@ApiTags('Files')
@Controller()
export class LeftoversController {
  constructor(
    private readonly storages: CloudStorages,
    private readonly statements: Statements,
    private readonly clock: Clock,
  ) {}

  /** Lists your whole bucket below our prefix, and changes nothing. */
  @Get('/api/v1/files/leftovers')
  @Scopes('user')
  @ApiOperation({
    operationId: 'findLeftovers',
    summary: 'Find what interrupted uploads left in your bucket',
  })
  @ApiProblems(
    'validation_failed',
    'cloud_not_configured',
    'sealed',
    'credentials_unreadable',
    ...BUCKET_PROBLEMS,
  )
  async find(
    @Req() request: AuthenticatedRequest,
    @Query() query: LeftoversQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LeftoversDto> {
    const { userId } = request.principal;
    const bucket = await this.storages.active(userId);
    const nowMs = this.clock.now();
    const report = await findLeftovers(this.statements, {
      userId,
      bucket,
      nowMs,
      olderThanMs: query.older_than_seconds * 1_000,
      signal: abortOnDisconnect(reply.raw),
    });
    return { checked_at: new Date(nowMs).toISOString(), ...toAnswer(report) };
  }
}

function toAnswer(report: LeftoverReport): Omit<LeftoversDto, 'checked_at'> {
  return {
    scanned_objects: report.scannedObjects,
    files: report.rows.map((row) => ({
      file_id: row.id,
      filename: row.filename,
      state: row.state,
      object_key: row.objectKey,
      upload_id: row.uploadId ?? null,
      since: row.since.toISOString(),
    })),
    objects: report.objects.map(({ key, sizeBytes, lastModified }) => ({
      object_key: key,
      size: sizeBytes,
      last_modified: lastModified.toISOString(),
    })),
    uploads: report.uploads.map(({ key, uploadId, startedAt }) => ({
      object_key: key,
      upload_id: uploadId,
      started_at: startedAt.toISOString(),
    })),
    truncated: report.truncated,
  };
}
