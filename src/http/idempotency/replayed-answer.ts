import type { FastifyReply } from 'fastify';

/** An answer as it was given the first time. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Thrown instead of running a request again; the problem filter sends it. */
export class ReplayedAnswer extends Error {
  constructor(private readonly answer: StoredAnswer) {
    super('already answered');
    this.name = 'ReplayedAnswer';
  }

  sendOn(reply: FastifyReply): void {
    const { status, headers, body } = this.answer;
    void reply
      .code(status)
      .headers({ ...headers, 'idempotency-replayed': 'true' })
      .send(body);
  }
}
