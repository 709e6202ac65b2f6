import { mkdir } from 'node:fs/promises';
import { Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../config/clock.js';
import { Config } from '../config/config.js';
import { createDialer } from './dialer.js';
import { ProviderRegistry } from './provider-registry.js';
import { PROVIDERS } from './providers/index.js';
import { StorageConnections } from './storage-connections.js';
import type { ConnectContext, StorageProvider, StorageTimeouts } from './storage-provider.js';

/** The list of strategies: `readonly StorageProvider[]`. */
const STORAGE_PROVIDERS = Symbol('STORAGE_PROVIDERS');

/** What the operator lets providers use: `ConnectContext`, the same for all users. */
export const CONNECT_CONTEXT = Symbol('CONNECT_CONTEXT');

const TIMEOUTS: StorageTimeouts = { connectMs: 5_000, responseMs: 30_000, idleBodyMs: 30_000 };

/** Region of aws_s3 where neither the configuration nor the installation names one. */
const FALLBACK_REGION = 'us-east-1';

/** The only place where Nest meets the storage code. */
@Module({
  providers: [
    { provide: STORAGE_PROVIDERS, useValue: PROVIDERS },
    {
      provide: ProviderRegistry,
      inject: [STORAGE_PROVIDERS],
      useFactory: (providers: readonly StorageProvider[]) => new ProviderRegistry(providers),
    },
    { provide: CONNECT_CONTEXT, inject: [Config, Clock], useFactory: connectContext },
    { provide: StorageConnections, useFactory: () => new StorageConnections() },
  ],
  exports: [ProviderRegistry, CONNECT_CONTEXT, StorageConnections],
})
export class StorageProvidersModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly connections: StorageConnections,
    private readonly config: Config,
  ) {}

  /** Only here: when it is gone later, a disk is gone, and nothing may be written in its place. */
  async onModuleInit(): Promise<void> {
    await mkdir(this.config.localDiskRoot, { recursive: true, mode: 0o700 });
  }

  onApplicationShutdown(): void {
    this.connections.closeAll();
  }
}

function connectContext({ env, localDiskRoot }: Config, clock: Clock): ConnectContext {
  const { GCS_ENDPOINT, GCS_TOKEN_ENDPOINT, AZURE_ENDPOINT } = env;
  return {
    dialer: createDialer({ allowedPrivateEndpoints: env.ALLOWED_PRIVATE_ENDPOINTS }),
    localDiskRoot,
    timeouts: TIMEOUTS,
    defaultRegion: env.AWS_DEFAULT_REGION ?? FALLBACK_REGION,
    now: () => clock.now(),
    corsOrigins: env.CORS_ORIGINS,
    ...(GCS_ENDPOINT && GCS_TOKEN_ENDPOINT
      ? { gcsEndpoints: { storage: GCS_ENDPOINT, token: GCS_TOKEN_ENDPOINT } }
      : {}),
    ...(AZURE_ENDPOINT && { azureEndpoint: AZURE_ENDPOINT }),
  };
}
