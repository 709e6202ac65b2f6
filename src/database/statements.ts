import pg from 'pg';
import { RequestError } from '../errors/request-errors.js';
import { isConnectionLoss } from './connection-loss.js';

/**
 * A statement that each connection prepares once. `name` is unique in the whole of Stowage; with an empty one it is
 * planned anew for its values each time, for statements whose best plan depends on them.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export interface StatementsOptions {
  readonly url: string;
  readonly poolSize: number;
  /** Hears of idle connections that broke; the pool replaces them. */
  readonly onConnectionLoss: (error: Error) => void;
}

/** Longest wait for a free connection: when it is over, more requests wait than can be served. */
export const CONNECTION_TIMEOUT_MS = 10_000;
export const STATEMENT_TIMEOUT_MS = 30_000;
const IDLE_TIMEOUT_MS = 300_000;
const QUERY_CANCELED = '57014';

/**
 * Named prepared statements on a pool of their own, for paths where an entity manager costs more than the statement.
 * Each statement is a transaction of its own.
 */
export class Statements {
  private readonly pool: pg.Pool;

  constructor({ url, poolSize, onConnectionLoss }: StatementsOptions) {
    this.pool = new pg.Pool({
      connectionString: url,
      max: poolSize,
      connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'stowage',
      // Compiling a plan takes longer than any of ours runs, and is done for guesses at its cost.
      options: '-c timezone=UTC -c jit=off',
    });
    this.pool.on('error', onConnectionLoss);
  }

  /**
   * @param Row the columns as node-postgres gives them: BIGINT is a string
   * @throws RequestError `service_unavailable` when the database cannot be reached or does not answer in time. A
   *   statement that was under way may have taken effect.
   */
  async query<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    try {
      const { rows } = await this.pool.query<Row>({ ...statement, values: [...values] });
      return rows;
    } catch (error) {
      if (isTimeout(error)) throw databaseTooSlow(error);
      throw isConnectionLoss(error) ? databaseUnavailable(error) : error;
    }
  }

  async close(): Promise<void> {
    if (!this.pool.ended) await this.pool.end();
  }
}

/** Whether PostgreSQL ended a statement that took too long: it has changed nothing. */
export function isTimeout(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === QUERY_CANCELED;
}

/** What took too long has changed nothing; the next attempt may find the database less busy. */
export function databaseTooSlow(cause?: unknown): RequestError {
  return new RequestError(
    'service_unavailable',
    'The database took too long for this. Narrow down what you ask for, or try again.',
    { retryable: true, retryAfterMs: 5_000, cause },
  );
}

/** @param cause the connection was lost; a statement that was under way may have taken effect */
export function databaseUnavailable(cause: unknown): RequestError {
  return new RequestError('service_unavailable', 'The database does not answer right now. Try again.', {
    retryable: true,
    retryAfterMs: 1_000,
    cause,
  });
}
