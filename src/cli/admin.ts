import { parseArgs } from 'node:util';
import { newApiKey } from '../auth/api-key-format.js';
import type { Administration } from './admin/administration.js';

const USAGE = `Usage: npm run admin -- <command>
  new-key                      makes a key for STOWAGE_ADMIN_KEY; touches no database
  setup-link                   makes a link that makes an administrator, once, within 30 minutes
  create-user NAME [--admin]   makes a user with an API key
Results go to the standard output, explanations to the standard error. The database is the server's, from the same
environment; the server may run meanwhile.
`;

/** sysexits.h: called wrongly. */
const EXIT_USAGE = 64;

process.exitCode = await main().catch((error: unknown) => {
  explain(error instanceof Error ? error.message : String(error));
  return 1;
});

async function main(): Promise<number> {
  const { positionals, admin } = readArguments();
  const [command, name, ...rest] = positionals;
  switch (command) {
    case 'new-key':
      return name === undefined && !admin ? newKey() : usage();
    case 'setup-link':
      return name === undefined && !admin ? setupLink() : usage();
    case 'create-user':
      return name !== undefined && rest.length === 0 ? createUser(name, admin ? 'admin' : 'user') : usage();
    case undefined:
    default:
      return usage();
  }
}

function readArguments(): { positionals: string[]; admin: boolean } {
  try {
    const options = { admin: { type: 'boolean', default: false } } as const;
    const { positionals, values } = parseArgs({ options, allowPositionals: true });
    return { positionals, admin: values.admin };
  } catch (error) {
    explain((error as Error).message);
    return { positionals: [], admin: false };
  }
}

function newKey(): number {
  give(newApiKey('admin'));
  explain('Start every server with STOWAGE_ADMIN_KEY set to this; keep it like a password.');
  return 0;
}

async function setupLink(): Promise<number> {
  const { link, isWhole } = await administer(({ setupLink }) => setupLink());
  give(link);
  explain('It makes an administrator, once, within 30 minutes.');
  if (!isWhole) explain('Put the address of the server before it: PORT is 0, so it is not known here.');
  return 0;
}

async function createUser(name: string, kind: 'admin' | 'user'): Promise<number> {
  const { id, key } = await administer(({ createUser }) => createUser(name, kind));
  give(key);
  explain(`This is the API key of user ${id}. It is shown this once; keep it like a password.`);
  return 0;
}

/** What needs the database needs half of the server: loaded only then. */
async function administer<T>(act: (administration: Administration) => Promise<T>): Promise<T> {
  const { withAdministration } = await import('./admin/administration.js');
  return withAdministration(act);
}

function usage(): number {
  explain(USAGE);
  return EXIT_USAGE;
}

function give(line: string): void {
  process.stdout.write(`${line}\n`);
}

function explain(text: string): void {
  process.stderr.write(`${text.trimEnd()}\n`);
}
