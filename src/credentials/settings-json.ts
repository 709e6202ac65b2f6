import { publicSettings } from '../storage-providers/parse-settings.js';
import type { ProviderRegistry } from '../storage-providers/provider-registry.js';
import type { ProviderSettings, StorageProvider } from '../storage-providers/storage-provider.js';
import type { CloudConfig } from './cloud-config.entity.js';
import type { SeenState } from './cloud-configs.service.js';
import type { CloudSettingsDto, SnapshotStatsDto, StoredSecretDto } from './cloud-settings.dto.js';
import type { SnapshotTotals } from './snapshot-stats.js';

/** The answer to GET: the seed's members first, then what is shown besides. Never a secret. */
export function settingsJson(
  { version, active }: SeenState,
  totals: SnapshotTotals,
  registry: ProviderRegistry,
): CloudSettingsDto {
  const { shown, more } = active ? configuredJson(active, registry.byName(active.provider)) : NOTHING;
  return { ...shown, stats: statsJson(totals), ...more, version };
}

const NOTHING = {
  shown: {
    provider: null,
    bucket_name: null,
    region: null,
    endpoint: null,
    configured: false,
    last_test: null,
    last_test_success: null,
  },
  more: { has_secret: false, last4: null, settings: {}, secrets: {}, capabilities: {}, updated_at: null },
};

function configuredJson(active: CloudConfig, provider: StorageProvider) {
  const settings = publicSettings(provider, active.settings);
  const secrets = storedSecrets(active, provider);
  const hints = Object.values(secrets).map(({ last4 }) => last4);
  return {
    shown: {
      provider: active.provider,
      bucket_name: active.bucketName,
      region: settings.region ?? null,
      endpoint: endpointText(provider, settings),
      configured: true,
      last_test: active.lastTest?.toISOString() ?? null,
      last_test_success: active.lastTestSuccess,
    },
    more: {
      has_secret: hints.length > 0,
      last4: hints.at(-1) || null,
      settings: { ...settings },
      secrets,
      capabilities: capabilitiesJson(active),
      updated_at: active.updatedAt.toISOString(),
    },
  };
}

/** 10^9 bytes, to the megabyte. */
function statsJson({ totalSnapshots, totalBytes, lastSnapshot }: SnapshotTotals): SnapshotStatsDto {
  return {
    total_snapshots: totalSnapshots,
    total_size_gb: Math.round(totalBytes / 1e6) / 1e3,
    last_snapshot: lastSnapshot?.toISOString() ?? null,
  };
}

function storedSecrets(
  { secretHints }: CloudConfig,
  provider: StorageProvider,
): Record<string, StoredSecretDto> {
  const fields = provider.fields.filter(({ name }) => secretHints[name] !== undefined);
  return Object.fromEntries(fields.map(({ name }) => [name, { last4: secretHints[name]! }]));
}

function capabilitiesJson({ capabilities }: CloudConfig): CloudSettingsDto['capabilities'] {
  const { createOnly, contentBound } = capabilities;
  return {
    ...(createOnly !== undefined && { create_only: createOnly }),
    ...(contentBound !== undefined && { content_bound: contentBound }),
  };
}

/** As the seed shows it: the host alone, unless the scheme says something. */
function endpointText(provider: StorageProvider, settings: ProviderSettings): string | null {
  const endpoint = provider.endpointOf(settings);
  if (endpoint === undefined) return null;
  const path = endpoint.pathname === '/' ? '' : endpoint.pathname;
  return `${endpoint.protocol === 'https:' ? '' : 'http://'}${endpoint.host}${path}`;
}
