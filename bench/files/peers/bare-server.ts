import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import multipart from '@fastify/multipart';
import fastify from 'fastify';
import pg from 'pg';
import { answerCommands } from '../commands.ts';
import { presignedGet } from './sdk-presigner.ts';

/*
 * The yardstick: what a careful engineer writes in an afternoon with the usual libraries, and nothing besides. No
 * keys, no tenants, no sealed credentials, no log, no checksum; one provider call and one prepared INSERT.
 */

const { BENCH_DATABASE_URL, BENCH_SINK_PORT } = process.env;
const BUCKET = 'bare';
const MAX_FILE_BYTES = 6 * 1024 ** 3;
const SIGNED_SECONDS = 3600;

const COLUMNS = 'id, filename, file_size, content_type, provider, checksum, uploaded_at, last_accessed';

const INSERT = {
  name: 'insert-file',
  text: `INSERT INTO files (user_id, filename, file_size, content_type, provider, object_key, etag)
         VALUES (1, $1, $2, $3, 's3_compatible', $4, $5) RETURNING ${COLUMNS}`,
};
const LIST = {
  name: 'list-files',
  text: `SELECT ${COLUMNS} FROM files WHERE user_id = 1 ORDER BY id DESC LIMIT $1`,
};
const FIND = {
  name: 'find-file',
  text: 'SELECT object_key, filename, content_type, file_size FROM files WHERE user_id = 1 AND id = $1',
};

interface FoundFile {
  object_key: string;
  filename: string;
  content_type: string;
  file_size: string;
}

const pool = new pg.Pool({ connectionString: BENCH_DATABASE_URL, max: 20 });
const s3 = new S3Client({
  endpoint: `http://127.0.0.1:${BENCH_SINK_PORT}`,
  region: 'us-east-1',
  forcePathStyle: true,
  credentials: { accessKeyId: 'bench', secretAccessKey: 'bench-secret' },
  requestHandler: { httpAgent: { keepAlive: true, maxSockets: 256 } }, // its default of 50 would queue at 64
});
const app = fastify({ logger: false });
await app.register(multipart, { limits: { fileSize: MAX_FILE_BYTES } });

app.post('/files', async (request, reply) => {
  const part = await request.file();
  if (!part) return reply.code(400).send({ message: 'no file' });
  const key = `${randomUUID()}/${part.filename}`;
  const params = { Bucket: BUCKET, Key: key, Body: part.file, ContentType: part.mimetype };
  const { ETag } = await new Upload({ client: s3, params }).done();
  const values = [part.filename, part.file.bytesRead, part.mimetype, key, ETag];
  const { rows } = await pool.query({ ...INSERT, values });
  return reply.code(201).send(rows[0]);
});

app.get<{ Querystring: { limit?: string } }>('/files', async (request) => {
  const { rows } = await pool.query({ ...LIST, values: [Number(request.query.limit ?? 50)] });
  return { files: rows };
});

app.get<{ Params: { id: string } }>('/files/:id/url', async (request, reply) => {
  const file = await find(request.params.id);
  if (!file) return reply.code(404).send({ message: 'no such file' });
  const command = new GetObjectCommand({
    Bucket: BUCKET,
    Key: file.object_key,
    ResponseContentDisposition: `attachment; filename="${file.filename}"`,
    ResponseContentType: file.content_type,
  });
  return { url: await presignedGet(s3, command, SIGNED_SECONDS) };
});

app.get<{ Params: { id: string } }>('/files/:id/content', async (request, reply) => {
  const file = await find(request.params.id);
  if (!file) return reply.code(404).send({ message: 'no such file' });
  const { Body, ContentLength } = await s3.send(
    new GetObjectCommand({ Bucket: BUCKET, Key: file.object_key }),
  );
  return reply
    .header('content-length', ContentLength)
    .type(file.content_type)
    .send(Body as Readable);
});

async function find(id: string): Promise<FoundFile | undefined> {
  const { rows } = await pool.query<FoundFile>({ ...FIND, values: [Number(id)] });
  return rows[0];
}

answerCommands({
  listen: async () => {
    await app.listen({ port: 0, host: '127.0.0.1' });
    return (app.server.address() as AddressInfo).port;
  },
});
