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
import { tag, XML_DECLARATION } from '../xml.js';
import { type CorsRule, corsHeaders, preflightAnswer } from './cors.js';
import { ObjectStore } from './object-store.js';
import { operationOf, type S3Operation } from './operations.js';
import { PERSONALITIES, type Personality, type PersonalityName } from './personalities.js';
import type { S3Call } from './s3-call.js';
import { S3Fault } from './s3-fault.js';
import { parameter } from '../raw-request.js';
import { readRequest, type S3Request } from './s3-request.js';
import { acceptAnyone, authenticate } from './sigv4-verifier.js';
import { standardUsers, type S3User, type StandardUsers } from './users.js';
import { VerifiedBody } from './verified-body.js';
import { WriteRate } from './write-rate.js';

export interface S3DoubleOptions {
  readonly personality?: PersonalityName | Personality;
  /** Single traits that differ from the personality. */
  readonly traits?: Partial<Personality>;
  /** The region that this endpoint serves; the personality's by default. */
  readonly region?: string;
  /** Made at start; one with another region answers PermanentRedirect. `stowage-test` by default. */
  readonly buckets?: ReadonlyArray<string | { readonly name: string; readonly region: string }>;
  readonly users?: readonly S3User[];
  /** Keeps everything in this folder, so that a killed double comes back with its objects. */
  readonly folder?: string;
  readonly port?: number;
  readonly tls?: TlsFiles;
  /** Names whose sub-domains are buckets. */
  readonly baseHosts?: readonly string[];
  readonly minPartBytes?: number;
  /** Longest silence while a body is uploaded; S3 waits about 20 s. */
  readonly idleBodyMs?: number;
  readonly now?: () => number;
  /** Of all buckets; none by default. */
  readonly corsRules?: readonly CorsRule[];
}

/** A running double. Its setters take effect at the next call. */
export interface S3Double {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly port: number;
  readonly region: string;
  readonly bucket: string;
  readonly users: StandardUsers;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly personality: Personality;
  readonly log: CallLog;
  readonly faults: Faults;
  readonly store: ObjectStore;
  /** How far this server's clock is ahead of the machine's. */
  clockOffsetMs: number;
  /** Answers listings of objects as this liar would; undefined is honest. */
  hostileListing: HostileListing | undefined;
  stop(): Promise<void>;
}

const DEFAULT_BUCKET = 'stowage-test';

/**
 * Starts a server that speaks S3 and checks what S3 checks: signatures in all forms, digests, conditions,
 * permissions, clocks. It is judged by foreign clients (doubles.spec.ts) and by the contract suite.
 */
export async function startS3Double(options: S3DoubleOptions = {}): Promise<S3Double> {
  const named = options.personality ?? 'aws';
  const personality = { ...(typeof named === 'string' ? PERSONALITIES[named] : named), ...options.traits };
  const region = options.region ?? personality.region;
  const store = new ObjectStore(options.folder);
  const buckets = (options.buckets ?? [DEFAULT_BUCKET]).map((bucket) =>
    typeof bucket === 'string' ? { name: bucket, region } : bucket,
  );
  for (const bucket of buckets)
    if (!store.findBucket(bucket.name)) store.addBucket(bucket.name, bucket.region);
  const users = standardUsers();
  const server = new S3Server(options, personality, region, store, [
    ...Object.values(users),
    ...(options.users ?? []),
  ]);
  const listening = await listen((request, response) => void server.serve(request, response), options);
  return Object.assign(server, {
    endpoint: listening.origin,
    port: listening.port,
    bucket: buckets[0]?.name ?? DEFAULT_BUCKET,
    users,
    credentials: users.full,
    stop: async () => {
      await listening.stop();
      store.close();
    },
  });
}

class S3Server {
  readonly region: string;
  readonly personality: Personality;
  readonly store: ObjectStore;
  readonly log = new CallLog();
  readonly faults = new Faults();
  clockOffsetMs = 0;
  hostileListing: HostileListing | undefined = undefined;
  readonly #options: S3DoubleOptions;
  readonly #users: readonly S3User[];
  readonly #writeRate: WriteRate;

  constructor(
    options: S3DoubleOptions,
    personality: Personality,
    region: string,
    store: ObjectStore,
    users: readonly S3User[],
  ) {
    this.#options = options;
    this.personality = personality;
    this.region = region;
    this.store = store;
    this.#users = users;
    this.#writeRate = new WriteRate(personality.sameKeyWritesPerSecond);
  }

  async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomBytes(8).toString('hex').toUpperCase();
    response.sendDate = false;
    response.setHeader('date', new Date(this.#nowMs()).toUTCString());
    response.setHeader('server', this.personality.serverHeader);
    response.setHeader('x-amz-request-id', requestId);
    message.on('error', () => undefined);
    const cors = corsHeaders(message.method ?? '', message.headers, this.#options.corsRules ?? []);
    for (const [name, value] of Object.entries(cors)) response.setHeader(name, value);
    if (message.method === 'OPTIONS') {
      const entry = this.#openEntry(message, 'Preflight', '', '');
      await this.#send(response, preflightAnswer(cors), entry, undefined);
      return;
    }
    let request: S3Request;
    try {
      request = readRequest(message, this.#options.baseHosts ?? ['localhost']);
    } catch (error) {
      await this.#send(
        response,
        renderFault(error, message.url ?? '', requestId),
        this.#openEntry(message, 'Unreadable', '', ''),
        undefined,
      );
      return;
    }
    const operation = operationOf(request);
    const entry = this.#openEntry(message, operation.name, request.bucket, request.key);
    await this.#strike(request, response, operation, entry, requestId);
  }

  async #strike(
    request: S3Request,
    response: ServerResponse,
    operation: S3Operation,
    entry: LoggedCall,
    requestId: string,
  ): Promise<void> {
    const effect = this.faults.take(operation.name, request.key);
    if (await strikeBefore(effect, response)) return;
    const answer =
      effect?.kind === 'status'
        ? statusAnswer(effect.answer, request.rawPath, requestId)
        : await this.#answer(request, response, operation, entry, requestId, effect);
    if (await strikeAfter(effect, response)) return;
    if (answer) await this.#send(response, answer, entry, effect);
  }

  /** @returns undefined when the answer was sent already */
  async #answer(
    request: S3Request,
    response: ServerResponse,
    operation: S3Operation,
    entry: LoggedCall,
    requestId: string,
    effect: FaultEffect | undefined,
  ): Promise<DoubleAnswer | undefined> {
    try {
      const call = this.#openCall(request, effect);
      if (this.hostileListing !== undefined && operation.name.startsWith('ListObjects')) {
        const asked = {
          bucket: request.bucket,
          prefix: parameter(request, 'prefix') ?? '',
          token: parameter(request, 'continuation-token'),
        };
        answerHostileListing(this.hostileListing, 's3', asked, response);
        return undefined;
      }
      if (this.personality.htmlAnswers.includes(operation.name))
        return { status: 200, headers: { 'content-type': 'text/html' }, body: WEB_PAGE };
      const answer =
        effect?.kind === 'duplicate' ? await this.#runTwice(operation, call) : await operation.run(call);
      entry.receivedBytes = call.body.receivedBytes;
      return answer;
    } catch (error) {
      if (!(error instanceof S3Fault) && message(error) === 'aborted') return undefined;
      entry.errorCode = error instanceof S3Fault ? error.code : 'InternalError';
      return renderFault(error, request.rawPath, requestId);
    }
  }

  #openCall(request: S3Request, effect: FaultEffect | undefined): S3Call {
    const { personality, region, store } = this;
    const nowMs = this.#nowMs();
    assertHeadersSupported(request, personality);
    const authentication =
      personality.signatures === 'verified'
        ? authenticate(request, { personality, users: this.#users, region, nowMs })
        : acceptAnyone(request, this.#users);
    if (request.method === 'PUT' && request.key !== '')
      this.#writeRate.assertWithin(`${request.bucket}/${request.key}`, nowMs);
    return {
      request,
      authentication,
      personality,
      store,
      nowMs,
      region,
      minPartBytes: this.#options.minPartBytes ?? 5 * 1024 * 1024,
      body: new VerifiedBody(request, authentication, personality, this.#options.idleBodyMs ?? 20_000),
      keepBytes: effect?.kind === 'torn' ? effect.keepBytes : undefined,
    };
  }

  /** The network delivered the request twice: its sender sees only what the second delivery came to. */
  async #runTwice(operation: S3Operation, call: S3Call): Promise<DoubleAnswer> {
    const chunks: Buffer[] = [];
    const hasBody = call.request.method === 'PUT' || call.request.method === 'POST';
    if (hasBody) for await (const chunk of call.body) chunks.push(chunk);
    const { md5Hex, checksums, receivedBytes } = hasBody
      ? call.body
      : { md5Hex: '', checksums: {}, receivedBytes: 0 };
    const replayed = {
      md5Hex,
      checksums,
      receivedBytes,
      async *[Symbol.asyncIterator]() {
        yield* chunks;
      },
    } as unknown as VerifiedBody;
    await operation.run({ ...call, body: replayed });
    return operation.run({ ...call, body: replayed });
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
    return this.log.open({
      operation,
      bucket,
      key,
      method: message.method ?? '',
      target: message.url ?? '',
      requestHeaders: message.headers,
    });
  }

  #nowMs(): number {
    return (this.#options.now?.() ?? Date.now()) + this.clockOffsetMs;
  }
}

const WEB_PAGE =
  '<!DOCTYPE html><html><head><title>It works!</title></head><body><h1>It works!</h1></body></html>';

/** Headers that some providers refuse on any call, before they look at who is asking. */
function assertHeadersSupported(request: S3Request, personality: Personality): void {
  for (const name of Object.keys(request.headers)) {
    const isChecksum =
      name.startsWith('x-amz-checksum-') ||
      name === 'x-amz-sdk-checksum-algorithm' ||
      name === 'x-amz-trailer';
    if (isChecksum && personality.checksumHeaders === 'refused') {
      throw new S3Fault('InvalidArgument', {
        message: `Unsupported header '${name}' received for this API call.`,
      });
    }
    if (name === 'x-amz-acl' && personality.acl === 'not_implemented') {
      throw new S3Fault('NotImplemented', {
        message: "Header 'x-amz-acl' with value '" + request.headers[name] + "' not implemented",
      });
    }
  }
}

function renderFault(error: unknown, resource: string, requestId: string): DoubleAnswer {
  const fault = error instanceof S3Fault ? error : new S3Fault('InternalError', { message: message(error) });
  const details = Object.entries(fault.details).map(([name, value]) => tag(name, value));
  const body = `${XML_DECLARATION}<Error>${tag('Code', fault.code)}${tag('Message', fault.message)}${details.join('')}${tag('Resource', decodeLoosely(resource))}${tag('RequestId', requestId)}${tag('HostId', Buffer.from(requestId).toString('base64'))}</Error>`;
  return { status: fault.status, headers: { 'content-type': 'application/xml', ...fault.headers }, body };
}

function statusAnswer(answer: StatusFault, resource: string, requestId: string): DoubleAnswer {
  if (answer.body !== undefined) return { status: answer.status, headers: answer.headers, body: answer.body };
  const fault = new S3Fault(answer.code ?? 'InternalError', answer);
  return renderFault(fault, resource, requestId);
}

function decodeLoosely(path: string): string {
  try {
    return decodeURIComponent(path.split('?')[0]!);
  } catch {
    return path;
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
