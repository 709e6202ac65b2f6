import type { UploadedPart } from '../../storage-providers/storage-provider.js';
import { type DirectUpload, methodOf, partCountOf } from './direct-upload.js';
import type { ArrivedPartDto, PartUrlDto, UploadDto } from './direct-uploads.dto.js';
import type { PartUrl } from './part-urls.js';

/** What a client sees of an upload. */
export function uploadJson(upload: DirectUpload): UploadDto {
  return {
    id: upload.id,
    state: upload.state,
    method: methodOf(upload),
    filename: upload.filename,
    folder: upload.folder,
    tags: [...upload.tags],
    content_type: upload.contentType,
    size: upload.sizeBytes,
    checksum: upload.checksum ?? null,
    part_size: upload.partBytes ?? null,
    part_count: partCountOf(upload),
    replaces_file_id: upload.replacesFileId ?? null,
    file_id: upload.fileId ?? null,
    created_at: upload.createdAt.toISOString(),
    expires_at: upload.expiresAt.toISOString(),
  };
}

export function partUrlJson({ partNumber, sizeBytes, request }: PartUrl): PartUrlDto {
  return {
    part_number: partNumber,
    size: sizeBytes,
    method: 'PUT',
    url: request.url,
    headers: request.headers,
    expires_at: request.expiresAt.toISOString(),
  };
}

export function arrivedPartJson({ partNumber, sizeBytes, etag }: UploadedPart): ArrivedPartDto {
  return { part_number: partNumber, size: sizeBytes, etag };
}
