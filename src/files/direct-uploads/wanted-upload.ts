import { validationFailed } from '../../errors/request-errors.js';
import { assertFilename } from '../filename.js';
import { cleanFolder } from '../folder-path.js';
import { cleanMediaType } from '../media-type.js';
import { cleanTags } from '../tags.js';
import type { CreateUploadDto, PartDigestDto, SignPartsDto } from './direct-uploads.dto.js';
import type { NewUpload } from './direct-uploads.js';
import type { WantedPart } from './part-urls.js';

/**
 * What a client asks for, in the form in which it is stored.
 * @throws FilesError `invalid_filename`, `invalid_folder`, `invalid_tags`
 */
export function wantedUpload(body: CreateUploadDto): NewUpload {
  assertFilename(body.filename);
  return {
    filename: body.filename,
    folder: cleanFolder(body.folder ?? ''),
    tags: cleanTags(body.tags ?? []),
    contentType: cleanMediaType(body.content_type),
    sizeBytes: body.size,
    checksum: body.checksum?.toLowerCase(),
    md5: body.md5?.toLowerCase(),
    replacesFileId: body.replaces_file_id,
    partBytes: body.part_size,
    parts: (body.parts ?? []).map(digestedPart),
  };
}

/** @throws RequestError `validation_failed` for a digest of a part that is not to be signed */
export function wantedParts({ part_numbers: numbers, digests = [] }: SignPartsDto): WantedPart[] {
  const parts = new Map<number, WantedPart>(numbers.map((partNumber) => [partNumber, { partNumber }]));
  for (const digest of digests) {
    if (!parts.has(digest.part_number)) throw strayDigest(digest.part_number);
    parts.set(digest.part_number, digestedPart(digest));
  }
  return [...parts.values()];
}

function digestedPart({ part_number: partNumber, md5 }: PartDigestDto): WantedPart {
  return { partNumber, md5: Buffer.from(md5, 'hex') };
}

function strayDigest(partNumber: number) {
  const detail = `names part ${partNumber}, which is not among part_numbers`;
  return validationFailed([{ pointer: '/digests', detail, code: 'part_number' }]);
}
