import type { SettingField } from './storage-provider.js';

/** Everything that Stowage stores lies below this prefix, so that a bucket can serve other things too. */
export const DEFAULT_PREFIX = 'stowage/';

/** The same for every provider. */
export const prefixField: SettingField = {
  name: 'prefix',
  label: 'Prefix',
  help: 'Folder in the bucket below which Stowage keeps everything. Change it before the first upload only.',
  example: DEFAULT_PREFIX,
  required: false,
  secret: false,
  defaultValue: DEFAULT_PREFIX,
  maxLength: 200,
  pattern: /^(?:(?!\.{1,2}\/)[A-Za-z0-9_.@=-]+\/)+$/,
  patternHelp:
    'must be one or more folder names of letters, digits, dots, dashes or _ @ =, each followed by a slash, and none of them . or ..',
};

/** The name of a bucket or container; providers differ in what they allow. */
export function bucketField(
  rule: Pick<SettingField, 'maxLength' | 'pattern' | 'patternHelp'> & Partial<SettingField>,
): SettingField {
  return {
    name: 'bucket_name',
    aliases: ['bucketName', 'bucket'],
    label: 'Bucket',
    help: 'The name of the bucket. It must exist already; Stowage never creates buckets.',
    example: 'my-stowage-bucket',
    required: true,
    secret: false,
    ...rule,
  };
}
