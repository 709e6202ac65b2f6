import type { SettingField, StorageProvider } from '../storage-providers/storage-provider.js';
import type { ProviderDto, SettingFieldDto } from './providers.dto.js';

/** Stands for the origins that the operator has not named. */
export const EXAMPLE_ORIGIN = 'https://app.example.org';

/**
 * What a form or a person needs to know about a provider.
 * @param corsOrigins those whose web pages may call this server
 */
export function providerJson(
  { name, label, fields, guide, price }: StorageProvider,
  corsOrigins: readonly string[],
): ProviderDto {
  const origins = corsOrigins.length > 0 ? corsOrigins : [EXAMPLE_ORIGIN];
  return {
    name,
    label,
    fields: fields.map(fieldJson),
    guide: {
      setup: guide.setup,
      policy: guide.policy,
      policy_language: guide.policyLanguage,
      quirks: [...guide.quirks],
      cors: {
        steps: guide.cors.steps,
        rules: guide.cors.rules(origins),
        rules_language: guide.cors.rulesLanguage,
      },
      docs_url: guide.docsUrl,
    },
    price: {
      storage_usd_per_gb_month: price.storageUsdPerGbMonth,
      egress_usd_per_gb: price.egressUsdPerGb,
      write_usd_per_1000: price.writeUsdPer1000,
      read_usd_per_1000: price.readUsdPer1000,
      as_of: price.asOf,
    },
  };
}

function fieldJson(field: SettingField): SettingFieldDto {
  return {
    name: field.name,
    aliases: [...(field.aliases ?? [])],
    label: field.label,
    help: field.help,
    example: field.example,
    required: field.required,
    secret: field.secret,
    multiline: field.multiline ?? false,
    default: field.defaultValue ?? null,
    max_length: field.maxLength,
    pattern: field.pattern.source,
    pattern_help: field.patternHelp,
  };
}
