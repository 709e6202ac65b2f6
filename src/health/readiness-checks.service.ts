import { Injectable } from '@nestjs/common';
import { type HealthIndicatorFunction, HealthIndicatorService } from '@nestjs/terminus';
import { StopSignal } from '../config/stop-signal.js';
import { Sealing } from '../credentials/sealing/sealing.service.js';
import { Statements } from '../database/statements.js';

const DATABASE_DEADLINE_MS = 2_000;
const PING = { name: 'health_ping', text: 'SELECT 1 AS one' };

/** What must hold before requests are sent here. Users' buckets are their own affair: they are not looked at. */
@Injectable()
export class ReadinessChecks {
  constructor(
    private readonly stopping: StopSignal,
    private readonly statements: Statements,
    private readonly sealing: Sealing,
    private readonly indicators: HealthIndicatorService,
  ) {}

  all(): HealthIndicatorFunction[] {
    return [() => this.process(), () => this.database(), () => this.credentials()];
  }

  private process() {
    const indicator = this.indicators.check('process');
    return this.stopping.signal.aborted ? indicator.down('is stopping') : indicator.up();
  }

  private async database() {
    const indicator = this.indicators.check('database');
    const answered = await withinDeadline(this.statements.query(PING, []), DATABASE_DEADLINE_MS);
    return answered ? indicator.up() : indicator.down('does not answer');
  }

  /** Why it is sealed is in the log: it names key ids, which are nobody else's business. */
  private credentials() {
    const indicator = this.indicators.check('credentials');
    return this.sealing.state.open
      ? indicator.up()
      : indicator.down('is sealed: the master key is not the right one');
  }
}

/** Whether the work succeeded in time; a balancer must not wait for a hanging database. */
async function withinDeadline(work: Promise<unknown>, deadlineMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), deadlineMs)));
  const done = work.then(
    () => true,
    () => false,
  );
  return Promise.race([done, deadline]).finally(() => clearTimeout(timer));
}
