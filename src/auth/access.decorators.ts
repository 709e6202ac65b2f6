import { createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Principal, Scope } from './principal.js';

export const ACCESS_METADATA = 'stowage:access';
export type Access = { readonly public: true } | { readonly scopes: readonly Scope[] };

/** Every route declares who may call it: @Scopes(...) or @Public(). A route without either fails a test. */
export const Scopes = (...scopes: Scope[]) => SetMetadata(ACCESS_METADATA, { scopes } satisfies Access);
export const Public = () => SetMetadata(ACCESS_METADATA, { public: true } satisfies Access);

export interface AuthenticatedRequest extends FastifyRequest {
  principal: Principal;
}

/** The caller, on routes with @Scopes. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  return context.switchToHttp().getRequest<AuthenticatedRequest>().principal;
});
