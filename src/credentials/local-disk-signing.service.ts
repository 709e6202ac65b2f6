import type { AddressInfo, Server } from 'node:net';
import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Clock } from '../config/clock.js';
import { Config } from '../config/config.js';
import { createLocalDiskUrls, type LocalDiskSigner } from '../storage-providers/local-disk-signing.js';
import { Sealing } from './sealing/sealing.service.js';

/** Signs and checks URLs of local_disk objects with a secret that is derived from the master key for this alone. */
@Injectable()
export class LocalDiskSigning {
  /** @throws CredentialsError `sealed` on use */
  readonly urls: LocalDiskSigner = {
    sign: (...args) => this.signer().sign(...args),
    verify: (...args) => this.signer().verify(...args),
  };
  private made: { readonly baseUrl: string; readonly signer: LocalDiskSigner } | undefined;

  constructor(
    private readonly sealing: Sealing,
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly host: HttpAdapterHost,
  ) {}

  /** Made on first use: before, neither the keys nor the port need be known. */
  private signer(): LocalDiskSigner {
    const baseUrl = this.config.publicUrl(this.listeningPort());
    if (this.made?.baseUrl !== baseUrl) {
      const secrets = this.sealing.localDiskUrlSecrets();
      this.made = { baseUrl, signer: createLocalDiskUrls({ secrets, baseUrl, now: () => this.clock.now() }) };
    }
    return this.made.signer;
  }

  /** undefined before the server listens, and in a process that does not. */
  private listeningPort(): number | undefined {
    const server = this.host.httpAdapter?.getHttpServer() as Server | undefined;
    const address = server?.address() as AddressInfo | null | undefined;
    return address?.port;
  }
}
