import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Caller, Scopes } from '../../auth/access.decorators.js';
import type { AuditOrigin } from '../../auth/audit-log.service.js';
import { Origin } from '../../auth/audit-origin.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { SyncSettingsStore } from '../../sync-settings/sync-settings-store.js';
import type { RetentionState } from './retention-state.entity.js';
import {
  ConfirmRetentionDto,
  RetentionDto,
  RetentionPreviewDto,
  RetentionPreviewQuery,
} from './retention.dto.js';
import { Retention } from './retention.service.js';

@ApiTags('Files')
@Scopes('user')
@Controller('/api/v1/retention')
export class RetentionController {
  constructor(
    private readonly retention: Retention,
    private readonly settings: SyncSettingsStore,
  ) {}

  @Get()
  @ApiOperation({ operationId: 'getRetention', summary: 'See what retention does with your files' })
  @ApiOkResponse({ type: RetentionDto })
  async read(@Caller() { userId }: Principal): Promise<RetentionDto> {
    const { retentionDays } = await this.settings.read(userId);
    return answer(retentionDays, await this.retention.state(userId));
  }

  /** Changes nothing. */
  @Get('preview')
  @ApiOperation({
    operationId: 'previewRetention',
    summary: 'See which files a retention would put into the trash',
  })
  @ApiOkResponse({ type: RetentionPreviewDto })
  @ApiProblems('validation_failed')
  async preview(
    @Caller() { userId }: Principal,
    @Query() { retention_days }: RetentionPreviewQuery,
  ): Promise<RetentionPreviewDto> {
    const preview = await this.retention.preview(userId, retention_days);
    return {
      retention_days: preview.retentionDays,
      cutoff: preview.cutoff.toISOString(),
      files: preview.files,
      bytes: preview.bytes,
      needs_confirmation: preview.files > preview.allowedFiles,
      allowed_files: preview.allowedFiles,
      data: preview.first.map(({ id, filename, folder, sizeBytes, uploadedAt }) => ({
        id,
        filename,
        folder,
        file_size: sizeBytes,
        uploaded_at: uploadedAt.toISOString(),
      })),
    };
  }

  /** Exactly the plan that GET /api/v1/retention shows; it is carried out within minutes. */
  @Post('confirm')
  @HttpCode(200)
  @ApiOperation({ operationId: 'confirmRetention', summary: 'Let files go that retention asks about' })
  @ApiOkResponse({ type: RetentionDto })
  @ApiProblems('validation_failed', 'plan_changed')
  async confirm(
    @Caller() { userId }: Principal,
    @Body() { files, cutoff }: ConfirmRetentionDto,
    @Origin() origin: AuditOrigin,
  ): Promise<RetentionDto> {
    const state = await this.retention.confirm(userId, { files, cutoffMs: Date.parse(cutoff) }, origin);
    return answer((await this.settings.read(userId)).retentionDays, state);
  }
}

function answer(retentionDays: number, state: RetentionState | undefined): RetentionDto {
  if (state === undefined) return { ...NEVER_RUN, retention_days: retentionDays };
  return {
    retention_days: retentionDays,
    state: state.state,
    detail: state.detail,
    plan: planOf(state),
    confirmed: state.confirmed,
    checked_at: state.checkedAt?.toISOString() ?? null,
    last_trashed_files: state.lastTrashedFiles,
    last_trashed_at: state.lastTrashedAt?.toISOString() ?? null,
  };
}

function planOf({ plannedFiles, plannedBytes, plannedCutoff }: RetentionState): RetentionDto['plan'] {
  if (plannedCutoff === null) return null;
  return { files: plannedFiles ?? 0, bytes: plannedBytes ?? 0, cutoff: plannedCutoff.toISOString() };
}

const NEVER_RUN = {
  state: 'idle',
  detail: null,
  plan: null,
  confirmed: false,
  checked_at: null,
  last_trashed_files: 0,
  last_trashed_at: null,
} as const;
