import { Child, HARNESS_CORE } from './child.ts';
import type { GetJob, LoadResult, RawUploadJob, RefusalJob, UploadJob } from './load/jobs.ts';
import { startBare } from './peers/bare.ts';
import type { Peer, PeerName, Surroundings, UploadTarget } from './peers/peer.ts';
import { startStowage } from './peers/stowage.ts';
import { Postgres } from './postgres.ts';

export type LoadJob =
  | { readonly kind: 'upload'; readonly job: UploadJob }
  | { readonly kind: 'put' | 'tus'; readonly job: RawUploadJob }
  | { readonly kind: 'get'; readonly job: GetJob }
  | { readonly kind: 'refusal'; readonly job: RefusalJob };

interface Stoppable {
  stop(): Promise<void>;
}

/** Everything that runs during a benchmark. */
export class Stage {
  readonly postgres: Postgres;
  readonly peers: Peer[] = [];
  private readonly sink: Child;
  private readonly load: Child;
  private clearing: Promise<void> | undefined;
  private readonly started: Stoppable[] = [];

  private constructor(postgres: Postgres, sink: Child, load: Child) {
    this.postgres = postgres;
    this.sink = sink;
    this.load = load;
  }

  /** Starts database, sink, client and servers; what was started is stopped again when one of them fails. */
  static async set(names: readonly PeerName[], profiled: boolean): Promise<Stage> {
    const postgres = await Postgres.start();
    const stage = new Stage(
      postgres,
      Child.script(HARNESS_CORE, './sink/sink.ts'),
      Child.script(HARNESS_CORE, './load/load.ts'),
    );
    stage.started.push(postgres, stage.sink, stage.load);
    try {
      const sinkPort = await stage.sink.ask<number>('listen');
      const own = (started: Stoppable): unknown => stage.started.push(started);
      const surroundings = {
        postgres,
        sinkPort,
        profiled,
        own,
        uploadPattern: stage.uploadPattern.bind(stage),
      };
      for (const name of names) stage.peers.push(await START[name](surroundings));
      await stage.sink.ask('keepBodies', false);
      return stage;
    } catch (error) {
      await stage.clear();
      throw error;
    }
  }

  /** The processes that share a core with the client. */
  get harnessPids(): readonly number[] {
    return [this.sink.pid, this.load.pid, this.postgres.pid];
  }

  async run({ kind, job }: LoadJob): Promise<LoadResult> {
    return this.load.ask<LoadResult>(kind, job);
  }

  /** Provider calls since the start, by kind. */
  async providerCalls(): Promise<Record<string, number>> {
    return this.sink.ask('counts');
  }

  async delayProvider(milliseconds: number): Promise<void> {
    await this.sink.ask('delay', milliseconds);
  }

  /** Ends everything that was started, the last first. May be called more than once. */
  clear(): Promise<void> {
    this.clearing ??= this.stopAll();
    return this.clearing;
  }

  private async stopAll(): Promise<void> {
    for (const each of this.started.toReversed()) await each.stop();
  }

  /** The sink keeps bodies while servers prove their connection, but never one of this size. */
  private async uploadPattern(
    { port, headers, path, field }: UploadTarget,
    sizeBytes: number,
  ): Promise<void> {
    await this.sink.ask('keepBodies', false);
    const job = { port, headers, path, field, sizeBytes, concurrency: 1, stop: { requests: 1 } };
    const { errors, firstError } = await this.run({ kind: 'upload', job });
    await this.sink.ask('keepBodies', true);
    if (errors > 0) throw new Error(`upload to port ${port} failed: ${firstError}`);
  }
}

const START: Readonly<Record<PeerName, (surroundings: Surroundings) => Promise<Peer>>> = {
  bare: startBare,
  stowage: startStowage,
};
