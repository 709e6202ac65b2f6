import { randomBytes } from 'node:crypto';
import type { GetOrder, LeaseGrant, OrderAnswer, PutOrder } from '../../src/agent-protocol/messages.ts';
import { AGENT_PATHS, MAX_ORDERS } from '../../src/agent-protocol/protocol.ts';
import { CpuReading } from '../files/process-meter.ts';
import { apiOf } from './api.ts';
import { enrolAgents } from './enrolment.ts';
import type { Stage } from './stage.ts';

export interface OrdersMeasurement {
  readonly kind: 'puts' | 'gets';
  readonly signaturesPerSecond: number;
  readonly cpuPerSignatureUs: number;
}

const SECONDS = 10;
const WARM_UP_SECONDS = 2;
const AGENTS = 4;
const SIZE_BYTES = 4 * 1_024 * 1_024;

/** How many URLs a second the server signs for a few agents that ask as fast as they are answered, 200 at once. */
export async function measureOrders(stage: Stage): Promise<OrdersMeasurement[]> {
  const { url, ask } = stage;
  const agents = await enrolAgents({ url, ask, agents: AGENTS, intervalSeconds: 3_600 });
  const askers = await Promise.all(
    agents.map(async ({ apiKey, workspaceId }) => {
      const asAgent = apiOf(url, apiKey);
      const lease = await asAgent<LeaseGrant>('POST', AGENT_PATHS.lease, { workspace_id: workspaceId });
      const access = { workspace_id: workspaceId, fencing: lease.fencing };
      return (wanted: object) => asAgent<OrderAnswer>('POST', AGENT_PATHS.orders, { access, ...wanted });
    }),
  );
  const measured: OrdersMeasurement[] = [];
  for (const kind of ['gets', 'puts'] as const) {
    const order = () => ({ [kind]: Array.from({ length: MAX_ORDERS }, kind === 'puts' ? newPut : newGet) });
    await askFor(WARM_UP_SECONDS, () => askers.map((asker) => () => asker(order())));
    const before = new CpuReading(stage.server.pid);
    const { signatures, seconds } = await askFor(SECONDS, () => askers.map((asker) => () => asker(order())));
    const cpuSeconds = new CpuReading(stage.server.pid).since(before);
    measured.push({
      kind,
      signaturesPerSecond: signatures / seconds,
      cpuPerSignatureUs: (cpuSeconds / signatures) * 1e6,
    });
  }
  return measured;
}

/** Each asker asks again as soon as it is answered. */
async function askFor(
  seconds: number,
  askers: () => (() => Promise<OrderAnswer>)[],
): Promise<{ signatures: number; seconds: number }> {
  const startedMs = performance.now();
  let signatures = 0;
  await Promise.all(
    askers().map(async (ask) => {
      while (performance.now() - startedMs < seconds * 1_000) {
        const { puts, gets } = await ask();
        signatures += puts.length + gets.length;
      }
    }),
  );
  return { signatures, seconds: (performance.now() - startedMs) / 1_000 };
}

function newPut(): PutOrder {
  const [id, md5] = [randomBytes(32).toString('hex'), randomBytes(16).toString('hex')];
  return { kind: 'pack', id, size_bytes: SIZE_BYTES, md5 };
}

function newGet(): GetOrder {
  return { kind: 'pack', id: randomBytes(32).toString('hex') };
}
