import { protocolError, readText } from '../http/answer-body.js';
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/http-client.js';
import { parseXml, type XmlElement } from '../http/xml.js';
import { azureFailure, isAzure } from './azure-failure.js';
import { AZURE_API_VERSION, sharedKeyAuthorization, type SharedKeyAccount } from './shared-key.js';

export interface AzureClientOptions {
  readonly http: HttpClient;
  readonly account: SharedKeyAccount;
  readonly container: string;
  /** Path in front of the container: empty at Azure, the account's name at an emulator. */
  readonly basePath: string;
  /** Everything before the container, without a slash at the end. */
  readonly baseUrl: string;
  /** Deadline of a whole answer that is no object content. */
  readonly answerMs: number;
  readonly now: () => number;
}

export interface AzureRequest extends Omit<HttpRequest, 'path'> {
  /** Of the blob; without it the container is meant. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
}

/** Calls of the Blob service's REST API under the account's key; rejects with a StorageError for each non-2xx. */
export class AzureClient {
  constructor(private readonly options: AzureClientOptions) {}

  get container(): string {
    return this.options.container;
  }

  /** Where a blob is, as other calls name it. */
  urlOf(key: string): string {
    return `${this.options.baseUrl}${blobPath(this.container, key)}`;
  }

  now(): number {
    return this.options.now();
  }

  /** A 2xx answer of the Blob service; its body must be read or destroyed. */
  async call(request: AzureRequest): Promise<HttpAnswer> {
    const { operation } = request;
    const answer = await this.options.http.send(this.signed(request));
    const isSuccess = answer.status >= 200 && answer.status < 300;
    if (isSuccess && isAzure(answer.headers)) return answer;
    const text = await readText(answer.body, operation, this.options.answerMs);
    if (isSuccess) throw protocolError(operation, 'a page that is not of the Blob service');
    throw azureFailure({ ...answer, text }, { operation, bucket: this.container, nowMs: this.now() });
  }

  /** For an answer whose content does not matter. */
  async done(request: AzureRequest): Promise<HttpAnswer['headers']> {
    const answer = await this.call(request);
    await readText(answer.body, request.operation, this.options.answerMs);
    return answer.headers;
  }

  /** The root element, which must have the given name. */
  async xml(request: AzureRequest, rootName: string): Promise<XmlElement> {
    const answer = await this.call(request);
    const root = parseXml(await readText(answer.body, request.operation, this.options.answerMs));
    if (root?.name !== rootName) throw protocolError(request.operation, `something else than a ${rootName}`);
    return root;
  }

  private signed({ key, query = {}, ...request }: AzureRequest): HttpRequest {
    const { account, basePath, container } = this.options;
    const path = `${basePath}${blobPath(container, key)}`;
    const sizeBytes = request.sizeBytes ?? (request.body as Uint8Array | undefined)?.byteLength ?? 0;
    const headers = {
      ...request.headers,
      'x-ms-date': new Date(this.now()).toUTCString(),
      'x-ms-version': AZURE_API_VERSION,
    };
    const authorization = sharedKeyAuthorization(account, {
      method: request.method,
      path,
      query,
      headers: sizeBytes > 0 ? { ...headers, 'content-length': String(sizeBytes) } : headers,
    });
    return { ...request, path: path + queryOf(query), headers: { ...headers, authorization } };
  }
}

/** `/container/folder/name`, percent-encoded. */
export function blobPath(container: string, key?: string): string {
  const path = `/${encodeURIComponent(container)}`;
  return key === undefined ? path : `${path}/${key.split('/').map(encodeSegment).join('/')}`;
}

/** Apostrophes and the like are signed as sent: both sides must see the same characters. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function queryOf(query: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeSegment(value)}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}
