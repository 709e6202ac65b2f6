// Runs once a jest run, in the parent process, outside of jest's module loader: Node strips the types itself.
import { registerHooks } from 'node:module';

const hooks = registerHooks({
  resolve(specifier, context, nextResolve) {
    const isOurs = specifier.startsWith('.') && !context.parentURL?.includes('/node_modules/');
    return nextResolve(isOurs ? specifier.replace(/\.js$/, '.ts') : specifier, context);
  },
});

export default async function start() {
  const { startSharedPostgres } = await import('./embedded.ts');
  hooks.deregister();
  const postgres = await startSharedPostgres();
  globalThis.stowageSharedPostgres = postgres;
  process.env.STOWAGE_TEST_POSTGRES = postgres.url;
}
