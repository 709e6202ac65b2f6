import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import koffi from 'koffi';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Systemd } from './systemd.js';

const library = koffi.load(null);
const socket = library.func('int socket(int, int, int)') as (...numbers: number[]) => number;
const bind = library.func('int bind(int, const void *, unsigned int)') as (
  fd: number,
  address: Buffer,
  length: number,
) => number;
const recv = library.func('long recv(int, void *, size_t, int)') as (
  fd: number,
  into: Buffer,
  length: number,
  flags: number,
) => number;
const close = library.func('int close(int)') as (fd: number) => number;

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

/** As systemd listens: Node itself has no datagram sockets of this family. */
class NotifySocket {
  readonly #fd = socket(AF_UNIX, SOCK_DGRAM, 0);

  constructor(name: Buffer) {
    const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), name]);
    if (bind(this.#fd, address, address.length) !== 0) throw new Error('The socket cannot be bound.');
  }

  heard(): string[] {
    const messages: string[] = [];
    const bytes = Buffer.alloc(4_096);
    for (;;) {
      const length = recv(this.#fd, bytes, bytes.length, MSG_DONTWAIT);
      if (length < 0) return messages;
      messages.push(bytes.toString('utf8', 0, length));
    }
  }

  close(): void {
    close(this.#fd);
  }
}

describe('what a service tells systemd', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'stowage-notify-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is that it is ready, that it lives, and that it stops', async () => {
    const path = join(folder, 'notify');
    const listener = new NotifySocket(Buffer.from(`${path}\0`));
    const systemd = new Systemd(path, 40);
    systemd.ready('Snapshots run.');
    expect(listener.heard()).toEqual(['READY=1\nSTATUS=Snapshots run.']);
    await sleep(110);
    expect(listener.heard()).toContain('WATCHDOG=1');
    systemd.stopping();
    expect(listener.heard().at(-1)).toBe('STOPPING=1');
    await sleep(60);
    expect(listener.heard()).toEqual([]);
    listener.close();
  });

  it('reaches abstract names, too', () => {
    const name = `stowage-notify-${process.pid}`;
    const listener = new NotifySocket(Buffer.from(`\0${name}`));
    new Systemd(`@${name}`).ready('up');
    expect(listener.heard()).toEqual(['READY=1\nSTATUS=up']);
    listener.close();
  });

  it('is nothing where nobody listens', () => {
    new Systemd(undefined, 10).ready('up');
    new Systemd(join(folder, 'absent')).ready('up');
    new Systemd(`/${'x'.repeat(200)}`).ready('up');
  });
});
