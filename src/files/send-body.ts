import type { Readable, Writable } from 'node:stream';
import { LendingBody } from '../storage-providers/lending-body.js';
import { BodyCheck, type ExpectedBody } from './body-check.js';
import { fileDamaged } from './file-errors.js';

/**
 * Passes a body on that is exactly what is expected. The bytes that would make it complete are held back until the
 * whole was checked: a short or wrong body breaks the answer and never looks complete to the client.
 *
 * Every byte of every download comes through here, so it is written without a stream in between.
 * @returns whether all was sent; false when the client went away
 * @throws FilesError `file_damaged`, or what the body failed with; the answer is broken then
 */
export function sendBody(body: Readable, expected: ExpectedBody, answer: Writable): Promise<boolean> {
  const check = new BodyCheck(expected);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      reject(error);
      body.destroy();
      answer.destroy();
    };
    const mayPass = (piece: Buffer) => {
      if (answer.destroyed) return false;
      const isRight = check.accepts(piece);
      if (!isRight) fail(fileDamaged());
      return isRight;
    };
    answer.on('error', () => undefined); // it closes, too
    answer.once('close', () => {
      resolve(answer.writableFinished);
      body.destroy();
    });
    body.on('error', fail);
    body.once('end', () => {
      if (check.isWhole) answer.end();
      else fail(fileDamaged());
    });
    if (body instanceof LendingBody) {
      body.lend((piece, giveBack) => {
        if (mayPass(piece)) answer.write(piece, giveBack);
      });
      body.resume();
      return;
    }
    answer.on('drain', () => body.resume());
    body.on('data', (piece: Buffer) => {
      if (mayPass(piece) && !answer.write(piece)) body.pause();
    });
  });
}
