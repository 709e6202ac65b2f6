import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AuthenticatedRequest } from './access.decorators.js';
import type { AuditOrigin } from './audit-log.service.js';

/** Who sends this request and from where, for the audit log; also on public routes. */
export const Origin = createParamDecorator((_: unknown, context: ExecutionContext): AuditOrigin => {
  const request = context
    .switchToHttp()
    .getRequest<Partial<AuthenticatedRequest> & { ip: string; id: string }>();
  const { userId, apiKeyId } = request.principal ?? {};
  return { userId, apiKeyId, address: request.ip, requestId: request.id };
});
