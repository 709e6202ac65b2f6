import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** This request holds the caller's Idempotency-Key: until its answer is stored nobody else may run it. */
export interface IdempotencyClaim {
  readonly userId: number;
  readonly key: string;
  /**
   * UUID of the operation that the key stands for, the same in every attempt at it. A feature that writes it into
   * what it creates can tell, when `resumed`, whether an earlier attempt got so far.
   */
  readonly operationId: string;
  /** An earlier attempt crashed without an answer; whether it took effect is unknown. */
  readonly resumed: boolean;
}

export interface ClaimingRequest extends FastifyRequest {
  idempotencyClaim?: IdempotencyClaim;
}

/** The claim of this request, undefined when it came without an Idempotency-Key. */
export const Claim = createParamDecorator(
  (_: unknown, context: ExecutionContext): IdempotencyClaim | undefined => {
    return context.switchToHttp().getRequest<ClaimingRequest>().idempotencyClaim;
  },
);
