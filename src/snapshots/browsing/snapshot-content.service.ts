import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { abortOnDisconnect } from '../../credentials/abort-on-disconnect.js';
import {
  attachment,
  CONTENT_PROTECTION,
  contentRequestOf,
  planContent,
} from '../../files/content-headers.js';
import { sendContent } from '../../files/content-stream.js';
import { UserSlots } from '../../rest/user-slots.js';
import type { FoundEntry, Node, SnapshotPath } from '../../snapshot-engine/index.js';
import { SnapshotsError, tooManyStreams } from '../snapshots-error.js';
import { type OpenedSnapshot, SnapshotBrowsers } from './snapshot-browsers.service.js';
import { type PathQuery, readSnapshotPath } from './snapshot-paths.js';
import { zipArchive } from './zip-archive.js';

/** The directory of an archive is written at its end, and until then kept. */
export const MAX_ARCHIVE_ENTRIES = 50_000;
const ARCHIVES_PER_USER = 4;

/** Sends what lies in snapshots: one file, or a directory as an archive. */
@Injectable()
export class SnapshotContent {
  private readonly archives = new UserSlots(ARCHIVES_PER_USER, tooManyStreams('archives'));

  constructor(private readonly browsers: SnapshotBrowsers) {}

  /**
   * One file, or a range of it. Each blob is proven before its bytes go out; one that is damaged breaks the connection.
   * @throws what SnapshotBrowsers and SnapshotBrowser throw; FilesError `range_not_satisfiable`
   */
  async sendFile(
    userId: number,
    id: string,
    query: PathQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const path = readSnapshotPath(query);
    const { row, browser } = await this.browsers.open(userId, id);
    const signal = abortOnDisconnect(reply.raw);
    // Opened once for what it is; its stream reads nothing until it is asked.
    const { node, stream } = await browser.openFile(row, path, { signal });
    stream.destroy();
    const sizeBytes = node.sizeBytes ?? 0;
    const plan = planContent(servedNode(node), contentRequestOf(request.headers));
    await sendContent(reply, plan, {
      sizeBytes,
      crc32: undefined,
      open: async ({ range, signal: gone }) => {
        const { start, end } = range ?? { start: 0, end: sizeBytes - 1 };
        const part = { range: { start, end: end + 1 }, signal: gone };
        const { stream: body } = await browser.openFile(row, path, part);
        const facts = { etag: '', contentType: undefined, lastModified: modifiedAt(node) };
        return { body, sizeBytes: end - start + 1, totalBytes: sizeBytes, ...facts };
      },
    });
  }

  /**
   * A directory as a ZIP archive, made while it is sent.
   * @throws what SnapshotBrowsers and SnapshotBrowser throw; SnapshotsError `archive_too_large`, `too_many_streams`
   */
  async sendArchive(userId: number, id: string, query: PathQuery, reply: FastifyReply): Promise<void> {
    const below = readSnapshotPath(query);
    const release = this.archives.take(userId);
    try {
      const opened = await this.browsers.open(userId, id);
      const signal = abortOnDisconnect(reply.raw);
      await assertNotTooLarge(opened, below, signal);
      const name = below.at(-1)?.toString() ?? opened.row.workspace_name;
      const headers = { ...(reply.getHeaders() as Record<string, string>), ...archiveHeaders(name) };
      reply.hijack();
      reply.raw.writeHead(200, headers);
      if (reply.request.method === 'HEAD') reply.raw.end();
      else await pipeline(archiveOf(opened, below, signal), reply.raw).catch(forgiveAbort(signal));
    } finally {
      release();
    }
  }
}

function archiveOf({ browser, row }: OpenedSnapshot, below: SnapshotPath, signal: AbortSignal) {
  const full = (entry: FoundEntry) => [...below, ...entry.path];
  return zipArchive(
    {
      entries: async function* () {
        for await (const { path, node } of browser.findFiles(row, '*', { below, signal })) {
          yield { path: path.slice(below.length), node };
        }
      },
      open: async (entry) => (await browser.openFile(row, full(entry), { signal })).stream,
    },
    signal,
  );
}

/** Walks once before the first byte is sent: afterwards nobody could be told. The trees stay at hand for the archive. */
async function assertNotTooLarge(
  { browser, row }: OpenedSnapshot,
  below: SnapshotPath,
  signal: AbortSignal,
): Promise<void> {
  let count = 0;
  for await (const _ of browser.findFiles(row, '*', { below, signal })) {
    count += 1;
    if (count > MAX_ARCHIVE_ENTRIES) throw tooLarge();
  }
}

function tooLarge(): SnapshotsError {
  return new SnapshotsError(
    'archive_too_large',
    `The directory holds more than ${MAX_ARCHIVE_ENTRIES} entries, the most that go into one archive. ` +
      'Download its subdirectories one by one, or restore it.',
  );
}

/** A client that went away is no failure of the server. */
function forgiveAbort(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

function archiveHeaders(name: string): Record<string, string> {
  return {
    ...CONTENT_PROTECTION,
    'content-type': 'application/zip',
    'content-disposition': attachment(`${name}.zip`),
    'cache-control': 'private, no-store',
  };
}

function servedNode(node: Node) {
  return {
    sizeBytes: node.sizeBytes ?? 0,
    tag: createHash('sha256')
      .update((node.content ?? []).join(''))
      .digest('hex'),
    modifiedAt: modifiedAt(node),
    contentType: 'application/octet-stream',
    contentDisposition: attachment(node.name.toString()),
    checksum: undefined,
  };
}

/** A moment that no calendar has becomes the epoch. */
function modifiedAt({ mtimeNs }: Node): Date {
  const date = new Date(Number(mtimeNs / 1_000_000n));
  return Number.isNaN(date.getTime()) ? new Date(0) : date;
}
