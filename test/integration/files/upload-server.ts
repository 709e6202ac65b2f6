import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../../ormconfig.js';
import { Statements } from '../../../src/database/statements.js';
import { useUtcTimestamps } from '../../../src/database/timestamps.js';
import { StowageError } from '../../../src/errors/stowage-error.js';
import { ByteBudget } from '../../../src/files/byte-budget.js';
import { FileReads } from '../../../src/files/file-reads.js';
import { Searches } from '../../../src/files/searches.js';
import { FileRecords } from '../../../src/files/file-records.js';
import { isMultipartForm } from '../../../src/files/form-boundary.js';
import { ObjectWriter } from '../../../src/files/object-writer.js';
import { PartBuffers } from '../../../src/files/part-buffers.js';
import { Quotas } from '../../../src/files/quotas.js';
import { ReplaceContent } from '../../../src/files/replace-content.js';
import { MIB, SMALL_BUFFERS_BYTES } from '../../../src/files/upload-limits.js';
import { UploadSlots } from '../../../src/files/upload-slots.js';
import { Uploads, type UploadRequest } from '../../../src/files/uploads.js';
import { createDialer } from '../../../src/storage-providers/dialer.js';
import { openStorage } from '../../../src/storage-providers/open-storage.js';
import { s3Compatible } from '../../../src/storage-providers/providers/s3-compatible.js';
import { StorageError } from '../../../src/storage-providers/storage-errors.js';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { type S3Double, type S3DoubleOptions, startS3Double } from '../../support/s3-double/s3-double.js';

export const USER_ID = 1;

/**
 * The upload engine behind a bare HTTP server: real sockets in front, real PostgreSQL and a bucket that speaks S3
 * behind. Each request is an upload; the answer is its outcome.
 */
export class UploadServer {
  maxFileSize = 100 * MIB;
  /** What time it is for quotas. */
  quotaNowMs = 0;
  operation: UploadRequest['operation'] = undefined;
  /** What the engine rejected with, for requests whose client did not wait for it. */
  readonly failures: Error[] = [];
  readonly reads: FileReads;

  private constructor(
    readonly bucket: S3Double,
    readonly storage: ObjectStorage,
    readonly statements: Statements,
    readonly database: TestDatabase,
    readonly dataSource: DataSource,
    readonly records: FileRecords,
    readonly quotas: Quotas,
    private readonly uploads: Uploads,
    private readonly server: Server,
  ) {
    this.reads = new FileReads(statements, new Searches());
  }

  static async start(options: S3DoubleOptions = {}): Promise<UploadServer> {
    useUtcTimestamps();
    const [bucket, database] = await Promise.all([startS3Double(options), createTestDatabase()]);
    const statements = new Statements({ url: database.url, poolSize: 8, onConnectionLoss: () => undefined });
    await seed(database.url);
    const storage = openBucket(bucket, options.now);
    const dataSource = await new DataSource(dataSourceOptions(database.url, 2)).initialize();
    const records = new FileRecords(statements, new ReplaceContent(dataSource), () => Date.now());
    const quotas = new Quotas(statements, () => made.quotaNowMs);
    const memory = { smallBuffers: new ByteBudget(SMALL_BUFFERS_BYTES), partBuffers: new PartBuffers() };
    const uploads: Uploads = new Uploads({
      bucketOf: () =>
        Promise.resolve({ configId: 1, provider: 's3_compatible', bucketName: bucket.bucket, storage }),
      maxFileSizeOf: (): number => made.maxFileSize,
      quotas,
      records,
      writer: new ObjectWriter(memory, records),
      slots: new UploadSlots(64, 64),
      countBytes: () => undefined,
    });
    const server = createServer((request, response) => void made.serve(request, response));
    const made: UploadServer = new UploadServer(
      bucket,
      storage,
      statements,
      database,
      dataSource,
      records,
      quotas,
      uploads,
      server,
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Waits until no request runs any more. */
  async idle(): Promise<void> {
    while (this.running > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Keys in the bucket, and unfinished multipart uploads. */
  async leftInBucket(): Promise<{ objects: string[]; uploads: number }> {
    const { objects } = await this.storage.listPage({ prefix: '' });
    const unfinished = await this.storage.multipart!.listUnfinished!('');
    return { objects: objects.map(({ key }) => key), uploads: unfinished.length };
  }

  async rows(): Promise<{ state: string; object_key: string; filename: string; upload_id: string | null }[]> {
    return this.statements.query(
      {
        name: 'test_rows',
        text: 'SELECT state, object_key, filename, upload_id FROM cloud_files ORDER BY id',
      },
      [],
    );
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.idle();
    await this.storage.close();
    await this.statements.close();
    await this.dataSource.destroy();
    await Promise.all([this.bucket.stop(), this.database.drop()]);
  }

  private running = 0;

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.running++;
    try {
      const { headers, url = '/' } = request;
      const upload: UploadRequest = {
        userId: USER_ID,
        body: request,
        url,
        contentType: headers['content-type'],
        contentEncoding: headers['content-encoding'],
        contentLength: headers['transfer-encoding'] ? undefined : Number(headers['content-length'] ?? 0),
        digest: headers['repr-digest']?.toString(),
        operation: this.operation,
      };
      const answer = isMultipartForm(headers['content-type'])
        ? await this.uploads.receiveForm(upload)
        : { many: false, files: [await this.uploads.receiveRaw(upload)] };
      response.end(JSON.stringify(answer));
    } catch (error) {
      this.failures.push(error as Error);
      // What the client still sends is read over, so that it gets to read the answer.
      request.resume();
      response.statusCode = error instanceof StowageError || error instanceof StorageError ? 400 : 500;
      response.end(
        JSON.stringify({ code: (error as { code?: string }).code, message: (error as Error).message }),
      );
    } finally {
      this.running--;
    }
  }
}

function openBucket(bucket: S3Double, now?: () => number): ObjectStorage {
  const settings = {
    endpoint: bucket.endpoint,
    bucket_name: bucket.bucket,
    region: bucket.region,
    access_key_id: bucket.credentials.accessKeyId,
    secret_access_key: bucket.credentials.secretAccessKey,
    path_style: 'true',
    prefix: 'stowage/',
  };
  const context = {
    dialer: createDialer({ allowedPrivateEndpoints: ['127.0.0.1'] }),
    localDiskRoot: '/nowhere',
    timeouts: { connectMs: 2_000, responseMs: 5_000, idleBodyMs: 5_000 },
    now,
  };
  return openStorage(s3Compatible, settings, context, {
    retry: { maxTries: 2, sleep: () => Promise.resolve() },
  });
}

async function seed(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`INSERT INTO users (id, name) VALUES (${USER_ID}, 'somebody')`);
  await client.query(
    `INSERT INTO cloud_configs (id, user_id, provider, encrypted_config, bucket_name)
     VALUES (1, ${USER_ID}, 's3_compatible', '', 'stowage-test')`,
  );
  await client.end();
}
