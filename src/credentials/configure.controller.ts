import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, Scopes } from '../auth/access.decorators.js';
import type { AuditOrigin } from '../auth/audit-log.service.js';
import { Origin } from '../auth/audit-origin.decorator.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { ProviderRegistry } from '../storage-providers/provider-registry.js';
import { abortOnDisconnect } from './abort-on-disconnect.js';
import { CloudSettings } from './cloud-settings.service.js';
import { ConfiguredDto } from './configure.dto.js';
import { GUIDE_EXAMPLE, GUIDE_SCHEMA, fromGuide } from './guide-settings.js';

@ApiTags('Implementation guide')
@Controller()
export class ConfigureController {
  constructor(
    private readonly settings: CloudSettings,
    private readonly registry: ProviderRegistry,
  ) {}

  /**
   * Tests the settings and saves them when every check passed; otherwise the earlier ones stay untouched. Takes the
   * names of the guide in either style (`access_key` or `accessKey`) and its providers `aws`, `gcp`, `azure` and
   * `digitalocean`, besides all names of `PUT /api/v1/settings/cloud-storage`.
   */
  @Post('/api/cloud/configure')
  @HttpCode(200)
  @Scopes('user')
  @ApiOperation({ operationId: 'configureCloud', summary: 'Test and save the settings of the bucket' })
  @ApiBody({ schema: GUIDE_SCHEMA, examples: { aws: { summary: 'AWS S3', value: GUIDE_EXAMPLE } } })
  @ApiProblems(
    'connection_failed',
    'invalid_credentials',
    'bucket_not_found',
    'access_denied',
    'wrong_region',
    'settings_changed',
    'sealed',
    'credentials_unreadable',
  )
  async configure(
    @Caller() caller: Principal,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() body: Record<string, unknown> | undefined,
  ): Promise<ConfiguredDto> {
    const options = { test: true, signal: abortOnDisconnect(reply.raw) };
    await this.settings.save({ principal: caller, origin }, fromGuide(body ?? {}, this.registry), options);
    return { success: true };
  }
}
