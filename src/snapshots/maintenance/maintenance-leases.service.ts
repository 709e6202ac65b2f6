import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';

/** The exclusive right to maintain one repository. */
export interface MaintenanceLease {
  readonly repositoryId: string;
  /** Aborted when the lease is lost, or when the caller's signal is. */
  readonly signal: AbortSignal;
  /** A transaction that only takes place while the lease is held: a run that was paused for long changes no row. */
  transaction<Result>(work: (manager: EntityManager) => Promise<Result>): Promise<Result>;
}

/** Another run has taken the repository over, or is thought to have. */
export class MaintenanceLeaseLost extends Error {
  override readonly name = 'MaintenanceLeaseLost';

  constructor() {
    super('The maintenance of this repository was taken over by another run.');
  }
}

export const LEASE_TTL_SECONDS = 120;
const RENEW_MS = 30_000;

/**
 * One run at a time looks after a repository, in the whole installation. A row rather than a lock of the database: work
 * on a bucket outlives transactions and connections. Its random name is the fence: whoever lost the row cannot use it.
 */
@Injectable()
export class MaintenanceLeases {
  constructor(private readonly database: DataSource) {}

  /** @returns `busy` when another run has the repository */
  async hold<Result>(
    repositoryId: string,
    signal: AbortSignal,
    work: (lease: MaintenanceLease) => Promise<Result>,
  ): Promise<Result | 'busy'> {
    const token = randomUUID();
    if (!(await this.changes(TAKE, [repositoryId, token, LEASE_TTL_SECONDS]))) return 'busy';
    const lost = new AbortController();
    const renewing = this.keep(repositoryId, token, lost);
    try {
      return await work({
        repositoryId,
        signal: AbortSignal.any([signal, lost.signal]),
        transaction: (inside) => this.fenced(repositoryId, token, inside),
      });
    } finally {
      clearInterval(renewing);
      // When the database is gone the lease runs out.
      await this.changes(RELEASE, [repositoryId, token]).catch(() => undefined);
    }
  }

  private keep(repositoryId: string, token: string, lost: AbortController): NodeJS.Timeout {
    let heldMs = performance.now();
    const renew = async (): Promise<void> => {
      const askedMs = performance.now();
      const isHeld = await this.changes(RENEW, [repositoryId, token, LEASE_TTL_SECONDS]).catch(
        () => undefined,
      );
      if (isHeld === true) heldMs = askedMs;
      const isTooOld = performance.now() - heldMs > (LEASE_TTL_SECONDS - 10) * 1_000;
      if (isHeld === false || isTooOld) lost.abort(new MaintenanceLeaseLost());
    };
    return setInterval(() => void renew(), RENEW_MS).unref();
  }

  private fenced<Result>(
    repositoryId: string,
    token: string,
    inside: (manager: EntityManager) => Promise<Result>,
  ): Promise<Result> {
    return this.database.transaction(async (manager) => {
      const held = await manager.query<unknown[]>(FENCE, [repositoryId, token]);
      if (held.length === 0) throw new MaintenanceLeaseLost();
      return inside(manager);
    });
  }

  private async changes(statement: string, values: readonly unknown[]): Promise<boolean> {
    const [rows] = await this.database.query<[unknown[], number]>(statement, [...values]);
    return rows.length > 0;
  }
}

const TAKE = `UPDATE repositories SET maintained_by = $2, maintained_until = now() + $3 * interval '1 second'
  WHERE id = $1 AND state = 'ready' AND coalesce(maintained_until, '-infinity') <= now() RETURNING id`;

const RENEW = `UPDATE repositories SET maintained_until = now() + $3 * interval '1 second'
  WHERE id = $1 AND maintained_by = $2 AND maintained_until > now() RETURNING id`;

const RELEASE = `UPDATE repositories SET maintained_by = NULL, maintained_until = NULL
  WHERE id = $1 AND maintained_by = $2 RETURNING id`;

const FENCE = `SELECT 1 FROM repositories WHERE id = $1 AND maintained_by = $2 AND maintained_until > now()
  FOR NO KEY UPDATE`;
