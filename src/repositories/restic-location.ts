/** Where a repository lies, as the programs of restic name it. */
export interface ResticLocation {
  /** For `RESTIC_REPOSITORY` or `restic -r`. */
  readonly location: string;
  /** Variables that restic needs besides the password, by name, with what belongs there. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface LocationInput {
  /** `urlOf` the repository's prefix: `s3://bucket/prefix`, `gs://…`, `azure://account/container/prefix`, `local://…`. */
  readonly url: string;
  /** Of the provider, without the bucket; absent on local disk. */
  readonly endpoint?: URL;
  /** Folder of a local_disk bucket on the server. */
  readonly folder?: string;
}

/** After "Preparing a new repository" of restic's manual. Secrets are the user's own: only their names are told. */
export function resticLocation({ url, endpoint, folder }: LocationInput): ResticLocation {
  const [, scheme, rest] = /^(\w+):\/\/(.*)$/.exec(url) ?? [];
  const [first = '', ...others] = (rest ?? '').split('/');
  if (scheme === 's3' && endpoint !== undefined) {
    const base = `${endpoint.origin}${endpoint.pathname.replace(/\/+$/, '')}`;
    return { location: `s3:${base}/${rest}`, environment: S3_ENVIRONMENT };
  }
  if (scheme === 'gs') {
    return { location: `gs:${first}:/${others.join('/')}`, environment: GCS_ENVIRONMENT };
  }
  if (scheme === 'azure') {
    const [container = '', ...path] = others;
    return {
      location: `azure:${container}:/${path.join('/')}`,
      environment: { AZURE_ACCOUNT_NAME: first, AZURE_ACCOUNT_KEY: 'the key of the account' },
    };
  }
  if (scheme === 'local' && folder !== undefined) {
    return { location: [folder, ...others].join('/'), environment: {} };
  }
  throw new TypeError(`restic has no name for ${scheme ?? 'this'} storage`);
}

const S3_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'the id of the bucket’s key',
  AWS_SECRET_ACCESS_KEY: 'the secret of the bucket’s key',
};
const GCS_ENVIRONMENT = { GOOGLE_APPLICATION_CREDENTIALS: 'a file with the service account’s JSON' };
