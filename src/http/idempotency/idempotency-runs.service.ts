import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AuthenticatedRequest } from '../../auth/access.decorators.js';
import type { ClaimingRequest } from '../../rest/idempotency-claim.decorator.js';
import { type HeldClaim, IdempotencyStore, LEASE_SECONDS } from './idempotency-store.js';
import { ReplayedAnswer } from './replayed-answer.js';
import { sealAnswer, unsealAnswer } from './sealed-answer.js';

/** A longer answer is not kept; none of the mutating routes gives one. */
const MAX_ANSWER_CHARS = 1024 * 1024;
const RENEW_EVERY_MS = (LEASE_SECONDS * 1_000) / 3;
const CLEAN_EVERY_MS = 10 * 60_000;
const KEPT_HEADERS = ['content-type', 'location', 'etag', 'link'];

/** Requests that hold an Idempotency-Key, from the claim to the stored answer. */
@Injectable()
export class IdempotencyRuns implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger(IdempotencyRuns.name);
  readonly #claims = new WeakMap<FastifyRequest, HeldClaim>();
  /** Whose client still waits: their leases are renewed. */
  readonly #waiting = new Set<HeldClaim>();
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(private readonly store: IdempotencyStore) {}

  onApplicationBootstrap(): void {
    this.#timers.push(
      setInterval(() => void this.renewAll(), RENEW_EVERY_MS),
      setInterval(() => void this.quietly(() => this.store.dropOld()), CLEAN_EVERY_MS),
    );
    for (const timer of this.#timers) timer.unref();
  }

  onModuleDestroy(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Every answer of a request that holds a key passes here before its first byte is sent. */
  install(fastify: FastifyInstance): void {
    fastify.addHook('onSend', (request, reply, payload, done) => {
      const claim = this.#claims.get(request);
      if (!claim) return done(null, payload);
      this.#claims.delete(request);
      void this.quietly(() => this.finish(claim, request, reply, payload)).then(() => done(null, payload));
    });
  }

  /** @throws ReplayedAnswer when this request was answered before */
  async begin(
    request: AuthenticatedRequest,
    reply: FastifyReply,
    key: string,
    fingerprint: Buffer,
  ): Promise<'running' | 'in_progress' | 'other_request'> {
    const { userId } = request.principal;
    const outcome = await this.store.claim(userId, key, fingerprint);
    if (outcome.kind === 'answered') {
      const body = unsealAnswer(outcome.row.body, credentialOf(request), `${userId}:${key}`);
      if (body === undefined) return 'other_request';
      throw new ReplayedAnswer({ status: outcome.row.status, headers: outcome.row.headers, body });
    }
    if (outcome.kind !== 'claimed') return outcome.kind;
    this.hold(request, reply, outcome.claim);
    return 'running';
  }

  /**
   * When the client goes away its request may still finish, and the answer is stored for the retry; but a handler
   * that never answers must not hold the key for ever: its lease is no longer renewed and runs out.
   */
  private hold(request: ClaimingRequest, reply: FastifyReply, claim: HeldClaim): void {
    request.idempotencyClaim = claim;
    this.#claims.set(request, claim);
    this.#waiting.add(claim);
    reply.raw.once('close', () => this.#waiting.delete(claim));
  }

  /**
   * Success is kept: the answer is stored before it is sent, so whoever has seen it can get it again. A refusal
   * (4xx) changed nothing, so its key is free for the corrected request. After a failure (5xx) nobody knows; the
   * next attempt runs as a resumed one.
   */
  private async finish(
    claim: HeldClaim,
    request: FastifyRequest,
    reply: FastifyReply,
    payload: unknown,
  ): Promise<void> {
    const body = textOf(payload);
    const status = reply.statusCode;
    if (status >= 400 && status < 500) return this.store.release(claim);
    if (status >= 300 || body === undefined) return this.store.abandon(claim);
    const sealed = sealAnswer(body, credentialOf(request), `${claim.userId}:${claim.key}`);
    await this.store.complete(claim, { status, headers: keptHeaders(reply), body: sealed });
  }

  private async renewAll(): Promise<void> {
    const claims = [...this.#waiting];
    if (claims.length > 0) await this.quietly(() => this.store.renew(claims));
  }

  /** What was done is done, whatever becomes of the note about it: the answer goes out, the lease runs out. */
  private async quietly(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#logger.warn('an idempotency key could not be updated', error);
    }
  }
}

function credentialOf(request: FastifyRequest): string {
  return request.headers.authorization ?? request.headers.cookie ?? '';
}

function textOf(payload: unknown): string | undefined {
  if (payload === undefined || payload === null) return '';
  const text = Buffer.isBuffer(payload) ? payload.toString('utf8') : payload;
  return typeof text === 'string' && text.length <= MAX_ANSWER_CHARS ? text : undefined;
}

function keptHeaders(reply: FastifyReply): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = reply.getHeader(name);
    if (value !== undefined) headers[name] = String(value);
  }
  return headers;
}
