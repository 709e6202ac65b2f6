import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource, type FindOptionsWhere, LessThan } from 'typeorm';
import { notFound } from '../errors/request-errors.js';
import { ApiProblems } from '../rest/api-problems.decorator.js';
import { decodeCursor } from '../rest/cursor.js';
import { cutPage } from '../rest/cut-page.js';
import { nextLink } from '../rest/page.dto.js';
import { Caller, Scopes } from './access.decorators.js';
import { AuditEntry } from './audit-entry.entity.js';
import { AuditPageDto, AuditQuery } from './audit.dto.js';
import { auditEntryJson } from './auth-json.js';
import { grants, type Principal } from './principal.js';

@ApiTags('Audit')
@Scopes('user')
@Controller()
export class AuditController {
  constructor(private readonly database: DataSource) {}

  /** The newest first. Administrators see everything, others what they did themselves. */
  @Get('/api/v1/audit')
  @ApiOperation({ operationId: 'listAuditEntries', summary: 'List privileged acts' })
  @ApiProblems('not_found')
  async list(
    @Caller() caller: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query() { limit, cursor, user_id, action }: AuditQuery,
  ): Promise<AuditPageDto> {
    const userId = visibleUser(caller, user_id);
    const position = cursor === undefined ? undefined : decodeCursor<Position>(cursor, { id: 'bigint' });
    const where: FindOptionsWhere<AuditEntry> = {
      ...(userId !== undefined && { userId }),
      ...(action !== undefined && { action }),
      ...(position !== undefined && { id: LessThan(String(position.id)) }),
    };
    const found = await this.database.manager.find(AuditEntry, {
      where,
      order: { id: 'DESC' },
      take: limit + 1,
    });
    const { shown, nextCursor } = cutPage(found, limit, ({ id }) => ({ id: Number(id) }));
    if (nextCursor !== null) void reply.header('link', nextLink(request.url, nextCursor));
    return { data: shown.map(auditEntryJson), next_cursor: nextCursor };
  }
}

interface Position {
  readonly id: number;
}

/** @returns undefined: everybody's */
function visibleUser(caller: Principal, wanted: number | undefined): number | undefined {
  if (grants(caller, ['admin'])) return wanted;
  if (wanted !== undefined && wanted !== caller.userId) throw notFound('user');
  return caller.userId;
}
