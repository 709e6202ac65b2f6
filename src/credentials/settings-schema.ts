import type { SettingField, StorageProvider } from '../storage-providers/storage-provider.js';

/** OpenAPI schema of the settings of all providers: one alternative each, told apart by `provider`. */
export function settingsSchema(providers: readonly StorageProvider[]) {
  return { oneOf: providers.map(providerSchema) };
}

/** One example a provider, made of its fields' own examples. */
export function settingsExamples(providers: readonly StorageProvider[]) {
  return Object.fromEntries(
    providers.map(({ name, label, fields }) => {
      const shown = fields.filter((field) => field.required || field.name === 'region');
      const value = Object.fromEntries(shown.map((field) => [field.name, field.example]));
      return [name, { summary: label, value: { provider: name, ...value } }];
    }),
  );
}

function providerSchema({ name, label, fields }: StorageProvider) {
  const required = fields.filter((field) => field.required && !field.secret).map((field) => field.name);
  return {
    type: 'object' as const,
    title: label,
    additionalProperties: false,
    required: ['provider', ...required],
    properties: {
      provider: { type: 'string' as const, enum: [name] },
      ...Object.fromEntries(fields.map((field) => [field.name, fieldSchema(field)])),
    },
  };
}

/** A secret is never required: leaving it out keeps the stored one. */
function fieldSchema(field: SettingField) {
  return {
    type: 'string' as const,
    description: `${field.label}. ${field.help}`,
    example: field.example,
    maxLength: field.maxLength,
    ...(field.defaultValue !== undefined && { default: field.defaultValue }),
    ...(field.secret ? { writeOnly: true } : { pattern: field.pattern.source }),
  };
}
