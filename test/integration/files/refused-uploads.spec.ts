import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { MIB } from '../../../src/files/upload-limits.js';
import { fingerprint } from '../../support/same-bytes.js';
import { noise } from '../../support/noise.js';
import { formBody, type FormPartOptions, formType } from './form-body.js';
import { FILE, until, UploadClient } from './upload-client.js';
import type { UploadServer } from './upload-server.js';

describe('uploads', () => {
  let client: UploadClient;
  let server: UploadServer;

  beforeAll(async () => {
    client = await UploadClient.start();
    server = client.server;
  });

  afterAll(() => server.stop());

  afterEach(() => client.reset());

  describe('that are refused', () => {
    it.each<[string, readonly FormPartOptions[], string]>([
      ['without a file', [{ name: 'note', content: 'x' }], 'no_file_provided'],
      ['with a text instead of a file', [{ name: 'file', content: 'x' }], 'no_file_provided'],
      ['with a file in another field', [{ name: 'avatar', filename: 'a', content: 'x' }], 'invalid_form'],
      ['with a file without a name', [{ name: 'file', filename: '', content: '' }], 'invalid_filename'],
      [
        'with a field after "file"',
        [
          { ...FILE, content: 'x' },
          { name: 'note', content: 'x' },
        ],
        'invalid_form',
      ],
      ['with two files in "file"', [FILE, FILE], 'invalid_form'],
      ['with a long field', [{ name: 'note', content: 'x'.repeat(70_000) }, FILE], 'invalid_form'],
      [
        'with many fields',
        [...Array<FormPartOptions>(101).fill({ name: 'n', content: '' }), FILE],
        'invalid_form',
      ],
      ['with a long name', [{ ...FILE, filename: 'x'.repeat(256) }], 'invalid_filename'],
      ['with a huge name', [{ ...FILE, filename: 'x'.repeat(1_000_000) }], 'invalid_form'],
      ['with a huge field name', [{ name: 'n'.repeat(1_000_000), content: '' }], 'invalid_form'],
    ])('forms %s', async (_, parts, code) => {
      for (const chunked of [false, true]) {
        expect(await client.sendForm(parts, { chunked })).toMatchObject({ status: 400, code });
        await client.expectNothingLeft();
      }
      expect(client.calls()).toEqual([]);
    });

    it('forms that mix both fields', async () => {
      const outcome = await client.sendForm([{ name: 'files', filename: 'a', content: 'x' }, FILE]);
      expect(outcome).toMatchObject({ status: 400, code: 'invalid_form' });
      await client.expectNothingLeft();
    });

    it('large forms with a part after "file", although their length was promised', async () => {
      const outcome = await client.sendForm([
        { ...FILE, content: noise(MIB) },
        { name: 'note', content: 'late' },
      ]);
      expect(outcome).toMatchObject({ status: 400, code: 'invalid_form' });
      await client.expectNothingLeft();
    });

    it('large forms that end otherwise than they promised', async () => {
      const form = formBody([{ ...FILE, content: noise(MIB) }]);
      for (const body of [form.subarray(0, -2), Buffer.concat([form, Buffer.from('\r\n')])]) {
        expect(await client.send(body, formType())).toMatchObject({ status: 400, code: 'invalid_form' });
        await client.expectNothingLeft();
      }
    });

    it('forms without their closing boundary', async () => {
      for (const size of [10, MIB]) {
        const form = formBody([{ ...FILE, content: noise(size) }]).subarray(0, -20);
        expect(await client.send(form, formType())).toMatchObject({ status: 400, code: 'invalid_form' });
        await client.expectNothingLeft();
      }
    });

    it.each([
      ['', 'invalid_filename'],
      ['?filename=', 'invalid_filename'],
      ['?filename=%ff', 'invalid_filename'],
    ])('bodies with the query %j', async (query, code) => {
      expect(await client.send(noise(100), 'image/png', { query })).toMatchObject({ status: 400, code });
      await client.expectNothingLeft();
    });

    it('bodies of another encoding', async () => {
      const response = await fetch(`${server.url}?filename=a`, {
        method: 'POST',
        headers: { 'content-encoding': 'gzip' },
        body: 'x',
      });
      expect(await response.json()).toMatchObject({ code: 'unsupported_media_type' });
    });
  });

  describe('over the limit', () => {
    const limit = 2 * MIB;

    it('are refused by their headers, without a call', async () => {
      server.maxFileSize = limit;
      const head = `POST /?filename=a HTTP/1.1\r\nHost: x\r\nContent-Length: ${limit + 1}\r\n\r\n`;
      expect(await sendText(head)).toContain('"file_too_large"');
      const form = formBody([{ ...FILE, content: noise(limit + 1) }]);
      const formHead = `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${formType()}\r\nContent-Length: ${form.length}\r\n\r\n`;
      expect(await sendText(`${formHead}${form.subarray(0, 200).toString('latin1')}`)).toContain(
        '"file_too_large"',
      );
      expect(server.bucket.log.calls).toEqual([]);
      expect((await client.sendForm([{ ...FILE, content: noise(limit) }])).status).toBe(200);
    });

    it.each([true, false])(
      'are stopped while they stream and leave nothing (chunked: %s)',
      async (chunked) => {
        server.maxFileSize = 20 * MIB;
        const outcome = await client.sendForm(
          [{ name: 'files', filename: 'a', content: noise(20 * MIB + 1) }],
          {
            chunked,
          },
        );
        expect(outcome).toMatchObject({ status: 400, code: 'file_too_large' });
        expect(outcome.message).toContain(String(20 * MIB));
        expect(client.calls()).toContain('AbortMultipartUpload');
        await client.expectNothingLeft();
      },
    );

    async function sendText(text: string): Promise<string> {
      const socket = connect(server.port, '127.0.0.1');
      socket.write(Buffer.from(text, 'latin1'));
      let answer = '';
      for await (const chunk of socket) {
        answer += String(chunk);
        if (answer.includes('}')) break;
      }
      return answer;
    }
  });

  describe('whose client goes away', () => {
    it.each([
      ['within a small file', { ...FILE, content: noise(100_000) }, 50_000],
      ['within a large file of known length', { ...FILE, content: noise(5 * MIB) }, 3 * MIB],
      ['within the parts of a file', { name: 'files', filename: 'a', content: noise(20 * MIB) }, 12 * MIB],
      ['right before the last byte', { ...FILE, content: noise(MIB) }, MIB + 170],
    ])('%s leave nothing', async (_, part, sentBytes) => {
      const form = formBody([part]);
      const bytes = Math.min(sentBytes, form.length - 1);
      const socket = connect(server.port, '127.0.0.1');
      const length = form.length;
      socket.write(
        `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${formType()}\r\nContent-Length: ${length}\r\n\r\n`,
      );
      await new Promise((resolve) => socket.write(form.subarray(0, bytes), resolve));
      socket.on('error', () => undefined);
      socket.resetAndDestroy();
      await until(() => server.failures.length > 0);
      expect(server.failures).toMatchObject([{ code: 'upload_interrupted' }]);
      await client.expectNothingLeft();
    });

    it('after the last byte are finished all the same', async () => {
      const content = noise(MIB);
      const form = formBody([{ ...FILE, content }]);
      const socket = connect(server.port, '127.0.0.1');
      // The bucket answers only after the client is gone.
      const fault = server.bucket.faults.delay({ operation: 'PutObject' }, 300);
      socket.write(
        `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${formType()}\r\nContent-Length: ${form.length}\r\n\r\n`,
      );
      socket.write(form);
      await until(
        () =>
          server.bucket.log.of('PutObject').some(({ receivedBytes }) => receivedBytes >= MIB) ||
          fault.hits > 0,
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
      socket.destroy();
      await until(async () => (await server.rows()).length > 0);
      expect(server.failures).toEqual([]);
      const [row] = await server.rows();
      expect(row).toMatchObject({ state: 'stored', filename: 'a.bin' });
      expect(fingerprint(await client.contentOf(row!.object_key))).toBe(fingerprint(content));
    });
  });

  describe('in a bucket that fails', () => {
    const large = { name: 'files', filename: 'a', content: noise(20 * MIB, 9) };

    it.each([
      ['CreateMultipartUpload', 1],
      ['UploadPart', 1],
      ['UploadPart', 3],
      ['CompleteMultipartUpload', 1],
    ])('at %s number %i leave nothing', async (operation, nth) => {
      const fault = server.bucket.faults.status(
        { operation, nth, times: 9 },
        { status: 403, code: 'AccessDenied' },
      );
      expect(await client.sendForm([large])).toMatchObject({ status: 400, code: 'access_denied' });
      expect(fault.hits).toBeGreaterThan(0);
      await client.expectNothingLeft();
    });

    it('stay known when they cannot be cleaned up', async () => {
      server.bucket.faults.status(
        { operation: 'UploadPart', times: 9 },
        { status: 403, code: 'AccessDenied' },
      );
      server.bucket.faults.status(
        { operation: 'AbortMultipartUpload', times: 9 },
        { status: 403, code: 'AccessDenied' },
      );
      await client.sendForm([large]);
      await server.idle();
      const [unfinished] = await server.storage.multipart!.listUnfinished!('');
      expect(await server.rows()).toMatchObject([{ state: 'pending', upload_id: unfinished?.uploadId }]);
    });

    it('are stored once when the answer to the last call was lost', async () => {
      const fault = server.bucket.faults.after({ operation: 'CompleteMultipartUpload' });
      const outcome = await client.sendForm([large]);
      expect(fault.hits).toBe(1);
      await client.expectWhole(outcome, [large.content]);
    });

    it.each([1_000, MIB])(
      'leave nothing of %i bytes when the answer to the only call was lost',
      async (size) => {
        server.bucket.faults.after({ operation: 'PutObject', times: 9 });
        server.bucket.faults.status({ operation: 'HeadObject', times: 9 }, { status: 503 });
        const outcome = await client.sendForm([{ ...FILE, content: noise(size) }]);
        expect(outcome.status).toBe(400);
        await client.expectNothingLeft();
      },
    );

    it('leave nothing when a large upload is cut by the bucket', async () => {
      const fault = server.bucket.faults.before({ operation: 'PutObject', times: 9 });
      expect((await client.sendForm([{ ...FILE, content: noise(4 * MIB) }])).status).toBe(400);
      expect(fault.hits).toBeGreaterThan(0);
      await client.expectNothingLeft();
    });
  });
});
