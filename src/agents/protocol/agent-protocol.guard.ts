import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import { PROTOCOL_HEADER, PROTOCOL_VERSION } from '../../agent-protocol/protocol.js';
import type { AuthenticatedRequest } from '../../auth/access.decorators.js';
import { unsupportedProtocol } from '../agents-error.js';
import { type CallingAgent, CallingAgents } from '../calling-agents.service.js';

interface AgentRequest extends AuthenticatedRequest {
  agent: CallingAgent;
}

/** Of routes for agents: the version first, then who it is. Whoever enrols is nobody yet. */
@Injectable()
export class AgentProtocolGuard implements CanActivate {
  constructor(private readonly agents: CallingAgents) {}

  /** @throws AgentsError `unsupported_protocol`, `agent_removed` */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Partial<AgentRequest>>();
    if (request.headers?.[PROTOCOL_HEADER] !== String(PROTOCOL_VERSION)) throw unsupportedProtocol();
    if (request.principal !== undefined) request.agent = await this.agents.byKey(request.principal.apiKeyId);
    return true;
  }
}

/** The agent that calls, on routes behind the guard. */
export const Calling = createParamDecorator((_: unknown, context: ExecutionContext): CallingAgent => {
  return context.switchToHttp().getRequest<AgentRequest>().agent;
});
