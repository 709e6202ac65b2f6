import type { StorageOperation } from '../../storage-errors.js';
import { protocolError, readText } from '../http/answer-body.js';
import { holdErrors } from '../http/exact-body.js';
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/http-client.js';
import { parseXml, type XmlElement } from '../http/xml.js';
import { gcsFailure } from './gcs-failure.js';
import type { TokenSource } from './token-source.js';

export interface GcsClientOptions {
  readonly http: HttpClient;
  readonly tokens: TokenSource;
  readonly bucket: string;
  /** Deadline of a whole answer that is no object content. */
  readonly answerMs: number;
  readonly now: () => number;
}

/** Calls of Cloud Storage's XML and JSON API with a Bearer token; rejects with a StorageError for each non-2xx. */
export class GcsClient {
  constructor(private readonly options: GcsClientOptions) {}

  get bucket(): string {
    return this.options.bucket;
  }

  /** A 2xx answer; its body must be read or destroyed. */
  async call(request: HttpRequest): Promise<HttpAnswer> {
    const { http, tokens } = this.options;
    holdErrors(request.body);
    const token = await tokens.token(request.operation, request.signal);
    const answer = await http.send(withToken(request, token));
    if (answer.status >= 200 && answer.status < 300) return answer;
    if (answer.status === 401) tokens.forget(token);
    throw await this.failure(request.operation, answer);
  }

  /** For an answer whose content does not matter. */
  async done(request: HttpRequest): Promise<HttpAnswer['headers']> {
    const answer = await this.call(request);
    await this.text(request.operation, answer);
    return answer.headers;
  }

  async json(request: HttpRequest): Promise<Record<string, unknown>> {
    const text = await this.text(request.operation, await this.call(request));
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
    } catch {
      // The same as any other text that is not an object.
    }
    throw protocolError(request.operation, 'something else than JSON');
  }

  /** The root element, which must have the given name. */
  async xml(request: HttpRequest, rootName: string): Promise<XmlElement> {
    const answer = await this.call(request);
    const text = await this.text(request.operation, answer);
    const root = parseXml(text);
    if (root?.name === rootName) return root;
    if (root?.name === 'Error')
      throw gcsFailure({ ...answer, status: 500, text }, this.failedCall(request.operation));
    throw protocolError(request.operation, `something else than a ${rootName}`);
  }

  private async text(operation: StorageOperation, answer: HttpAnswer): Promise<string> {
    return readText(answer.body, operation, this.options.answerMs);
  }

  private async failure(operation: StorageOperation, answer: HttpAnswer): Promise<Error> {
    const text = await this.text(operation, answer);
    return gcsFailure({ ...answer, text }, this.failedCall(operation));
  }

  private failedCall(operation: StorageOperation) {
    return { operation, bucket: this.options.bucket, nowMs: this.options.now() };
  }
}

function withToken(request: HttpRequest, token: string): HttpRequest {
  return { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } };
}
