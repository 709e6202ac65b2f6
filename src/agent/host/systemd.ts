import koffi from 'koffi';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
/** `sun_path` of sockaddr_un. */
const MAX_PATH_BYTES = 108;

interface Functions {
  socket(domain: number, type: number, protocol: number): number;
  sendto(
    fd: number,
    bytes: Buffer,
    length: number,
    flags: number,
    address: Buffer,
    addressLength: number,
  ): number;
  close(fd: number): number;
}

/** What a service of the type `notify` tells systemd; nothing where no systemd listens (sd_notify(3)). */
export class Systemd {
  readonly #address: Buffer | undefined;
  readonly #watchdogMs: number | undefined;
  #functions: Functions | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param socket the value of NOTIFY_SOCKET; `@` begins an abstract name */
  constructor(socket: string | undefined, watchdogMs?: number) {
    this.#address = socket === undefined ? undefined : addressOf(socket);
    this.#watchdogMs = watchdogMs;
  }

  /** Up; from now on says that it lives as often as systemd wants to hear it. */
  ready(status: string): void {
    this.#send(`READY=1\nSTATUS=${status}`);
    if (this.#watchdogMs === undefined || this.#address === undefined) return;
    this.#timer = setInterval(() => this.#send('WATCHDOG=1'), this.#watchdogMs / 2).unref();
  }

  stopping(): void {
    clearInterval(this.#timer);
    this.#send('STOPPING=1');
  }

  #send(text: string): void {
    if (this.#address === undefined) return;
    this.#functions ??= load();
    const fd = this.#functions.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    const bytes = Buffer.from(text);
    // A service that nobody listens to works as well.
    this.#functions.sendto(fd, bytes, bytes.length, MSG_NOSIGNAL, this.#address, this.#address.length);
    this.#functions.close(fd);
  }
}

/** `struct sockaddr_un`; `undefined` for a name that fits none. */
function addressOf(socket: string): Buffer | undefined {
  const path = Buffer.from(socket);
  if (path.length === 0 || path.length >= MAX_PATH_BYTES) return undefined;
  if (path[0] === '@'.charCodeAt(0)) path[0] = 0;
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat(path[0] === 0 ? [family, path] : [family, path, Buffer.alloc(1)]);
}

function load(): Functions {
  const library = koffi.load(null);
  return {
    socket: library.func('int socket(int, int, int)') as Functions['socket'],
    sendto: library.func(
      'long sendto(int, const void *, size_t, int, const void *, unsigned int)',
    ) as Functions['sendto'],
    close: library.func('int close(int)') as Functions['close'],
  };
}
