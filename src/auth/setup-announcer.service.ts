import { Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { AddressInfo, Server } from 'node:net';
import { Config } from '../config/config.js';
import { SetupLinks } from './setup-links.service.js';

/** While there is no user, each start ends with a link to make the first one. */
@Injectable()
export class SetupAnnouncer {
  readonly #logger = new Logger('Setup');

  constructor(
    private readonly links: SetupLinks,
    private readonly config: Config,
    host: HttpAdapterHost,
  ) {
    // Only now is the port known, and only a server that listens can be asked.
    host.listen$?.subscribe(() => {
      const { port } = (host.httpAdapter.getHttpServer() as Server).address() as AddressInfo;
      void this.announce(port);
    });
  }

  private async announce(port: number): Promise<void> {
    try {
      const link = await this.links.issueForFirstUser();
      if (link === undefined) return;
      const url = this.config.publicUrl(port) + link.path;
      this.#logger.log(
        `There is no user yet. Open this link within 30 minutes to make the first administrator: ${url}`,
      );
    } catch (error) {
      this.#logger.error(error, 'The setup link could not be made; restart the server for another one');
    }
  }
}
