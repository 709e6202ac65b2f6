import { describe, expect, it } from '@jest/globals';
import type { GetOrder, OrderedRequest, PutOrder } from '../../agent-protocol/messages.js';
import { MAX_ORDERS } from '../../agent-protocol/protocol.js';
import { FileOrders, type PlaceOrders } from './file-orders.js';

const idOf = (number: number) => number.toString(16).padStart(64, '0');
const put = (number: number): PutOrder => ({
  kind: 'pack',
  id: idOf(number),
  size_bytes: 1,
  md5: '0'.repeat(32),
});
const get = (number: number): GetOrder => ({ kind: 'pack', id: idOf(number) });

function signed(method: 'GET' | 'PUT', { kind, id }: GetOrder): OrderedRequest {
  return { kind, id, method, url: `https://bucket/${id}`, headers: {}, expires_in_seconds: 900 };
}

function broker({ stored = [] }: { stored?: readonly string[] } = {}) {
  const batches: { puts: number; gets: number }[] = [];
  const place: PlaceOrders = async ({ puts = [], gets = [] }) => {
    batches.push({ puts: puts.length, gets: gets.length });
    const missing = puts.filter(({ id }) => !stored.includes(id));
    return {
      puts: missing.map((each) => signed('PUT', each)),
      stored: puts.map(({ id }) => id).filter((id) => stored.includes(id)),
      gets: gets.map((each) => signed('GET', each)),
    };
  };
  return { batches, place };
}

describe('orders of files', () => {
  it('that are asked for together travel together', async () => {
    const { batches, place } = broker();
    const orders = new FileOrders(place);
    const asked = await Promise.all([orders.put(put(1)), orders.put(put(2)), orders.get(get(3))]);
    expect(asked.map((request) => `${request?.method} ${request?.id}`)).toEqual([
      `PUT ${idOf(1)}`,
      `PUT ${idOf(2)}`,
      `GET ${idOf(3)}`,
    ]);
    expect(batches).toEqual([{ puts: 2, gets: 1 }]);
  });

  it('are never more than the server takes at once', async () => {
    const { batches, place } = broker();
    const orders = new FileOrders(place);
    await Promise.all(Array.from({ length: MAX_ORDERS + 5 }, (_, at) => orders.get(get(at))));
    expect(batches).toEqual([
      { puts: 0, gets: MAX_ORDERS },
      { puts: 0, gets: 5 },
    ]);
  });

  it('of files that are there already are none', async () => {
    const { place } = broker({ stored: [idOf(1)] });
    await expect(new FileOrders(place).put(put(1))).resolves.toBeUndefined();
  });

  it('to read are kept until shortly before they expire, or are refused', async () => {
    const clock = { ms: 0 };
    const { batches, place } = broker();
    const orders = new FileOrders(place, () => clock.ms);
    await orders.get(get(1));
    clock.ms = 839_000;
    await orders.get(get(1));
    expect(batches).toHaveLength(1);
    clock.ms = 841_000;
    await orders.get(get(1));
    expect(batches).toHaveLength(2);
    orders.forget(get(1));
    await orders.get(get(1));
    expect(batches).toHaveLength(3);
  });

  it('fail together, and the next ones are asked for anew', async () => {
    const { place } = broker();
    let isAway = true;
    const orders = new FileOrders((batch) => (isAway ? Promise.reject(new Error('away')) : place(batch)));
    const failed = await Promise.allSettled([orders.get(get(1)), orders.put(put(2))]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isAway = false;
    await expect(orders.get(get(1))).resolves.toMatchObject({ id: idOf(1) });
  });

  it('that the server has forgotten are an error', async () => {
    const orders = new FileOrders(async () => ({ puts: [], stored: [], gets: [] }));
    await expect(orders.put(put(1))).rejects.toThrow('no order');
  });
});
