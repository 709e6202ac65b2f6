import type { OrderRequest, PutOrder } from '../agent-protocol/messages.js';
import { MAX_ORDERED_BYTES, MAX_ORDERS } from '../agent-protocol/protocol.js';
import { isSha256Hex } from '../snapshot-engine/index.js';
import { orderRefused } from './repositories-error.js';

const WRITTEN_KINDS: ReadonlySet<string> = new Set(['pack']);
const READ_KINDS: ReadonlySet<string> = new Set(['pack', 'index', 'snapshot']);
const MD5_HEX = /^[0-9a-f]{32}$/;

/**
 * What no agent may ask for, whatever its lease: other kinds of files, names that are no SHA-256 (and so might lead
 * elsewhere), and files that are too large or empty.
 * @throws RepositoriesError `order_refused`
 */
export function assertOrders({ puts = [], gets = [] }: OrderRequest): void {
  if (puts.length + gets.length > MAX_ORDERS)
    throw orderRefused(`at most ${MAX_ORDERS} files are ordered at once`);
  for (const { kind, id } of gets) assertName(kind, id, READ_KINDS);
  for (const put of puts) assertPut(put);
  if (new Set(puts.map(({ id }) => id)).size < puts.length) throw orderRefused('a file is ordered twice');
}

function assertPut({ kind, id, size_bytes, md5 }: PutOrder): void {
  assertName(kind, id, WRITTEN_KINDS);
  if (!Number.isSafeInteger(size_bytes) || size_bytes < 1 || size_bytes > MAX_ORDERED_BYTES)
    throw orderRefused(`a file has 1 to ${MAX_ORDERED_BYTES} bytes`);
  if (!MD5_HEX.test(md5)) throw orderRefused('an MD5 is written as 32 lower-case hex digits');
}

function assertName(kind: string, id: string, kinds: ReadonlySet<string>): void {
  if (!kinds.has(kind)) throw orderRefused('no agent may read or write files of this kind');
  if (!isSha256Hex(id)) throw orderRefused('files are named by 64 lower-case hex digits');
}
