// Runs once a jest run, in the parent process and outside of jest's module loader: Node strips the types itself.
import './typescript-hooks.mjs';

export default async function start() {
  const { startSharedPostgres } = await import('./embedded.ts');
  const postgres = await startSharedPostgres();
  globalThis.stowageSharedPostgres = postgres;
  process.env.STOWAGE_TEST_POSTGRES = postgres.url;
}
