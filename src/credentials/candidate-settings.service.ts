import { readFile, stat } from 'node:fs/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { Config } from '../config/config.js';
import { RequestError, validationFailed } from '../errors/request-errors.js';
import { ProviderRegistry } from '../storage-providers/provider-registry.js';
import {
  PROVIDER_NAMES,
  type ConnectContext,
  type ProviderSettings,
  type SettingProblem,
  type StorageProvider,
} from '../storage-providers/storage-provider.js';
import { CONNECT_CONTEXT } from '../storage-providers/storage-providers.module.js';
import { CloudConfigs, type SeenState } from './cloud-configs.service.js';
import { isGiven, readCandidate } from './read-candidate.js';
import { SealedSecrets } from './sealing/sealed-secrets.service.js';

/** Settings that were read from a request and are valid, with all their secrets. */
export interface Candidate {
  readonly provider: StorageProvider;
  readonly settings: ProviderSettings;
  readonly bucketName: string;
  /** What the user's settings were when it was read. */
  readonly seen: SeenState;
}

type Body = Readonly<Record<string, unknown>>;

const MAX_BODY_BYTES = 64 * 1024;
const MAX_KEY_FILE_BYTES = 16 * 1024;
const SERVICE_ACCOUNT = 'service_account_json';

/** Reads the settings of a request against what the user has stored. */
@Injectable()
export class CandidateSettings {
  private readonly log = new Logger(CandidateSettings.name);

  constructor(
    private readonly configs: CloudConfigs,
    private readonly secrets: SealedSecrets,
    private readonly config: Config,
    private readonly registry: ProviderRegistry,
    @Inject(CONNECT_CONTEXT) private readonly context: ConnectContext,
  ) {}

  /**
   * @throws RequestError `validation_failed` with every wrong field at once, `payload_too_large`
   * @throws CredentialsError `sealed`, `credentials_unreadable` when a stored secret would have to be kept
   */
  async read({ userId, scopes }: Principal, body: Body): Promise<Candidate> {
    assertSmall(body);
    const provider = this.providerOf(body);
    const seen = await this.configs.seen(userId);
    const { provider: _, ...fields } = body;
    const previous = await this.previousSettings(provider, fields, seen, userId);
    const given = await this.withOperatorsKey(provider, fields, previous, scopes.includes('admin'));
    const read = readCandidate(provider, given, previous, this.context.defaultRegion);
    if ('problems' in read) throw problemsFound(provider, fields, read.problems);
    const settings = this.withRegion(provider, read.settings);
    return { provider, settings, bucketName: settings.bucket_name ?? '', seen };
  }

  private providerOf({ provider }: Body): StorageProvider {
    const found = typeof provider === 'string' ? this.registry.find(provider) : undefined;
    if (found !== undefined) return found;
    const detail = `must be one of ${PROVIDER_NAMES.join(', ')}`;
    throw validationFailed([{ pointer: '/provider', detail, code: 'is_in' }]);
  }

  /** With secrets, but only when the request leaves one out: otherwise they need not be opened. */
  private async previousSettings(
    provider: StorageProvider,
    fields: Body,
    { active }: SeenState,
    userId: number,
  ): Promise<ProviderSettings | undefined> {
    const leavesOut = provider.fields.some((field) => field.secret && !isGiven(field, fields));
    if (!leavesOut || active?.provider !== provider.name) return undefined;
    const { id: configId, version, encryptedConfig, settings } = active;
    const secrets = await this.secrets.open({ userId, configId, version }, encryptedConfig);
    return { ...settings, ...secrets };
  }

  /** GOOGLE_APPLICATION_CREDENTIALS is the operator's own key: only administrators may put it into their settings. */
  private async withOperatorsKey(
    provider: StorageProvider,
    fields: Body,
    previous: ProviderSettings | undefined,
    isAdmin: boolean,
  ): Promise<Body> {
    const path = this.config.env.GOOGLE_APPLICATION_CREDENTIALS;
    const field = provider.fields.find(({ name }) => name === SERVICE_ACCOUNT);
    if (!path || !isAdmin || !field || previous?.[SERVICE_ACCOUNT] || isGiven(field, fields)) return fields;
    try {
      if ((await stat(path)).size > MAX_KEY_FILE_BYTES) throw new Error('too large');
      return { ...fields, [SERVICE_ACCOUNT]: await readFile(path, 'utf8') };
    } catch {
      this.log.warn(`GOOGLE_APPLICATION_CREDENTIALS: ${path} cannot be read, or is no key file.`);
      return fields;
    }
  }

  /** The installation's default is written down: when it changes later, the bucket stays where it is. */
  private withRegion(provider: StorageProvider, settings: ProviderSettings): ProviderSettings {
    const { defaultRegion } = this.context;
    if (provider.name !== 'aws_s3' || settings.region !== undefined || !defaultRegion) return settings;
    return { ...settings, region: defaultRegion };
  }
}

function assertSmall(body: Body): void {
  if (Buffer.byteLength(JSON.stringify(body)) <= MAX_BODY_BYTES) return;
  throw new RequestError('payload_too_large', 'The settings may have 64 KiB at most.');
}

/** Points to the name under which the request gave the field. Names may hold anything: RFC 6901 escapes. */
function problemsFound(provider: StorageProvider, given: Body, problems: readonly SettingProblem[]) {
  return validationFailed(
    problems.map(({ field, problem }) => {
      const { name = field, aliases = [] } = provider.fields.find((one) => one.name === field) ?? {};
      const used = [name, ...aliases].find((alias) => Object.hasOwn(given, alias)) ?? name;
      const token = used.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
      return { pointer: `/${token}`, detail: problem, code: 'invalid_setting' };
    }),
  );
}
