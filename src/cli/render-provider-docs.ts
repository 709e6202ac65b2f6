import type { SettingField, StorageProvider } from '../storage-providers/storage-provider.js';

/** The set-up guides of all providers as one Markdown page: the same texts that `GET /api/v1/providers` answers. */
export function renderProviderDocs(providers: readonly StorageProvider[]): string {
  const contents = providers.map(({ name, label }) => `- [${label}](#${name})`).join('\n');
  return [
    '# Setting up a bucket',
    'Generated from the providers themselves (`npm run docs:providers`); `GET /api/v1/providers` answers the same.',
    contents,
    ...providers.map(renderProvider),
  ]
    .join('\n\n')
    .concat('\n');
}

function renderProvider(provider: StorageProvider): string {
  const { guide, price } = provider;
  return [
    `<a id="${provider.name}"></a>`,
    `## ${provider.label}: \`${provider.name}\``,
    guide.setup,
    ['| field | | help | example |', '|---|---|---|---|', ...provider.fields.map(renderField)].join('\n'),
    'The smallest policy that works:',
    `\`\`\`${guide.policyLanguage === 'json' ? 'json' : 'text'}\n${guide.policy}\n\`\`\``,
    'So that web pages may send files straight into the bucket (here those of https://app.example.org):',
    guide.cors.steps,
    `\`\`\`${guide.cors.rulesLanguage}\n${guide.cors.rules(['https://app.example.org'])}\n\`\`\``,
    ...(guide.quirks.length > 0 ? [guide.quirks.map((quirk) => `- ${quirk}`).join('\n')] : []),
    `Estimated price on ${price.asOf}: $${price.storageUsdPerGbMonth} a GB and month, $${price.egressUsdPerGb} a GB of egress. ` +
      `[Provider's documentation](${guide.docsUrl})`,
  ].join('\n\n');
}

function renderField(field: SettingField): string {
  const kind = [field.required ? 'required' : 'optional', ...(field.secret ? ['secret'] : [])].join(', ');
  const fallback = field.defaultValue === undefined ? '' : ` Default: \`${field.defaultValue}\`.`;
  const cell = (text: string): string => text.replace(/\|/g, '\\|').replace(/\n/g, ' ');
  return `| \`${field.name}\` | ${kind} | ${cell(field.help)}${fallback} | \`${cell(field.example)}\` |`;
}
