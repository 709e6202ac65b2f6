import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CallLog, type LoggedCall } from '../call-log.js';
import {
  cutConnection,
  listen,
  sendAnswer,
  strikeAfter,
  strikeBefore,
  type DoubleAnswer,
  type TlsFiles,
} from '../double-server.js';
import { Faults, type FaultEffect, type StatusFault } from '../faults.js';
import { answerHostileListing, type HostileListing } from '../hostile-listings.js';
import { parameter, readRawRequest, type RawRequest } from '../raw-request.js';
import { timedBody } from '../timed-body.js';
import { identify } from './gcs-authentication.js';
import { readDocument, type GcsCall } from './gcs-call.js';
import { GcsFault, gcsFaults, renderJsonFault, renderXmlFault } from './gcs-fault.js';
import { operationOf, type GcsOperation } from './gcs-operations.js';
import { GcsStore } from './gcs-store.js';
import { ResumableSessions } from './resumable-sessions.js';
import { standardAccounts, type ServiceAccount, type StandardAccounts } from './service-accounts.js';
import { GOOGLE_TOKEN_URL, TokenEndpoint } from './token-endpoint.js';

export interface GcsDoubleOptions {
  /** `stowage-test` by default. */
  readonly buckets?: readonly string[];
  readonly accounts?: readonly ServiceAccount[];
  readonly port?: number;
  readonly tls?: TlsFiles;
  readonly minPartBytes?: number;
  readonly idleBodyMs?: number;
  readonly now?: () => number;
}

/** A running double. Its setters take effect at the next call. */
export interface GcsDouble {
  /** Origin of the JSON and the XML API. */
  readonly endpoint: string;
  readonly tokenEndpoint: string;
  readonly port: number;
  readonly bucket: string;
  readonly accounts: StandardAccounts;
  readonly log: CallLog;
  readonly faults: Faults;
  readonly store: GcsStore;
  readonly tokens: TokenEndpoint;
  readonly sessions: ResumableSessions;
  /** How far this server's clock is ahead of the machine's. */
  clockOffsetMs: number;
  /** Answers listings of objects as this liar would; undefined is honest. */
  hostileListing: HostileListing | undefined;
  stop(): Promise<void>;
}

const DEFAULT_BUCKET = 'stowage-test';
const TOKEN_PATH = '/token';

/** Starts a server that speaks Google Cloud Storage (JSON and XML) and its OAuth token endpoint. */
export async function startGcsDouble(options: GcsDoubleOptions = {}): Promise<GcsDouble> {
  const server = new GcsServer(options);
  const listening = await listen((request, response) => void server.serve(request, response), options);
  server.origin = listening.origin;
  return Object.assign(server, {
    endpoint: listening.origin,
    tokenEndpoint: listening.origin + TOKEN_PATH,
    port: listening.port,
    bucket: options.buckets?.[0] ?? DEFAULT_BUCKET,
    stop: () => listening.stop(),
  });
}

class GcsServer {
  readonly store = new GcsStore();
  readonly log = new CallLog();
  readonly faults = new Faults();
  readonly sessions = new ResumableSessions();
  readonly accounts = standardAccounts();
  readonly tokens: TokenEndpoint;
  clockOffsetMs = 0;
  hostileListing: HostileListing | undefined = undefined;
  origin = '';
  readonly #options: GcsDoubleOptions;
  readonly #known: readonly ServiceAccount[];

  constructor(options: GcsDoubleOptions) {
    this.#options = options;
    this.#known = [...Object.values(this.accounts), ...(options.accounts ?? [])];
    this.tokens = new TokenEndpoint(
      () => this.#known,
      () => [GOOGLE_TOKEN_URL, this.origin + TOKEN_PATH],
    );
    for (const bucket of options.buckets ?? [DEFAULT_BUCKET]) this.store.addBucket(bucket);
  }

  async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    response.sendDate = false;
    response.setHeader('date', new Date(this.#nowMs()).toUTCString());
    response.setHeader('server', 'UploadServer');
    response.setHeader('x-guploader-uploadid', randomBytes(32).toString('base64url'));
    message.on('error', () => undefined);
    try {
      const request = readRawRequest(message);
      const operation = request.rawPath === TOKEN_PATH ? this.#tokenOperation() : operationOf(request);
      await this.#strike(request, response, operation);
    } catch (error) {
      const entry = this.#openEntry(message, 'unreadable', '', '');
      const fault =
        error instanceof URIError
          ? gcsFaults.invalid('Malformed URL', 'InvalidURI')
          : gcsFaults.internal(String(error));
      await this.#send(response, renderXmlFault(fault), entry, undefined);
    }
  }

  async #strike(request: RawRequest, response: ServerResponse, operation: GcsOperation): Promise<void> {
    const entry = this.#openEntry(request.message, operation.name, operation.bucket, operation.object);
    const effect = this.faults.take(operation.name, operation.object);
    if (await strikeBefore(effect, response)) return;
    const answer =
      effect?.kind === 'status'
        ? statusAnswer(effect.answer, operation)
        : await this.#answer(request, response, operation, entry, effect);
    if (await strikeAfter(effect, response)) return;
    if (answer) await this.#send(response, answer, entry, effect);
  }

  /** @returns undefined when the answer was sent already, or nobody waits for one */
  async #answer(
    request: RawRequest,
    response: ServerResponse,
    operation: GcsOperation,
    entry: LoggedCall,
    effect: FaultEffect | undefined,
  ): Promise<DoubleAnswer | undefined> {
    try {
      const call = this.#openCall(request, operation, entry, effect);
      if (this.hostileListing !== undefined && operation.name === 'storage.objects.list') {
        const asked = {
          bucket: call.bucket,
          prefix: parameter(request, 'prefix') ?? '',
          token: parameter(request, 'pageToken'),
        };
        answerHostileListing(this.hostileListing, 'gcs', asked, response);
        return undefined;
      }
      return effect?.kind === 'duplicate' ? await runTwice(operation, call) : await operation.run(call);
    } catch (error) {
      if (error instanceof Error && error.message === 'aborted') return undefined;
      const fault = error instanceof GcsFault ? error : gcsFaults.internal(String(error));
      entry.errorCode = operation.api === 'json' ? fault.reason : fault.xmlCode;
      return operation.api === 'json' ? renderJsonFault(fault) : renderXmlFault(fault);
    }
  }

  #openCall(
    request: RawRequest,
    operation: GcsOperation,
    entry: LoggedCall,
    effect: FaultEffect | undefined,
  ): GcsCall {
    const nowMs = this.#nowMs();
    const anonymous = operation.bySessionUrl === true || operation.name === 'token';
    const raw = timedBody(request.message, this.#options.idleBodyMs ?? 20_000, () =>
      gcsFaults.invalid('The request timed out.', 'RequestTimeout'),
    );
    return {
      request,
      caller: anonymous
        ? { account: undefined, mayWrite: false }
        : identify(request, this.#known, this.tokens, nowMs),
      store: this.store,
      sessions: this.sessions,
      nowMs,
      origin: this.origin,
      bucket: operation.bucket,
      name: operation.object,
      body: counted(raw, entry),
      minPartBytes: this.#options.minPartBytes ?? 5 * 1024 * 1024,
      keepBytes: effect?.kind === 'torn' ? effect.keepBytes : undefined,
    };
  }

  #tokenOperation(): GcsOperation {
    const run = async (call: GcsCall) => this.tokens.answer(await readDocument(call.body), call.nowMs);
    return { name: 'token', api: 'json', bucket: '', object: '', run };
  }

  async #send(
    response: ServerResponse,
    answer: DoubleAnswer,
    entry: LoggedCall,
    effect: FaultEffect | undefined,
  ): Promise<void> {
    try {
      await sendAnswer(response, answer, entry, effect);
    } catch {
      // A body that broke half-way must not look like a whole one.
      cutConnection(response);
    }
  }

  #openEntry(message: IncomingMessage, operation: string, bucket: string, key: string): LoggedCall {
    const { method = '', url: target = '', headers: requestHeaders } = message;
    return this.log.open({ operation, bucket, key, method, target, requestHeaders });
  }

  #nowMs(): number {
    return (this.#options.now?.() ?? Date.now()) + this.clockOffsetMs;
  }
}

async function* counted(source: AsyncIterable<Buffer>, entry: LoggedCall): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    entry.receivedBytes += chunk.length;
    yield chunk;
  }
}

/** The network delivered the request twice: its sender sees only what the second delivery came to. */
async function runTwice(operation: GcsOperation, call: GcsCall): Promise<DoubleAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of call.body) chunks.push(chunk);
  const replayed = {
    async *[Symbol.asyncIterator]() {
      yield* chunks;
    },
  };
  await operation.run({ ...call, body: replayed });
  return operation.run({ ...call, body: replayed });
}

function statusAnswer(answer: StatusFault, operation: GcsOperation): DoubleAnswer {
  if (answer.body !== undefined) return { status: answer.status, headers: answer.headers, body: answer.body };
  const code = answer.code ?? 'backendError';
  const fault = new GcsFault(answer.status, code, answer.message ?? code, { code });
  const rendered = operation.api === 'json' ? renderJsonFault(fault) : renderXmlFault(fault);
  return { ...rendered, headers: { ...rendered.headers, ...answer.headers } };
}
