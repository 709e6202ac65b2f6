/** The few calls of the REST API that the demo makes, as any client would make them. */
export class DemoApi {
  constructor(
    readonly url: string,
    private readonly apiKey: string,
  ) {}

  /** @throws Error with the problem's own sentence when the answer is not 2xx. */
  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers = body === undefined ? undefined : { 'content-type': 'application/json' };
    const response = await this.send(method, path, {
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return (await response.json()) as T;
  }

  async upload(filename: string, bytes: Uint8Array<ArrayBuffer>): Promise<UploadedFile> {
    const form = new FormData();
    form.append('file', new Blob([bytes]), filename);
    const response = await this.send('POST', '/api/v1/files', { body: form });
    return (await response.json()) as UploadedFile;
  }

  /** Follows the signed URL as a browser would: without our API key. */
  async download(fileId: number): Promise<Uint8Array> {
    const { downloadUrl } = await this.json<{ downloadUrl: string }>('GET', `/api/cloud/download/${fileId}`);
    const response = await fetch(new URL(downloadUrl, this.url));
    if (!response.ok) throw new Error(`The signed URL answered ${response.status}.`);
    return new Uint8Array(await response.arrayBuffer());
  }

  private async send(method: string, path: string, init: RequestInit): Promise<Response> {
    const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${this.apiKey}` };
    const response = await fetch(this.url + path, { ...init, method, headers });
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as { detail?: string };
    throw new Error(`${method} ${path} answered ${response.status}: ${problem.detail ?? 'no reason given'}`);
  }
}

export interface UploadedFile {
  readonly id: number;
  readonly filename: string;
  readonly file_size: number;
  readonly checksum: string;
}
