/*
 * The ZIP format, as far as files that are stored as they are need it
 * (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 to 4.5). Lengths and CRC-32 stand before
 * the content where they are known, so that readers of a stream need not wait for the directory at the end; ZIP64
 * fields are there where 32 bits are too few.
 */

/** One file of an archive. */
export interface ZipItem {
  /** Relative, with slashes; see zip-names.ts. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Unsigned; undefined: it is told after the content, in a data descriptor. */
  readonly crc32: number | undefined;
  readonly modifiedAt: Date;
}

const SIGNATURE = {
  local: 0x04034b50,
  descriptor: 0x08074b50,
  central: 0x02014b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
  end: 0x06054b50,
} as const;
const MAX_UINT16 = 0xffff;
const MAX_UINT32 = 0xffffffff;
const PLAIN_VERSION = 20;
const ZIP64_VERSION = 45;
const MADE_BY_UNIX = 3;
const UTF8_NAME = 0x0800;
const HAS_DESCRIPTOR = 0x0008;
const STORED = 0;
/** A regular file that its owner may write and everybody read. */
const FILE_MODE = 0o100_644;
const ZIP64_TAG = 0x0001;
/** "UT", the extended timestamp of Info-ZIP: seconds since 1970 in UTC. */
const TIME_TAG = 0x5455;
const TIME_BYTES = 9;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const END64_BYTES = 56;
const LOCATOR64_BYTES = 20;

/** What stands before a file's content. */
export function localHeader(item: ZipItem): Buffer {
  const name = Buffer.from(item.name);
  const isLong = isLongFile(item);
  const extra = isLong ? [zip64Extra(sizesBefore(item)), timeExtra(item)] : [timeExtra(item)];
  const extraBytes = isLong ? TIME_BYTES + 4 + 16 : TIME_BYTES;
  const header = Buffer.alloc(LOCAL_BYTES);
  const size = isLong ? MAX_UINT32 : isToldAfter(item) ? 0 : item.sizeBytes;
  header.writeUInt32LE(SIGNATURE.local, 0);
  header.writeUInt16LE(isLong ? ZIP64_VERSION : PLAIN_VERSION, 4);
  writeKind(header, 6, item);
  header.writeUInt32LE(item.crc32 ?? 0, 14);
  header.writeUInt32LE(size, 18);
  header.writeUInt32LE(size, 22);
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(extraBytes, 28);
  return Buffer.concat([header, name, ...extra]);
}

/** What stands behind the content of a file whose CRC-32 was not known before it. */
export function dataDescriptor(item: ZipItem, crc32: number): Buffer {
  const isLong = isLongFile(item);
  const descriptor = Buffer.alloc(isLong ? 24 : 16);
  descriptor.writeUInt32LE(SIGNATURE.descriptor, 0);
  descriptor.writeUInt32LE(crc32, 4);
  if (isLong) {
    descriptor.writeBigUInt64LE(BigInt(item.sizeBytes), 8);
    descriptor.writeBigUInt64LE(BigInt(item.sizeBytes), 16);
  } else {
    descriptor.writeUInt32LE(item.sizeBytes, 8);
    descriptor.writeUInt32LE(item.sizeBytes, 12);
  }
  return descriptor;
}

/** A file's line in the directory at the end. @param offset of its local header */
export function centralRecord(item: ZipItem, crc32: number, offset: number): Buffer {
  const name = Buffer.from(item.name);
  const isLong = isLongFile(item);
  const long = longFields(item, offset);
  const extra = long.length > 0 ? [zip64Extra(long), timeExtra(item)] : [timeExtra(item)];
  const record = Buffer.alloc(CENTRAL_BYTES);
  record.writeUInt32LE(SIGNATURE.central, 0);
  record.writeUInt8(ZIP64_VERSION, 4);
  record.writeUInt8(MADE_BY_UNIX, 5);
  record.writeUInt16LE(long.length > 0 ? ZIP64_VERSION : PLAIN_VERSION, 6);
  writeKind(record, 8, item);
  record.writeUInt32LE(crc32, 16);
  record.writeUInt32LE(isLong ? MAX_UINT32 : item.sizeBytes, 20);
  record.writeUInt32LE(isLong ? MAX_UINT32 : item.sizeBytes, 24);
  record.writeUInt16LE(name.length, 28);
  record.writeUInt16LE(centralExtraBytes(long.length), 30);
  record.writeUInt32LE((FILE_MODE << 16) >>> 0, 38);
  record.writeUInt32LE(Math.min(offset, MAX_UINT32), 42);
  return Buffer.concat([record, name, ...extra]);
}

/** Where the directory is, as the last bytes of an archive tell it. */
export interface Directory {
  readonly records: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** The end of an archive. */
export function endRecords({ records, offset, sizeBytes }: Directory): Buffer {
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(SIGNATURE.end, 0);
  end.writeUInt16LE(Math.min(records, MAX_UINT16), 8);
  end.writeUInt16LE(Math.min(records, MAX_UINT16), 10);
  end.writeUInt32LE(Math.min(sizeBytes, MAX_UINT32), 12);
  end.writeUInt32LE(Math.min(offset, MAX_UINT32), 16);
  if (!isLongDirectory({ records, offset, sizeBytes })) return end;
  const end64 = Buffer.alloc(END64_BYTES);
  end64.writeUInt32LE(SIGNATURE.end64, 0);
  // Without this number and the signature.
  end64.writeBigUInt64LE(BigInt(END64_BYTES - 12), 4);
  end64.writeUInt8(ZIP64_VERSION, 12);
  end64.writeUInt8(MADE_BY_UNIX, 13);
  end64.writeUInt16LE(ZIP64_VERSION, 14);
  end64.writeBigUInt64LE(BigInt(records), 24);
  end64.writeBigUInt64LE(BigInt(records), 32);
  end64.writeBigUInt64LE(BigInt(sizeBytes), 40);
  end64.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(LOCATOR64_BYTES);
  locator.writeUInt32LE(SIGNATURE.locator64, 0);
  locator.writeBigUInt64LE(BigInt(offset + sizeBytes), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([end64, locator, end]);
}

/** Bytes that one file takes, without its line in the directory. */
export function fileBytes(item: ZipItem): number {
  const isLong = isLongFile(item);
  const header = LOCAL_BYTES + Buffer.byteLength(item.name) + TIME_BYTES + (isLong ? 4 + 16 : 0);
  const descriptor = isToldAfter(item) ? (isLong ? 24 : 16) : 0;
  return header + item.sizeBytes + descriptor;
}

/** Bytes of a file's line in the directory. */
export function centralBytes(item: ZipItem, offset: number): number {
  return CENTRAL_BYTES + Buffer.byteLength(item.name) + centralExtraBytes(longFields(item, offset).length);
}

export function endBytes(directory: Directory): number {
  return END_BYTES + (isLongDirectory(directory) ? END64_BYTES + LOCATOR64_BYTES : 0);
}

function isLongFile({ sizeBytes }: ZipItem): boolean {
  return sizeBytes >= MAX_UINT32;
}

function isToldAfter({ crc32 }: ZipItem): boolean {
  return crc32 === undefined;
}

function isLongDirectory({ records, offset, sizeBytes }: Directory): boolean {
  return records >= MAX_UINT16 || offset >= MAX_UINT32 || sizeBytes >= MAX_UINT32;
}

function sizesBefore(item: ZipItem): number[] {
  return isToldAfter(item) ? [0, 0] : [item.sizeBytes, item.sizeBytes];
}

/** What does not fit into the 32 bits of a line in the directory, in the order of the format. */
function longFields(item: ZipItem, offset: number): number[] {
  return [
    ...(isLongFile(item) ? [item.sizeBytes, item.sizeBytes] : []),
    ...(offset >= MAX_UINT32 ? [offset] : []),
  ];
}

function centralExtraBytes(longCount: number): number {
  return TIME_BYTES + (longCount === 0 ? 0 : 4 + longCount * 8);
}

function zip64Extra(values: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + values.length * 8);
  extra.writeUInt16LE(ZIP64_TAG, 0);
  extra.writeUInt16LE(values.length * 8, 2);
  values.forEach((value, at) => extra.writeBigUInt64LE(BigInt(value), 4 + at * 8));
  return extra;
}

function timeExtra({ modifiedAt }: ZipItem): Buffer {
  const extra = Buffer.alloc(TIME_BYTES);
  const seconds = Math.floor(modifiedAt.getTime() / 1_000);
  extra.writeUInt16LE(TIME_TAG, 0);
  extra.writeUInt16LE(TIME_BYTES - 4, 2);
  extra.writeUInt8(1, 4);
  extra.writeInt32LE(Math.min(Math.max(seconds, -0x80000000), 0x7fffffff), 5);
  return extra;
}

/** Flags, method, time and date: eight bytes that both headers have. */
function writeKind(header: Buffer, at: number, item: ZipItem): void {
  const { time, date } = dosTime(item.modifiedAt);
  header.writeUInt16LE(UTF8_NAME | (isToldAfter(item) ? HAS_DESCRIPTOR : 0), at);
  header.writeUInt16LE(STORED, at + 2);
  header.writeUInt16LE(time, at + 4);
  header.writeUInt16LE(date, at + 6);
}

/** For readers that know no extended timestamp; in UTC, within the years 1980 to 2107 that the format has. */
function dosTime(at: Date): { readonly time: number; readonly date: number } {
  const ms = Math.min(Math.max(at.getTime(), Date.UTC(1980, 0, 1)), Date.UTC(2107, 11, 31, 23, 59, 58));
  const utc = new Date(ms);
  return {
    time: (utc.getUTCHours() << 11) | (utc.getUTCMinutes() << 5) | (utc.getUTCSeconds() >> 1),
    date: ((utc.getUTCFullYear() - 1980) << 9) | ((utc.getUTCMonth() + 1) << 5) | utc.getUTCDate(),
  };
}
