import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { answerCommands } from '../commands.ts';
import { serve, type SinkState } from './connection.ts';
import { Objects } from './objects.ts';

/*
 * An S3 server that stores nothing: it keeps names and sizes, discards bodies and answers reads with a fixed
 * pattern, so that both servers under test talk to the same backend and neither waits for it.
 */

const state: SinkState = { objects: new Objects(), counts: new Map(), delayMs: 0 };

const server = createServer({ noDelay: true }, (socket) => serve(socket, state));

answerCommands({
  listen: () =>
    new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
    ),
  keepBodies: (keep: boolean) => {
    state.objects.keepsBodies = keep;
  },
  delay: (milliseconds: number) => {
    state.delayMs = milliseconds;
  },
  counts: () => Object.fromEntries(state.counts),
});
