import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { MIB, SMALL_UPLOAD_BYTES } from '../../../src/files/upload-limits.js';
import type { StoredFile } from '../../../src/files/written-file.js';
import { fingerprint } from '../../support/same-bytes.js';
import { noise } from '../../support/noise.js';
import { BOUNDARY, formBody, formType } from './form-body.js';
import { FILE, UploadClient } from './upload-client.js';
import { type UploadServer, USER_ID } from './upload-server.js';

describe('uploads', () => {
  let client: UploadClient;
  let server: UploadServer;

  beforeAll(async () => {
    client = await UploadClient.start();
    server = client.server;
  });

  afterAll(() => server.stop());

  afterEach(() => client.reset());

  describe('of one file', () => {
    const sizes = [
      0,
      1,
      65_535,
      65_536,
      SMALL_UPLOAD_BYTES - 1,
      SMALL_UPLOAD_BYTES,
      SMALL_UPLOAD_BYTES + 1,
      3 * MIB,
    ];

    it.each(sizes)('of %i bytes in the field "file" takes one call', async (size) => {
      const content = noise(size, size + 1);
      const outcome = await client.sendForm([{ ...FILE, content }]);
      expect(client.calls()).toEqual(['PutObject']);
      expect(outcome.many).toBe(false);
      await client.expectWhole(outcome, [content]);
    });

    it.each(sizes)('of %i bytes as the body takes one call', async (size) => {
      const content = noise(size, size + 2);
      const outcome = await client.send(content, 'application/x-thing', {
        query: '?filename=..%2Fx%20%E2%82%AC',
      });
      expect(client.calls()).toEqual(['PutObject']);
      expect(outcome.files?.[0]).toMatchObject({ filename: '../x €', contentType: 'application/x-thing' });
      await client.expectWhole(outcome, [content]);
    });

    it.each([0, 1, SMALL_UPLOAD_BYTES, SMALL_UPLOAD_BYTES + 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB])(
      'of %i bytes and unknown length is gathered in parts',
      async (size) => {
        const content = noise(size, size + 3);
        const outcome = await client.sendForm([{ ...FILE, content }], { chunked: true });
        const parts = Math.ceil(size / (8 * MIB));
        const small = size <= SMALL_UPLOAD_BYTES;
        expect(client.calls()).toEqual(
          small
            ? ['PutObject']
            : [
                'CreateMultipartUpload',
                ...Array<string>(parts).fill('UploadPart'),
                'CompleteMultipartUpload',
              ],
        );
        await client.expectWhole(outcome, [content]);
        expect((await server.leftInBucket()).uploads).toBe(0);
      },
    );

    it('keeps the type that the part declares, and fields before it do no harm', async () => {
      const outcome = await client.sendForm([
        { name: 'note', content: 'x'.repeat(10_000) },
        { ...FILE, type: 'text/plain; charset=utf-8', content: 'hi' },
      ]);
      expect(outcome.files).toMatchObject([
        { filename: 'a.bin', contentType: 'text/plain; charset=utf-8', sizeBytes: 2 },
      ]);
      const [object] = (await server.leftInBucket()).objects;
      expect((await server.storage.head(object!)).contentType).toBe('text/plain; charset=utf-8');
    });

    it.each([BOUNDARY, '----formdata-undici-012345678901', '-----------RubyMultipartPost-0f'])(
      'takes small forms with boundary %s that end with none or two line breaks',
      async (boundary) => {
        for (const ending of [
          (form: Buffer) => form.subarray(0, -2),
          (form: Buffer) => Buffer.concat([form, Buffer.from('\r\n')]),
        ]) {
          const form = ending(formBody([{ ...FILE, content: 'content' }], boundary));
          expect(await client.send(form, formType(boundary))).toMatchObject({
            status: 200,
            files: [{ sizeBytes: 7 }],
          });
        }
      },
    );

    it.each(['----formdata-undici-012345678901', '-----------RubyMultipartPost-0f'])(
      'takes large forms with boundary %s however they end',
      async (boundary) => {
        const content = noise(MIB, 77);
        const form = formBody([{ ...FILE, content }], boundary);
        for (const body of [form, form.subarray(0, -2), Buffer.concat([form, Buffer.from('\r\n')])]) {
          const outcome = await client.send(body, formType(boundary));
          expect(fingerprint(await client.contentOf(outcome.files![0]!.objectKey))).toBe(
            fingerprint(content),
          );
        }
      },
    );

    it('sends content that looks like the form itself as it is', async () => {
      const content = Buffer.concat([
        noise(MIB),
        Buffer.from(`\r\n--${BOUNDARY.slice(0, -1)}\r\n--`),
        noise(MIB),
      ]);
      await client.expectWhole(await client.sendForm([{ ...FILE, content }]), [content]);
    });
  });

  describe('of many files', () => {
    it('stores all of them, in the order of the form', async () => {
      const contents = [noise(10), noise(0), noise(9 * MIB, 5), noise(300_000, 6)];
      const parts = contents.map((content, at) => ({ name: 'files', filename: `${at}.bin`, content }));
      const outcome = await client.sendForm(parts);
      expect(outcome.many).toBe(true);
      expect(outcome.files?.map(({ filename }) => filename)).toEqual(['0.bin', '1.bin', '2.bin', '3.bin']);
      await client.expectWhole(outcome, contents);
    });

    it.each(['files', 'files[]'])('answers %s as many, also when it is one', async (name) => {
      const outcome = await client.sendForm([{ name, filename: 'a', content: 'b' }]);
      expect(outcome).toMatchObject({ status: 200, many: true, files: [{ filename: 'a' }] });
    });

    it('stores none when one of them is refused', async () => {
      const parts = [1, 2, 3].map((at) => ({
        name: 'files',
        filename: `${at}`,
        content: noise(9 * MIB, at),
      }));
      const outcome = await client.sendForm([
        ...parts,
        { name: 'files', filename: 'bad\u0000name', content: '' },
      ]);
      expect(outcome).toMatchObject({ status: 400, code: 'invalid_filename' });
      await client.expectNothingLeft();
    });

    it('stores none when one of them fails in the bucket', async () => {
      const fault = server.bucket.faults.status(
        { operation: 'PutObject', nth: 3 },
        { status: 403, code: 'AccessDenied' },
      );
      const parts = [1, 2, 3].map((at) => ({ name: 'files', filename: `${at}`, content: 'x' }));
      expect(await client.sendForm(parts)).toMatchObject({ status: 400, code: 'access_denied' });
      expect(fault.hits).toBe(1);
      await client.expectNothingLeft();
    });
  });

  it('are answered with what an earlier attempt of the same operation stored', async () => {
    server.operation = { operationId: randomUUID(), resumed: false };
    const parts = [1, 2].map((at) => ({ name: 'files', filename: `${at}`, content: `content ${at}` }));
    const first = await client.sendForm(parts);
    server.operation = { ...server.operation, resumed: true };
    const again = await client.sendForm(parts);
    expect(again).toEqual(first);
    expect(await server.rows()).toHaveLength(2);
    server.operation = { operationId: randomUUID(), resumed: true };
    expect((await client.sendForm(parts)).files).toHaveLength(2);
    expect(await server.rows()).toHaveLength(4);
  });

  it('are answered so also when their content was superseded or trashed meanwhile', async () => {
    const query = '?filename=a.txt&overwrite=true';
    const send = (content: string, operationId: string, resumed: boolean) => {
      server.operation = { operationId, resumed };
      return client.send(Buffer.from(content), 'text/plain', { query });
    };
    const [earlier, later] = [randomUUID(), randomUUID()];
    const first = await send('first', earlier, false);
    const second = await send('second', later, false);
    await server.statements.query(
      { name: 'test_trash', text: `UPDATE cloud_files SET state = 'trashed'` },
      [],
    );
    expect(first.files![0]!.id).toBe(second.files![0]!.id);
    for (const [before, again] of [
      [first, await send('first', earlier, true)],
      [second, await send('second', later, true)],
    ] as const) {
      const { overwrite: _, ...answered } = before.files![0] as StoredFile;
      expect(again.files).toEqual([answered]);
    }
    expect(await server.rows()).toHaveLength(1);
  });

  it('come out of listings as they came in', async () => {
    const { files } = await client.sendForm([{ ...FILE, filename: 'ä 😀%22.txt', content: 'x' }]);
    const listing = { userId: USER_ID, sort: 'id', order: 'desc', limit: 10 } as const;
    const page = (await server.reads.page(listing)).files;
    expect(page).toMatchObject([
      { id: files![0]!.id, filename: 'ä 😀".txt', file_size: 1, checksum: files![0]!.checksum },
    ]);
    const cloud = (await server.reads.cloudPage(listing)).files;
    expect(cloud).toMatchObject([{ id: String(files![0]!.id), filename: 'ä 😀".txt', size: 1 }]);
  });
});
