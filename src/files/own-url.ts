import type { AddressInfo, Server } from 'node:net';
import type { HttpAdapterHost } from '@nestjs/core';
import type { Config } from '../config/config.js';

/** URLs of this server itself, as its users reach it. */
export class OwnUrl {
  constructor(
    private readonly config: Config,
    private readonly host: HttpAdapterHost,
  ) {}

  /** @param path begins with a slash */
  of(path: string): string {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    const port = (server.address() as AddressInfo | null)?.port;
    return `${this.config.publicUrl(port)}${path}`;
  }
}
