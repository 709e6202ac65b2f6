import type { FastifyReply } from 'fastify';
import type { TusUpload } from './tus-upload.js';

export const TUS_PATH = '/api/v1/tus';

/** How far an upload is, and which file it has become. */
export function tellProgress(reply: FastifyReply, upload: TusUpload): void {
  const { progress, state, expiresAt, fileId } = upload;
  void reply.header('upload-offset', String(progress.receivedBytes)).header('cache-control', 'no-store');
  if (state === 'open') void reply.header('upload-expires', expiresAt.toUTCString());
  if (fileId === undefined) return;
  void reply
    .header('stowage-file-id', String(fileId))
    .header('stowage-file-location', `/api/v1/files/${fileId}`);
}

/** What the client announced. */
export function tellAnnounced(reply: FastifyReply, { sizeBytes, metadata }: TusUpload): void {
  if (sizeBytes === undefined) void reply.header('upload-defer-length', '1');
  else void reply.header('upload-length', String(sizeBytes));
  if (metadata !== undefined) void reply.header('upload-metadata', metadata);
}
