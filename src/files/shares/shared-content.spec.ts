import { describe, expect, it } from '@jest/globals';
import { credentialsUnreadable } from '../../credentials/credentials-error.js';
import { notFound } from '../../errors/request-errors.js';
import { StorageError } from '../../storage-providers/storage-errors.js';
import { fileDamaged, shareNotFound } from '../file-errors.js';
import { SharedContent } from './shared-content.js';

const SECRET = 'secret-bucket';
const share = {
  id: 5,
  userId: 1,
  fileId: 2,
  disposition: 'attachment',
  filename: undefined,
  isBegun: false,
} as const;
const exchange = { request: { ip: '192.0.2.1', headers: {} }, reply: {} } as never;

/** What a visitor and the log hear when the sending of a shared file fails with this. */
async function failWith(thrown: Error) {
  const logged: unknown[] = [];
  const content = new SharedContent({
    shares: { find: () => Promise.resolve(share) } as never,
    reads: { record: () => Promise.resolve({}) } as never,
    sender: { sendRecord: () => Promise.reject(thrown) },
    onFailure: (shareId, error) => logged.push([shareId, error]),
  });
  const told: unknown = await content.send('token', exchange).catch((error: unknown) => error);
  return { told, logged };
}

describe('a shared content that cannot be sent', () => {
  const refused = (code: 'access_denied' | 'aborted') =>
    new StorageError(code, `No access to ${SECRET}.`, {
      operation: 'get',
      permission: 's3:GetObject',
      hint: `Grant s3:GetObject on arn:aws:s3:::${SECRET}/*`,
      providerCode: 'AccessDenied',
      requestId: 'provider-request',
      retryable: true,
      retryAfterMs: 7_000,
    });

  it('tells the log why, and a visitor only what to do', async () => {
    const cause = refused('access_denied');
    const { told, logged } = await failWith(cause);
    expect(logged).toEqual([[5, cause]]);
    expect(told).toBeInstanceOf(StorageError);
    expect(told).toMatchObject({
      code: 'access_denied',
      retryable: true,
      retryAfterMs: 7_000,
      permission: undefined,
      providerCode: undefined,
      requestId: undefined,
    });
    expect(JSON.stringify(told) + (told as Error).message).not.toContain(SECRET);
  });

  it('says nothing of credentials either', async () => {
    const { told, logged } = await failWith(credentialsUnreadable());
    expect(logged).toHaveLength(1);
    expect(told).toMatchObject({ code: 'credentials_unreadable' });
    expect((told as Error).message).not.toMatch(/credential|decrypt/i);
  });

  it('is no failure when the visitor has gone away', async () => {
    expect((await failWith(refused('aborted'))).logged).toEqual([]);
  });

  it.each([
    [notFound('file'), shareNotFound()],
    [shareNotFound(), shareNotFound()],
    [fileDamaged(), fileDamaged()],
  ])('as for %s tells %s', async (thrown, expected) => {
    const { told, logged } = await failWith(thrown);
    expect([told, logged]).toEqual([expected, []]);
    expect(told).toMatchObject({ code: expected.code });
  });
});
