import { Body, Controller, Post, Res, UseGuards } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AGENT_PATHS } from '../../agent-protocol/protocol.js';
import { Public } from '../../auth/access.decorators.js';
import type { AuditOrigin } from '../../auth/audit-log.service.js';
import { Origin } from '../../auth/audit-origin.decorator.js';
import { ApiProblems } from '../../rest/api-problems.decorator.js';
import { Enrolments } from '../enrolments.service.js';
import { AgentProtocolGuard } from './agent-protocol.guard.js';
import { ProtocolHeader } from './protocol-header.decorator.js';
import { EnrolAnswerDto, EnrolRequestDto } from './messages/enrolment.dto.js';

@ApiTags('Agent protocol')
@Public()
@UseGuards(AgentProtocolGuard)
@Controller()
export class EnrolmentController {
  constructor(private readonly enrolments: Enrolments) {}

  /** Needs no key: the one-time token is the authority. The answer holds the agent’s key, which is shown this once. */
  @Post(AGENT_PATHS.enrol)
  @ProtocolHeader()
  @ApiOperation({ operationId: 'enrolAgent', summary: 'Become an agent' })
  @ApiCreatedResponse({ type: EnrolAnswerDto })
  @ApiProblems('unsupported_protocol', 'enrolment_refused', 'agent_name_taken')
  async enrol(
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body() body: EnrolRequestDto,
  ): Promise<EnrolAnswerDto> {
    void reply.header('cache-control', 'no-store');
    return this.enrolments.enrol(origin, body);
  }
}
