import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { Environment } from './environment.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** The environment is wrong; the message names every problem, one a line. */
export class ConfigurationError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`Stowage cannot start, its configuration is wrong:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
    this.name = 'ConfigurationError';
  }
}

/**
 * Reads and validates all variables at once. An empty value counts as absent.
 * @throws ConfigurationError with every problem
 */
export function readEnvironment(variables: Variables): Environment {
  const problems: string[] = [];
  const values: Record<string, string> = {};
  for (const name of variableNames()) {
    const value = readVariable(name, variables, problems);
    if (value !== undefined) values[name] = value;
  }
  const environment = plainToInstance(Environment, values, { exposeDefaultValues: true });
  problems.push(...validateSync(environment).map(describe), ...contradictions(environment, variables));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return environment;
}

/**
 * What this process was started with; a `.env` file in the working folder fills in what is not set.
 * @throws ConfigurationError with every problem
 */
export function readProcessEnvironment(): Environment {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return readEnvironment(process.env);
}

export function variableNames(): string[] {
  // Optional members have no initialiser, but useDefineForClassFields makes them own properties all the same.
  return Object.keys(new Environment());
}

function readVariable(name: string, variables: Variables, problems: string[]): string | undefined {
  const direct = variables[name];
  const file = variables[`${name}_FILE`];
  if (direct && file) problems.push(`${name} and ${name}_FILE are both set; keep one`);
  if (direct) return direct;
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    problems.push(`${name}_FILE: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    return undefined;
  }
}

function describe(error: ValidationError): string {
  const { property, constraints = {} } = error;
  const sentences = Object.values(constraints).map((sentence) => sentence.replace(`${property} `, ''));
  return `${property} ${sentences.join(', ')}`;
}

function contradictions(environment: Environment, variables: Variables): string[] {
  const problems: string[] = [];
  if (variables.GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES === '1') {
    problems.push(
      'GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1 lets a service account file run programs; unset it',
    );
  }
  for (const proxy of listOf(environment.TRUSTED_PROXIES).filter((item) => !isAddressOrRange(item))) {
    problems.push(`TRUSTED_PROXIES has ${proxy}, which is no address and no CIDR range`);
  }
  if (Boolean(environment.GCS_ENDPOINT) !== Boolean(environment.GCS_TOKEN_ENDPOINT)) {
    problems.push('GCS_ENDPOINT and GCS_TOKEN_ENDPOINT go together; set both or none');
  }
  return problems;
}

/** What failed its own validation is named there. */
function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function isAddressOrRange(text: string): boolean {
  const [address = '', prefix] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return bits > 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits));
}
