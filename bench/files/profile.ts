import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { measure, warmUp } from './measure.ts';
import type { Options } from './options.ts';
import type { Peer } from './peers/peer.ts';
import { type CpuProfile, ownersTable } from './profile-owners.ts';
import { progressLine } from './report.ts';
import type { Stage } from './stage.ts';

const SAMPLE_MICROSECONDS = 200;

/** Records a CPU profile of our server for each operation, and prints who spent the time. */
export async function profileOperations(stage: Stage, options: Options, folder: string): Promise<number> {
  mkdirSync(folder, { recursive: true });
  for (const peer of stage.peers) {
    const inspector = await Inspector.open(peer);
    for (const operation of options.operations.filter(({ peers }) => peers.includes(peer.name))) {
      await warmUp(stage, peer, operation, 'seconds' in operation.stop ? { seconds: 3 } : { requests: 1 });
      await inspector.call('Profiler.start');
      const measurement = await measure(stage, peer, operation, operation.stop, 1);
      const { profile } = await inspector.call<{ profile: CpuProfile }>('Profiler.stop');
      writeFileSync(join(folder, `${operation.name}.cpuprofile`), JSON.stringify(profile));
      console.log(`\n${progressLine(measurement)}\n${ownersTable(profile, measurement.requests)}`);
    }
    inspector.close();
  }
  return 0;
}

/** The few calls of the inspector's protocol that a profile takes. It sees the main thread only. */
class Inspector {
  private readonly socket: WebSocket;
  private calls = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
  }

  static async open({ inspectorUrl, name }: Peer): Promise<Inspector> {
    if (inspectorUrl === undefined) throw new Error(`${name} has no inspector`);
    const socket = new WebSocket(inspectorUrl);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', () => reject(new Error('the inspector refuses')), { once: true });
    });
    const inspector = new Inspector(socket);
    await inspector.call('Profiler.enable');
    await inspector.call('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
    return inspector;
  }

  async call<Result>(method: string, params?: object): Promise<Result> {
    const id = ++this.calls;
    const answer = new Promise<Result>((resolve, reject) => {
      const listen = ({ data }: MessageEvent): void => {
        const message = JSON.parse(String(data)) as {
          id?: number;
          result: Result;
          error?: { message: string };
        };
        if (message.id !== id) return;
        this.socket.removeEventListener('message', listen);
        if (message.error) reject(new Error(message.error.message));
        else resolve(message.result);
      };
      this.socket.addEventListener('message', listen);
    });
    this.socket.send(JSON.stringify({ id, method, params }));
    return answer;
  }

  close(): void {
    this.socket.close();
  }
}
