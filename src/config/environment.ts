import { Transform, type TransformFnParams } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  ValidateIf,
} from 'class-validator';

const toInteger = ({ value }: TransformFnParams): unknown =>
  typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value;

const toList = ({ value }: TransformFnParams): unknown =>
  typeof value === 'string'
    ? value
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean)
    : value;

const toBoolean = ({ value }: TransformFnParams): unknown =>
  ({ true: true, '1': true, yes: true, false: false, '0': false, no: false })[String(value).toLowerCase()] ??
  value;

const KEY_HELP = 'must be 32 bytes, as 64 hex digits or 44 base64 characters (openssl rand -hex 32)';

/** A 32-byte key in hex or base64, or exactly 32 printable characters as the implementation guide shows it. */
export const KEY_PATTERN = /^(?:[0-9a-fA-F]{64}|[A-Za-z0-9+/]{43}=|[\x21-\x7e]{32})$/;

/**
 * Every variable that Stowage reads, with its default. The README's table is checked against this class.
 * Each NAME may also be given as NAME_FILE, a path whose content is the value (trailing newline removed).
 */
export class Environment {
  /** Address to listen on. */
  @IsString()
  HOST: string = '127.0.0.1';

  /** Port to listen on; 0 takes a free one. */
  @Transform(toInteger)
  @IsInt()
  @Min(0)
  @Max(65535)
  PORT: number = 8080;

  /** URL under which clients reach this server; needed behind a proxy. Default: http://HOST:PORT. */
  @IsOptional()
  @Matches(/^https?:\/\/[^/\s]+(?:\/\S*)?$/, { message: 'must be a URL such as https://stowage.example.org' })
  PUBLIC_URL?: string;

  /** PostgreSQL 15 or newer. Absent: the embedded PostgreSQL in DATA_DIR. */
  @IsOptional()
  @Matches(/^postgres(?:ql)?:\/\//, {
    message: 'must be a URL such as postgres://user:password@host:5432/stowage',
  })
  DATABASE_URL?: string;

  /** Connections of this process to PostgreSQL, shared by all of its work but jobs, which have 6 more. */
  @Transform(toInteger)
  @IsInt()
  @Min(2)
  @Max(200)
  DATABASE_POOL_SIZE: number = 20;

  /** Folder of the embedded database, of generated keys and of local_disk buckets. */
  @IsString()
  DATA_DIR: string = '.stowage';

  /** Master key that seals all credentials. Absent: made at first start in DATA_DIR/master-key. */
  @IsOptional()
  @Matches(KEY_PATTERN, { message: KEY_HELP })
  ENCRYPTION_KEY?: string;

  /** The key being replaced; set it only while `npm run rotate-key` runs. */
  @IsOptional()
  @Matches(KEY_PATTERN, { message: KEY_HELP })
  ENCRYPTION_KEY_PREVIOUS?: string;

  /** Makes this API key an administrator's at start: for automation without the setup link. */
  @IsOptional()
  @Matches(/^stw_admin_[0-9A-Za-z]{36}$/, { message: 'must be an admin API key (npm run admin -- new-key)' })
  STOWAGE_ADMIN_KEY?: string;

  /** Region of aws_s3 when a configuration names none. */
  @IsOptional()
  @Matches(/^[a-z0-9-]{1,32}$/, { message: 'must be a region such as us-west-2' })
  AWS_DEFAULT_REGION?: string;

  /** Service account file used for google_gcs configurations that carry no service_account_json. */
  @IsOptional()
  @IsString()
  GOOGLE_APPLICATION_CREDENTIALS?: string;

  /** Private endpoints that users may configure: hosts, host:port or CIDR ranges, separated by commas. */
  @Transform(toList)
  @Matches(/^[\w.:[\]/-]+$/, { each: true, message: 'must list hosts, host:port or CIDR ranges' })
  ALLOWED_PRIVATE_ENDPOINTS: string[] = [];

  /** Exact origins that browsers may call from, separated by commas. */
  @Transform(toList)
  @Matches(/^https?:\/\/[^/\s,]+$/, {
    each: true,
    message: 'must list exact origins such as https://app.example.org',
  })
  CORS_ORIGINS: string[] = [];

  /** Proxies whose X-Forwarded-For is believed: addresses or CIDR ranges, separated by commas. */
  @Transform(toList)
  @Matches(/^[\da-fA-F.:/]+$/, { each: true, message: 'must list addresses or CIDR ranges' })
  TRUSTED_PROXIES: string[] = [];

  /** Requests a minute for each API key. */
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  RATE_LIMIT_PER_KEY: number = 6000;

  /** Requests a minute for each address without a valid API key. */
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  RATE_LIMIT_PER_ADDRESS: number = 120;

  /** Uploads of one user at the same time; more wait for their turn. */
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(1000)
  UPLOADS_PER_USER: number = 64;

  /** Whether this server protects directories of its own machine: it runs an agent as a child process. */
  @Transform(toBoolean)
  @IsIn([true, false])
  EMBEDDED_AGENT: boolean = true;

  /** Hours between restore drills of a workspace; 0: only when somebody asks for one. */
  @Transform(toInteger)
  @IsInt()
  @Min(0)
  @Max(8760)
  DRILL_INTERVAL_HOURS: number = 24;

  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  LOG_LEVEL: string = 'info';

  /** Whether /metrics needs no API key. */
  @Transform(toBoolean)
  @IsIn([true, false])
  METRICS_PUBLIC: boolean = false;

  /** What this process does, separated by commas: `api` answers requests, `worker` runs jobs. Health is always told. */
  @Transform(toList)
  @IsIn(['api', 'worker'], { each: true, message: 'must list api, worker or both' })
  @ArrayNotEmpty({ message: 'must list api, worker or both' })
  STOWAGE_ROLES: string[] = ['api', 'worker'];

  /** Folders of this machine below which all users may have workspaces, separated by commas; administrators may anywhere. */
  @Transform(toList)
  @Matches(/^\/[^\0]*$/, { each: true, message: 'must list absolute paths such as /srv/workspaces' })
  WORKSPACE_ROOTS: string[] = [];

  /**
   * Folders of this machine whose files users may have uploaded, separated by commas; `{user_id}` stands for the user's
   * id. None: local files and watched folders are off.
   */
  @Transform(toList)
  @Matches(/^\/[^\0]*[^\0/]$/, {
    each: true,
    message: 'must list absolute paths such as /srv/uploads/{user_id}, not / itself',
  })
  LOCAL_FILES_ROOTS: string[] = [];

  /** Name that servers have in common which see the same LOCAL_FILES_ROOTS; others have another one. */
  @Matches(/^[\w.-]{1,255}$/, { message: 'must be a name of letters, digits, dots, dashes and underscores' })
  LOCAL_FILES_SERVER: string = 'main';

  /** Longest wait for running requests at shutdown, in seconds. */
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(3600)
  SHUTDOWN_GRACE_SECONDS: number = 60;

  /** Emulators only: base URL of a GCS-compatible server. */
  @IsOptional()
  @ValidateIf((_, value) => value !== undefined)
  @Matches(/^https?:\/\/\S+$/)
  GCS_ENDPOINT?: string;

  /** Emulators only: token endpoint that goes with GCS_ENDPOINT. */
  @IsOptional()
  @Matches(/^https?:\/\/\S+$/)
  GCS_TOKEN_ENDPOINT?: string;

  /** Emulators only: base URL of an Azure-Blob-compatible server, with the account in its path. */
  @IsOptional()
  @Matches(/^https?:\/\/\S+$/)
  AZURE_ENDPOINT?: string;
}
