import type { Statements } from '../../database/statements.js';

const UNKNOWN = '-';

const CLUSTER = {
  name: 'epoch_cluster',
  text: 'SELECT system_identifier::text AS id FROM pg_control_system()',
};

const DATABASE = {
  name: 'epoch_database',
  text: `SELECT (SELECT oid FROM pg_database WHERE datname = current_database())::text AS database,
    'bucket_epochs'::regclass::oid::text AS rows`,
};

/**
 * Names the copy of the rows that this is: `<cluster>/<database>/<table>`. A dump that is restored, wherever it is,
 * makes a new database or at least new tables; a copy of the files keeps all three, and is told by its epoch alone.
 */
export async function databaseIdentity(statements: Statements): Promise<string> {
  const [here] = await statements.query<{ database: string; rows: string }>(DATABASE, []);
  const cluster = await clusterOf(statements);
  return [cluster, here!.database, here!.rows].join('/');
}

/** Parts that could not be read on one of the two occasions tell nothing. */
export function isSameDatabase(left: string, right: string): boolean {
  const [here, there] = [left.split('/'), right.split('/')];
  return (
    here.length === there.length &&
    here.every((part, index) => part === UNKNOWN || there[index] === UNKNOWN || part === there[index])
  );
}

/** A role may lack the permission to ask. */
async function clusterOf(statements: Statements): Promise<string> {
  try {
    const [cluster] = await statements.query<{ id: string }>(CLUSTER, []);
    return cluster?.id ?? UNKNOWN;
  } catch (error) {
    if ((error as { code?: string }).code === INSUFFICIENT_PRIVILEGE) return UNKNOWN;
    throw error;
  }
}

const INSUFFICIENT_PRIVILEGE = '42501';
