import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Caller, Scopes } from '../auth/access.decorators.js';
import type { AuditOrigin } from '../auth/audit-log.service.js';
import { Origin } from '../auth/audit-origin.decorator.js';
import type { Principal } from '../auth/principal.js';
import { RepositoryPasswords } from '../repositories/repository-passwords.service.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { RepositoryPasswordDto, RepositoryPasswordParams } from './repository-password.dto.js';

@ApiTags('Workspaces')
@Controller()
export class RepositoryPasswordController {
  constructor(private readonly passwords: RepositoryPasswords) {}

  /** A POST, because telling it is an act that stands in the audit log. */
  @Post('/api/v1/workspaces/:id/repository-password')
  @HttpCode(200)
  @Scopes('user')
  @ApiOperation({
    operationId: 'revealRepositoryPassword',
    summary: 'Tell the password of a workspace’s repository, for stock restic',
  })
  @ApiProblems('validation_failed', 'not_found', 'sealed', 'credentials_unreadable', 'cloud_not_configured')
  reveal(
    @Caller() { userId }: Principal,
    @Origin() origin: AuditOrigin,
    @Param() { id }: RepositoryPasswordParams,
  ): Promise<RepositoryPasswordDto> {
    return this.passwords.reveal(userId, origin, id);
  }
}
