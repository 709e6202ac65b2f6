import { copyObject, type CopyRoute } from './copy-object.js';
import type { FileMove } from './file-move.entity.js';
import type { MoveRows, NamingTable, NeededObject } from './move-rows.js';

export interface CopyAllOptions {
  readonly move: FileMove;
  readonly rows: MoveRows;
  /** Of the configurations whose buckets can be read. */
  readonly routes: ReadonlyMap<number, CopyRoute>;
  /** Runs after each batch; may throw to end the work. */
  readonly afterBatch: () => Promise<void>;
}

/** Objects that one move copies at the same time. */
export const COPIES_AT_ONCE = 4;
const BATCH = 200;

const TABLES: readonly NamingTable[] = ['cloud_files', 'file_versions'];

/**
 * Copies everything that files and versions need and that was not tried yet, until a look over all rows finds nothing.
 * @returns how many objects were copied or noted as failed
 * @throws the first failure that another try may mend, once the copies under way have ended
 */
export async function copyObjects(options: CopyAllOptions): Promise<number> {
  let total = 0;
  for (;;) {
    let found = 0;
    for (const table of TABLES) found += await copyNamedBy(table, options);
    total += found;
    if (found === 0) return total;
  }
}

async function copyNamedBy(table: NamingTable, options: CopyAllOptions): Promise<number> {
  const { move, rows, routes, afterBatch } = options;
  const configIds = [...routes.keys()];
  let found = 0;
  for (let afterId = 0; ;) {
    const batch = await rows.needed(move, table, { afterId, configIds, limit: BATCH });
    const last = batch.at(-1);
    if (last === undefined) return found;
    await copyBatch(batch, routes);
    found += batch.length;
    afterId = last.rowId;
    await afterBatch();
  }
}

/** A bounded number at once; after a failure no further one begins. */
async function copyBatch(
  batch: readonly NeededObject[],
  routes: ReadonlyMap<number, CopyRoute>,
): Promise<void> {
  const waiting = [...batch];
  const failures: unknown[] = [];
  const work = async () => {
    for (let object = waiting.shift(); object !== undefined; object = waiting.shift()) {
      const route = routes.get(object.configId)!;
      try {
        route.signal.throwIfAborted();
        await copyObject(route, object);
      } catch (error) {
        failures.push(error);
        waiting.length = 0;
      }
    }
  };
  await Promise.all(Array.from({ length: COPIES_AT_ONCE }, work));
  if (failures.length > 0) throw failures[0];
}
