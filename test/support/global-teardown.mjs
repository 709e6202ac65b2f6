export default async function stop() {
  await globalThis.stowageSharedPostgres?.stop();
}
