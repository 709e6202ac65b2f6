import type { Metric } from './operations.ts';
import type { PeerName } from './peers/peer.ts';

/** One operation on one server in one round: a JSON line of the output. */
export interface Measurement extends Record<Metric, number> {
  readonly operation: string;
  readonly peer: PeerName;
  readonly round: number;
  readonly requests: number;
  readonly seconds: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly rssBeforeMib: number;
  readonly rssPeakMib: number;
  readonly postgresCpuUs: number;
  /** Provider calls of each kind, per request. */
  readonly calls: Readonly<Record<string, number>>;
  /** CPU of client, sink and database over the time that passed: near 1, the harness is the limit. */
  readonly harnessBusy: number;
  readonly loadAverage: number;
}
