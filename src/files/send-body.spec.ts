import { describe, expect, it } from '@jest/globals';
import { PassThrough, Readable, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { type Borrower, LendingBody } from '../storage-providers/lending-body.js';
import { sendBody } from './send-body.js';

const content = Buffer.from('the quick brown fox jumps over the lazy dog');
const expected = { sizeBytes: content.length, crc32: crc32(content) };

/** Lends pieces out of one buffer, which it spoils as soon as it has it back. */
class OneBuffer extends LendingBody {
  protected isLent = false;

  constructor(private readonly pieces: readonly Buffer[]) {
    super();
  }

  lend(borrower: Borrower): void {
    this.isLent = true;
    const memory = Buffer.alloc(content.length + 1);
    const [next, ...others] = this.pieces;
    const rest = [...others];
    const lendNext = (piece: Buffer | undefined) => {
      if (piece === undefined) {
        this.push(null);
        return;
      }
      piece.copy(memory);
      borrower(memory.subarray(0, piece.length), () => {
        memory.fill(0);
        lendNext(rest.shift());
      });
    };
    lendNext(next);
  }
}

const streamed = (pieces: readonly Buffer[]) => Readable.from(pieces);
const lent = (pieces: readonly Buffer[]) => new OneBuffer(pieces);

describe.each([
  ['streamed', streamed],
  ['lent', lent],
])('sendBody of a %s body', (_, bodyOf) => {
  it('passes what is expected, however it is cut', async () => {
    for (let at = 0; at <= content.length; at++) {
      const { passed, result } = await send(bodyOf(cut(content, at)));
      expect(result).toBe(true);
      expect(passed.equals(content)).toBe(true);
    }
  });

  it('never completes a body with a flipped bit', async () => {
    for (let at = 0; at < content.length; at++) {
      const damaged = Buffer.from(content);
      damaged[at]! ^= 1;
      const { passed, result } = await send(bodyOf(cut(damaged, 20)));
      expect(result).toMatchObject({ code: 'file_damaged' });
      expect(passed.length).toBeLessThan(content.length);
    }
  });

  it.each([
    ['short', content.subarray(0, -1)],
    ['empty', Buffer.alloc(0)],
    ['long', Buffer.concat([content, Buffer.from('!')])],
  ])('fails with a %s body', async (_, wrong) => {
    for (const crc of [expected.crc32, undefined]) {
      const { result } = await send(bodyOf(cut(wrong, 0)), { ...expected, crc32: crc });
      expect(result).toMatchObject({ code: 'file_damaged' });
    }
  });

  it('takes an empty file', async () => {
    const { result } = await send(bodyOf([]), { sizeBytes: 0, crc32: 0 });
    expect(result).toBe(true);
  });
});

describe('sendBody', () => {
  /** Some bytes have come. */
  const begun = async () => {
    const body = new PassThrough();
    body.write(content.subarray(0, 10));
    const answer = new PassThrough();
    const sent = sendBody(body, expected, answer);
    await setImmediate();
    return { body, answer, sent };
  };

  it('breaks the answer when the body fails', async () => {
    const { body, answer, sent } = await begun();
    body.destroy(new Error('cut'));
    await expect(sent).rejects.toThrow('cut');
    expect(answer.destroyed).toBe(true);
  });

  it('ends the body of a client that goes away, which is no failure', async () => {
    const { body, answer, sent } = await begun();
    answer.destroy();
    await expect(sent).resolves.toBe(false);
    expect(body.destroyed).toBe(true);
  });

  it('waits for a slow client', async () => {
    let takenPieces = 0;
    const body = Readable.from(
      (function* () {
        for (; takenPieces < 1_000; takenPieces++) yield Buffer.alloc(1_024);
      })(),
    );
    const answer = new Writable({ highWaterMark: 4_096, write: () => undefined });
    void sendBody(body, { sizeBytes: 1_024_000, crc32: undefined }, answer).catch(() => undefined);
    for (let turn = 0; turn < 50; turn++) await setImmediate();
    expect(takenPieces).toBeLessThan(50);
    answer.destroy();
  });
});

/** In two pieces, none of them empty. */
function cut(bytes: Buffer, at: number): Buffer[] {
  return [bytes.subarray(0, at), bytes.subarray(at)].filter((piece) => piece.length > 0);
}

async function send(body: Readable, wanted: { sizeBytes: number; crc32: number | undefined } = expected) {
  const passed: Buffer[] = [];
  const answer = new Writable({
    highWaterMark: 1,
    write: (chunk: Buffer, _encoding, done) => {
      passed.push(Buffer.from(chunk));
      setImmediate().then(() => done(), done);
    },
  });
  const result = await sendBody(body, wanted, answer).catch((error: unknown) => error);
  return { passed: Buffer.concat(passed), result };
}
