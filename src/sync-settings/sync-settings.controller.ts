import { Body, Controller, Get, Headers, Put, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, Scopes } from '../auth/access.decorators.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { assertIfMatch, etagOf } from '../rest/etag.js';
import { SyncSettingsStore } from './sync-settings-store.js';
import { ChangeSyncSettings, SyncSettingsDto } from './sync-settings.dto.js';
import type { SyncSettingsValues } from './sync-settings.js';

@ApiTags('Settings')
@Controller()
export class SyncSettingsController {
  constructor(private readonly store: SyncSettingsStore) {}

  /** A user who never changed them gets the defaults. */
  @Get('/api/v1/settings/sync')
  @Scopes('user')
  @ApiOperation({ operationId: 'getSyncSettings', summary: 'Read your sync settings' })
  async read(
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SyncSettingsDto> {
    return answer(await this.store.read(caller.userId), reply);
  }

  /** Omitted fields stay as they are. A new `max_file_size` counts for all uploads within a second. */
  @Put('/api/v1/settings/sync')
  @Scopes('user')
  @ApiOperation({ operationId: 'updateSyncSettings', summary: 'Change your sync settings' })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'Change them only in the state with this ETag.',
  })
  @ApiProblems('validation_failed', 'precondition_failed')
  async change(
    @Caller() caller: Principal,
    @Headers('if-match') ifMatch: string | undefined,
    @Body() body: ChangeSyncSettings,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SyncSettingsDto> {
    const change = {
      autoUpload: body.auto_upload,
      syncOnCreate: body.sync_on_create,
      retentionDays: body.retention_days,
      maxFileSize: body.max_file_size,
      trashDays: body.trash_days,
      keepVersions: body.keep_versions,
    };
    for (;;) {
      const expected = ifMatch === undefined ? undefined : await this.matchingVersion(caller.userId, ifMatch);
      const changed = await this.store.change(caller.userId, change, expected);
      if (changed !== undefined) return answer(changed, reply);
      // Changed since it was compared: compare again, and tell the client the new ETag.
    }
  }

  private async matchingVersion(userId: number, ifMatch: string): Promise<number> {
    const { version } = await this.store.read(userId);
    assertIfMatch(ifMatch, etagOf(version));
    return version;
  }
}

function answer(values: SyncSettingsValues, reply: FastifyReply): SyncSettingsDto {
  void reply.header('etag', etagOf(values.version));
  return {
    auto_upload: values.autoUpload,
    sync_on_create: values.syncOnCreate,
    retention_days: values.retentionDays,
    max_file_size: values.maxFileSize,
    trash_days: values.trashDays,
    keep_versions: values.keepVersions,
  };
}
