import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Post,
  Put,
  Query,
  Res,
  StreamableFile,
} from '@nestjs/common';
import { ApiBody, ApiExtraModels, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, Scopes } from '../auth/access.decorators.js';
import type { AuditOrigin } from '../auth/audit-log.service.js';
import { Origin } from '../auth/audit-origin.decorator.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { etagOf } from '../rest/etag.js';
import { connectionTestResult } from '../storage-providers/connection-test.js';
import { ProviderRegistry } from '../storage-providers/provider-registry.js';
import { PROVIDERS } from '../storage-providers/providers/index.js';
import { abortOnDisconnect } from './abort-on-disconnect.js';
import {
  CloudSettingsDto,
  ForgottenSettingsDto,
  SavedSettingsDto,
  SaveSettingsQuery,
  StoredSecretDto,
} from './cloud-settings.dto.js';
import { CloudSettings, etagOfState, type SettingsBody } from './cloud-settings.service.js';
import { ConnectionTestDto } from './connection-test.dto.js';
import { settingsExamples, settingsSchema } from './settings-schema.js';
import { settingsJson } from './settings-json.js';
import { SnapshotStats } from './snapshot-stats.js';
import { testEventStream, testJson } from './test-json.js';

const PATH = '/api/v1/settings/cloud-storage';
const BODY = { schema: settingsSchema(PROVIDERS), examples: settingsExamples(PROVIDERS) };

@ApiTags('Settings')
@ApiExtraModels(StoredSecretDto)
@Controller()
export class CloudSettingsController {
  constructor(
    private readonly settings: CloudSettings,
    private readonly stats: SnapshotStats,
    private readonly registry: ProviderRegistry,
  ) {}

  /** Without secrets. `configured` is false, and the settings null, while there are none. */
  @Get(PATH)
  @Scopes('user')
  @ApiOperation({ operationId: 'getCloudStorage', summary: 'Show the settings of the bucket' })
  async show(
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CloudSettingsDto> {
    const [seen, totals] = await Promise.all([
      this.settings.seen(caller.userId),
      this.stats.ofUser(caller.userId),
    ]);
    void reply.header('etag', etagOfState(seen)).header('cache-control', 'no-store');
    return settingsJson(seen, totals, this.registry);
  }

  /**
   * Replaces the settings as a whole. Secrets are write-only: one that is left out stays as it is, as long as provider
   * and address stay the same. Nothing is contacted unless `test=true`: then the settings are saved only when every
   * check passed. Administrators may leave out `service_account_json` where the operator has set
   * GOOGLE_APPLICATION_CREDENTIALS.
   */
  @Put(PATH)
  @Scopes('user')
  @ApiOperation({ operationId: 'saveCloudStorage', summary: 'Save the settings of the bucket' })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'ETag of the settings that are to be replaced.',
  })
  @ApiBody(BODY)
  @ApiProblems(
    'precondition_failed',
    'settings_changed',
    'sealed',
    'credentials_unreadable',
    'connection_failed',
    'invalid_credentials',
    'bucket_not_found',
    'access_denied',
    'wrong_region',
  )
  async save(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() body: Record<string, unknown> | undefined,
    @Query() query: SaveSettingsQuery,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<SavedSettingsDto> {
    const options = { ifMatch, test: query.test, signal: abortOnDisconnect(reply.raw) };
    const saved = await this.settings.save({ principal: caller, origin }, body ?? {}, options);
    void reply.header('etag', etagOf(saved.version));
    return {
      success: true,
      message: 'Cloud storage configured successfully',
      provider: saved.provider,
      bucket_name: saved.bucketName,
    };
  }

  /** Erases the credentials for good. Files stay listed, but cannot be read until the bucket is configured again. */
  @Delete(PATH)
  @HttpCode(200)
  @Scopes('user')
  @ApiOperation({ operationId: 'forgetCloudStorage', summary: 'Forget the credentials of the bucket' })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'ETag of the settings that are to be forgotten.',
  })
  @ApiProblems('precondition_failed', 'settings_changed', 'sealed')
  async forget(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<ForgottenSettingsDto> {
    await this.settings.forget({ principal: caller, origin }, ifMatch);
    return { success: true, message: 'Cloud storage credentials forgotten' };
  }

  /**
   * Proves that the bucket can do the real work, by doing it with small objects that are removed again. Without a body
   * the saved settings are tested and the result is noted with them; with one, settings that need not be saved. A test
   * that ran is 200, also when a check failed. With `Accept: text/event-stream` each check is told as it happens:
   * events `check.started`, `check.finished`, at last `result`.
   */
  @Post(`${PATH}/test`)
  @HttpCode(200)
  @Scopes('user')
  @ApiOperation({ operationId: 'testCloudStorage', summary: 'Test the connection to the bucket' })
  @ApiBody({ ...BODY, required: false })
  @ApiOkResponse({
    type: ConnectionTestDto,
    content: {
      'application/json': { schema: { $ref: '#/components/schemas/ConnectionTestDto' } },
      'text/event-stream': { schema: { type: 'string' } },
    },
  })
  @ApiExtraModels(ConnectionTestDto)
  @ApiProblems('cloud_not_configured', 'sealed', 'credentials_unreadable')
  async test(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() body: Record<string, unknown> | undefined,
    @Headers('accept') accept: string | undefined,
  ): Promise<ConnectionTestDto | StreamableFile> {
    const signal = abortOnDisconnect(reply.raw);
    const events = await this.settings.test({ principal: caller, origin }, unsavedSettings(body), signal);
    if (!accept?.includes('text/event-stream')) return testJson(await connectionTestResult(events));
    const stream = await testEventStream(events, signal);
    void reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no');
    return new StreamableFile(stream, { type: 'text/event-stream; charset=utf-8' });
  }
}

/** An empty object is what many clients send for "no body". */
function unsavedSettings(body: Record<string, unknown> | undefined): SettingsBody | undefined {
  return body === undefined || Object.keys(body).length === 0 ? undefined : body;
}
