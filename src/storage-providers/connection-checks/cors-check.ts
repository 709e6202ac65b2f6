import { createHash } from 'node:crypto';
import type { CorsAdvice } from '../cors-advice.js';
import { type CheckOutcome, passed, skipped, warning } from './check.js';
import type { Probe, SendPreflight } from './probe.js';

/**
 * Asks as browsers do before they send a file to a signed URL, for each origin that may call this server. A bucket that
 * refuses is no failure: programs, and uploads through this server, do not ask.
 * @throws StorageError when there was no answer
 */
export async function checkCors(
  probe: Probe,
  origins: readonly string[],
  advice: CorsAdvice,
  signal: AbortSignal,
): Promise<CheckOutcome> {
  if (probe.preflight === undefined) {
    return skipped('Browsers reach a local disk through this server, which answers them by CORS_ORIGINS.');
  }
  if (origins.length === 0) {
    return skipped('No web page of another origin may call this server: CORS_ORIGINS is empty.');
  }
  if (probe.storage.signedUrls === undefined) return skipped('This provider has no signed URLs.');
  const { url, headers } = await probe.storage.signedUrls.signPut(`${probe.folder}cors`, {
    expiresInSeconds: 300,
    sizeBytes: probe.bytes.length,
    createOnly: probe.found.createOnly === true,
    md5: createHash('md5').update(probe.bytes).digest(),
  });
  const sent = ['content-type', ...Object.keys(headers)].filter((name) => name !== 'content-length').sort();
  const refused: string[] = [];
  for (const origin of origins) {
    const answer = await probe.preflight(url, { origin, headers: sent }, signal);
    if (!admits(answer, origin, sent)) refused.push(origin);
  }
  if (refused.length === 0) return passed({ observed: { origins: origins.length } });
  return warning(
    `Web pages of ${refused.join(', ')} cannot send files straight into this bucket: its CORS rules do not let them.`,
    {
      code: 'cors_refused',
      repair: `${advice.steps}\n${advice.rules(origins)}`,
      observed: { refused: refused.length },
    },
  );
}

/** As browsers read it (https://fetch.spec.whatwg.org/#cors-preflight-fetch), without credentials. */
function admits(
  { status, headers }: Awaited<ReturnType<SendPreflight>>,
  origin: string,
  sent: readonly string[],
): boolean {
  const allowedOrigin = headers['access-control-allow-origin'];
  const methods = listOf(headers['access-control-allow-methods']);
  const names = listOf(headers['access-control-allow-headers']);
  return (
    status >= 200 &&
    status < 300 &&
    (allowedOrigin === '*' || allowedOrigin === origin) &&
    (methods.includes('put') || methods.includes('*')) &&
    (names.includes('*') || sent.every((name) => names.includes(name)))
  );
}

function listOf(header: string | undefined): string[] {
  return (header ?? '').split(',').map((value) => value.trim().toLowerCase());
}
