import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FilesClient } from '../e2e/files-client.js';
import { keysInBucket } from '../support/keys-in-bucket.js';
import { noise } from '../support/noise.js';
import { type S3Double, startS3Double } from '../support/s3-double/s3-double.js';
import { s3Settings } from '../support/s3-settings.js';

interface Job {
  readonly id: string;
  readonly state: string;
  readonly result: { readonly file_id: number } | null;
}

/** Nobody waits for them, so nobody would ask again. */
describe('copies that are jobs', () => {
  let double: S3Double;
  let client: FilesClient;

  beforeAll(async () => {
    double = await startS3Double();
    client = await FilesClient.start({
      env: { ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1' },
      bucket: s3Settings(double),
    });
  }, 120_000);

  afterAll(async () => {
    await client?.server.stop();
    await double?.stop();
  });

  it('come to their end when the server dies over them', async () => {
    const content = noise(100_000, 'copied');
    const file = await client.upload('source', content);
    const hanging = double.faults.hang({ operation: 'CopyObject', times: 100 });
    const answer = await client.fetch(`/api/v1/files/${file.id}/copy`, {
      method: 'POST',
      headers: { prefer: 'respond-async', 'content-type': 'application/json' },
      body: JSON.stringify({ filename: 'copy' }),
    });
    expect(answer.status).toBe(202);
    const asked = (await answer.json()) as Job;
    while (double.log.of('CopyObject').length === 0) await sleep(20);
    await client.server.kill();
    hanging.remove();
    await client.server.restart();
    const ended = await client.ended<Job>(asked);
    expect(ended.state).toBe('succeeded');
    const response = await client.fetch(`/api/v1/files/${ended.result!.file_id}/content`);
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
    expect((await client.list()).map(({ filename }) => filename).toSorted()).toEqual(['copy', 'source']);
    expect(keysInBucket(double)).toHaveLength(2);
  }, 600_000);
});
