import { describe, expect, it } from '@jest/globals';
import { ScriptedStorage } from '../../../test/support/scripted-storage.js';
import { S3_CORS } from '../cors-advice.js';
import { checkCors } from './cors-check.js';
import type { Probe, SendPreflight } from './probe.js';

const ORIGIN = 'https://app.example';
const ADMITTED = {
  'access-control-allow-origin': ORIGIN,
  'access-control-allow-methods': 'GET, PUT',
  'access-control-allow-headers': '*',
};
const signal = new AbortController().signal;

function outcomeWith(answer: object | undefined, origins: readonly string[] = [ORIGIN], status = 200) {
  const asked: unknown[] = [];
  const preflight: SendPreflight = async (...question) => {
    asked.push(question);
    return { status, headers: { ...answer } };
  };
  const probe = {
    storage: new ScriptedStorage(),
    folder: 't/',
    bytes: Buffer.from('x'),
    found: {},
    ...(answer && { preflight }),
  } as unknown as Probe;
  return checkCors(probe, origins, S3_CORS, signal).then((outcome) => ({ ...outcome, asked }));
}

describe('checkCors', () => {
  it('passes when every origin may send', async () => {
    const outcome = await outcomeWith(ADMITTED);
    expect(outcome.status).toBe('passed');
    expect(outcome.asked).toHaveLength(1);
    expect((await outcomeWith({ ...ADMITTED, 'access-control-allow-origin': '*' })).status).toBe('passed');
    const named = { ...ADMITTED, 'access-control-allow-headers': 'Content-Type, X-Other' };
    expect((await outcomeWith(named)).status).toBe('passed');
  });

  it.each([
    ['another origin', { ...ADMITTED, 'access-control-allow-origin': 'https://other.example' }],
    ['no PUT', { ...ADMITTED, 'access-control-allow-methods': 'GET' }],
    ['not its headers', { ...ADMITTED, 'access-control-allow-headers': 'x-other' }],
    ['nothing', {}],
  ])('warns, and says how to repair it, when the bucket admits %s', async (_, answer) => {
    const { status, code, detail, repair } = await outcomeWith(answer);
    expect([status, code]).toEqual(['warning', 'cors_refused']);
    expect(detail).toContain(ORIGIN);
    expect(repair).toContain('put-bucket-cors');
    expect(repair).toContain(`"${ORIGIN}"`);
  });

  it('warns of a bucket that refuses the question', async () => {
    expect((await outcomeWith(ADMITTED, [ORIGIN], 403)).status).toBe('warning');
  });

  it('is skipped where no browser comes from elsewhere, and says so', async () => {
    expect(await outcomeWith(ADMITTED, [])).toMatchObject({
      status: 'skipped',
      detail: expect.stringContaining('CORS_ORIGINS'),
    });
    expect(await outcomeWith(undefined)).toMatchObject({ status: 'skipped' });
  });
});
