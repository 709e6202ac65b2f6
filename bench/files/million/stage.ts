import { Child, HARNESS_CORE } from '../child.ts';
import { Postgres } from '../postgres.ts';
import { type Api, configureBucket, type StartedServer, startServer } from '../server.ts';
import type { Asker } from './answers.ts';
import { askerOf } from './askers.ts';
import { FEW_FILES, fill, MANY_FILES } from './fill.ts';

/** One server with a user who has a million files, one with a thousand, and two hundred more of these. */
export class MillionStage {
  readonly postgres: Postgres;
  readonly load: Child;
  readonly many: Asker;
  readonly few: Asker;
  readonly port: number;
  /** As the user with many files. */
  readonly api: Api;
  readonly userId: number;
  private readonly started: readonly Stoppable[];

  private constructor(
    parts: Pick<MillionStage, 'postgres' | 'load' | 'many' | 'few' | 'port' | 'api' | 'userId'>,
    started: readonly Stoppable[],
  ) {
    this.postgres = parts.postgres;
    this.load = parts.load;
    this.many = parts.many;
    this.few = parts.few;
    this.port = parts.port;
    this.api = parts.api;
    this.userId = parts.userId;
    this.started = started;
  }

  /** @param tell hears how far it is. What was started is stopped again when something fails. */
  static async set(tell: (text: string) => void): Promise<MillionStage> {
    const postgres = await Postgres.start();
    const started: Stoppable[] = [postgres];
    try {
      const sink = Child.script(HARNESS_CORE, './sink/sink.ts');
      const load = Child.script(HARNESS_CORE, './load/load.ts');
      started.push(sink, load);
      const sinkPort = await sink.ask<number>('listen');
      const own = (one: Stoppable): unknown => started.push(one);
      const server = await startServer({ postgres, sinkPort, own, profiled: false });
      const { userId, few } = await users(server, sinkPort);
      // Bodies were kept while connections were proven.
      await sink.ask('keepBodies', false);
      tell(`making ${MANY_FILES.toLocaleString('en')} files`);
      await fill(server.databaseUrl, userId, few.userId);
      const { databaseUrl, api, port } = server;
      const asker = (of: Api, id: number, files: number) => askerOf(databaseUrl, of, id, files);
      const parts = {
        many: await asker(api, userId, MANY_FILES),
        few: await asker(few.api, few.userId, FEW_FILES),
      };
      return new MillionStage({ postgres, load, port, api, userId, ...parts }, started);
    } catch (error) {
      await stopAll(started);
      throw error;
    }
  }

  clear(): Promise<void> {
    return stopAll(this.started);
  }
}

interface Stoppable {
  stop(): Promise<void>;
}

/** The administrator has many files; somebody new, with a bucket of their own, has few. */
async function users({ api }: StartedServer, sinkPort: number) {
  const { user } = await api.ask<{ user: { id: number } }>('GET', '/api/v1/me');
  const other = await api.ask<{ id: number }>('POST', '/api/v1/users', { name: 'few' });
  const { key } = await api.ask<{ key: string }>('POST', '/api/v1/api-keys', {
    name: 'few',
    user_id: other.id,
  });
  const few = { userId: other.id, api: api.as(key) };
  await configureBucket(few.api, sinkPort, 'few');
  return { userId: user.id, few };
}

async function stopAll(started: readonly Stoppable[]): Promise<void> {
  for (const each of started.toReversed()) await each.stop();
}
