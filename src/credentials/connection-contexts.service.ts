import { Inject, Injectable } from '@nestjs/common';
import type { ConnectContext, StorageCapabilities } from '../storage-providers/storage-provider.js';
import { CONNECT_CONTEXT } from '../storage-providers/storage-providers.module.js';
import { LocalDiskSigning } from './local-disk-signing.service.js';

/** What one user's storage is opened with. */
@Injectable()
export class ConnectionContexts {
  constructor(
    @Inject(CONNECT_CONTEXT) private readonly context: ConnectContext,
    private readonly signing: LocalDiskSigning,
  ) {}

  of(userId: number, capabilities: Partial<StorageCapabilities> = {}): ConnectContext {
    return { ...this.context, tenant: String(userId), localDiskUrls: this.signing.urls, capabilities };
  }
}
