import {
  type GetOrder,
  type OrderAnswer,
  type OrderedRequest,
  type OrderRequest,
  type PutOrder,
} from '../../agent-protocol/messages.js';
import { MAX_ORDERS } from '../../agent-protocol/protocol.js';

/** Asks the server for one batch. */
export type PlaceOrders = (batch: Pick<OrderRequest, 'puts' | 'gets'>) => Promise<OrderAnswer>;

/** What was asked for within so many milliseconds is asked for together. */
const BATCH_WINDOW_MS = 4;
/** An order that is about to expire is none: the request must still arrive. */
const MIN_LEFT_MS = 60_000;
/** About 1 KiB each. */
const MAX_CACHED_ORDERS = 4_096;

type Ask =
  | {
      readonly verb: 'put';
      readonly order: PutOrder;
      settle(request: OrderedRequest | undefined): void;
      fail(error: unknown): void;
    }
  | {
      readonly verb: 'get';
      readonly order: GetOrder;
      settle(request: OrderedRequest | undefined): void;
      fail(error: unknown): void;
    };

interface CachedOrder {
  readonly request: OrderedRequest;
  readonly goodUntilMs: number;
}

/**
 * Signed requests of one repository. Orders that are asked for at about the same time go to the server as one
 * message, and orders to read are kept until shortly before they expire.
 */
export class FileOrders {
  readonly #place: PlaceOrders;
  readonly #nowMs: () => number;
  readonly #reads = new Map<string, CachedOrder>();
  readonly #waiting: Ask[] = [];

  /** @param nowMs milliseconds that never step back */
  constructor(place: PlaceOrders, nowMs: () => number = () => performance.now()) {
    this.#place = place;
    this.#nowMs = nowMs;
  }

  /** `undefined`: the file is stored already. Rejects as `place` does. */
  put(order: PutOrder): Promise<OrderedRequest | undefined> {
    return this.#ask((settle, fail) => ({ verb: 'put', order, settle, fail }));
  }

  /** Rejects as `place` does. */
  async get(order: GetOrder): Promise<OrderedRequest> {
    const name = nameOf(order);
    const cached = this.#reads.get(name);
    if (cached !== undefined && cached.goodUntilMs > this.#nowMs()) return cached.request;
    const request = (await this.#ask((settle, fail) => ({
      verb: 'get',
      order,
      settle,
      fail,
    }))) as OrderedRequest;
    this.#reads.delete(name);
    const goodUntilMs = this.#nowMs() + request.expires_in_seconds * 1_000 - MIN_LEFT_MS;
    if (this.#reads.size >= MAX_CACHED_ORDERS) this.#reads.delete(this.#reads.keys().next().value!);
    this.#reads.set(name, { request, goodUntilMs });
    return request;
  }

  /** The next `get` asks the server anew: this one was refused by the storage. */
  forget(order: GetOrder): void {
    this.#reads.delete(nameOf(order));
  }

  #ask(
    make: (settle: (request: OrderedRequest | undefined) => void, fail: (error: unknown) => void) => Ask,
  ): Promise<OrderedRequest | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(make(resolve, reject));
      if (this.#waiting.length === 1) setTimeout(() => this.#sendAll(), BATCH_WINDOW_MS);
    });
  }

  #sendAll(): void {
    const asks = this.#waiting.splice(0);
    for (let at = 0; at < asks.length; at += MAX_ORDERS) void this.#send(asks.slice(at, at + MAX_ORDERS));
  }

  async #send(asks: readonly Ask[]): Promise<void> {
    const puts = asks.filter(({ verb }) => verb === 'put').map(({ order }) => order as PutOrder);
    const gets = asks.filter(({ verb }) => verb === 'get').map(({ order }) => order);
    try {
      const answer = await this.#place({
        ...(puts.length > 0 && { puts }),
        ...(gets.length > 0 && { gets }),
      });
      const stored = new Set(answer.stored);
      const requests = new Map(
        [...answer.puts, ...answer.gets].map((each) => [`${each.method} ${nameOf(each)}`, each]),
      );
      for (const ask of asks) {
        const request = requests.get(`${ask.verb.toUpperCase()} ${nameOf(ask.order)}`);
        if (request !== undefined) ask.settle(request);
        else if (ask.verb === 'put' && stored.has(ask.order.id)) ask.settle(undefined);
        else ask.fail(new Error(`The server has answered no order for ${nameOf(ask.order)}.`));
      }
    } catch (error) {
      for (const ask of asks) ask.fail(error);
    }
  }
}

function nameOf({ kind, id }: { readonly kind: string; readonly id: string }): string {
  return `${kind} ${id}`;
}
