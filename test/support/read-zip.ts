export interface ZippedFile {
  readonly content: Buffer;
  /** As on Unix, with the type. */
  readonly mode: number;
}

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const END_BYTES = 22;

/** All stored entries of a small archive by name, read from the directory at its end (APPNOTE.TXT, 4.3). */
export function readZip(archive: Buffer): Map<string, ZippedFile> {
  const end = archive.length - END_BYTES;
  if (archive.readUInt32LE(end) !== END_SIGNATURE) throw new Error('The archive has no end.');
  const count = archive.readUInt16LE(end + 10);
  const files = new Map<string, ZippedFile>();
  let at = archive.readUInt32LE(end + 16);
  for (let i = 0; i < count; i += 1) {
    if (archive.readUInt32LE(at) !== ENTRY_SIGNATURE) throw new Error('The directory is no directory.');
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) =>
      archive.readUInt16LE(at + offset),
    );
    const name = archive.toString('utf8', at + 46, at + 46 + nameBytes!);
    const content = storedContent(archive, archive.readUInt32LE(at + 42), archive.readUInt32LE(at + 20));
    files.set(name, { content, mode: archive.readUInt16LE(at + 40) });
    at += 46 + nameBytes! + extraBytes! + commentBytes!;
  }
  return files;
}

function storedContent(archive: Buffer, header: number, sizeBytes: number): Buffer {
  if (archive.readUInt16LE(header + 8) !== 0) throw new Error('The entry is not stored.');
  const start = header + 30 + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
  return archive.subarray(start, start + sizeBytes);
}
