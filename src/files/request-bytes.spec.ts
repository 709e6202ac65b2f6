import { describe, expect, it } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { RequestBytes } from './request-bytes.js';

const patient = { idleMs: 5_000, graceMs: 5_000, minBytesPerSecond: 1 };

describe('RequestBytes', () => {
  it('gives out chunks and then null, again and again', async () => {
    const stream = new PassThrough();
    const bytes = new RequestBytes(stream, undefined, patient);
    stream.write('one');
    expect(String(await bytes.next())).toBe('one');
    const waiting = bytes.next();
    stream.write('two');
    expect(String(await waiting)).toBe('two');
    stream.end();
    expect(await bytes.next()).toBeNull();
    expect(await bytes.next()).toBeNull();
    expect(bytes.complete).toBe(true);
    bytes.release();
  });

  it('takes no more than one buffer of a client before it is asked', async () => {
    const stream = new PassThrough({ highWaterMark: 4 });
    const bytes = new RequestBytes(stream, undefined, patient);
    for (let chunk = 0; chunk < 5; chunk++) stream.write('12345678');
    await new Promise((resolve) => setImmediate(resolve));
    expect(stream.readableLength).toBe(8);
    // All five chunks still wait on the sender's side; the first one was read ahead.
    expect(stream.writableLength).toBe(40);
    bytes.release();
  });

  it('knows the end with the last byte of a known length', async () => {
    const stream = new PassThrough();
    const bytes = new RequestBytes(stream, 3, patient);
    stream.write('abc');
    expect(String(await bytes.next())).toBe('abc');
    expect(bytes.complete).toBe(true);
    stream.destroy();
    expect(await bytes.next()).toBeNull();
    expect(bytes.signal.aborted).toBe(false);
    expect(await new RequestBytes(new PassThrough(), 0, patient).next()).toBeNull();
  });

  it('fails for good when the client goes away before the last byte', async () => {
    const stream = new PassThrough();
    const bytes = new RequestBytes(stream, 10, patient);
    const { signal } = bytes;
    const waiting = bytes.next();
    stream.destroy(new Error('ECONNRESET'));
    await expect(waiting).rejects.toMatchObject({ code: 'upload_interrupted', retryable: true });
    await expect(bytes.next()).rejects.toMatchObject({ code: 'upload_interrupted' });
    expect(signal.reason).toMatchObject({ code: 'upload_interrupted' });
    expect(new RequestBytes(stream, 10, patient).signal.aborted).toBe(true);
    bytes.release();
  });

  it('fails when the connection closes without an error', async () => {
    const stream = new PassThrough();
    const bytes = new RequestBytes(stream, undefined, patient);
    const waiting = bytes.next();
    stream.destroy();
    await expect(waiting).rejects.toMatchObject({ code: 'upload_interrupted' });
  });

  it('does not wait for a silent client for ever', async () => {
    const stream = new PassThrough();
    const bytes = new RequestBytes(stream, undefined, { ...patient, idleMs: 20 });
    stream.write('x');
    await bytes.next();
    await expect(bytes.next()).rejects.toMatchObject({ code: 'upload_timeout' });
    bytes.release();
  });

  it('does not blame the client for the time in which nobody read', async () => {
    const stream = new PassThrough();
    const bytes = new RequestBytes(stream, undefined, { ...patient, idleMs: 10 });
    const waiting = bytes.next();
    stream.write('x');
    await waiting;
    await new Promise((resolve) => setTimeout(resolve, 30));
    stream.write('y');
    expect(String(await bytes.next())).toBe('y');
    bytes.release();
  });

  it('cuts off a client that drips', async () => {
    const stream = new PassThrough();
    const bytes = new RequestBytes(stream, undefined, {
      idleMs: 1_000,
      graceMs: 30,
      minBytesPerSecond: 10_000,
    });
    const dripping = setInterval(() => stream.write('.'), 5);
    const readAll = async () => {
      for (;;) await bytes.next();
    };
    await expect(readAll()).rejects.toMatchObject({ code: 'upload_timeout' });
    clearInterval(dripping);
    bytes.release();
  });
});
