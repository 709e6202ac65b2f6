const KIB = 1024;
export const MIB = 1024 * KIB;

/** Uploads up to this size are sent to the bucket as one buffer, which can be retried; larger ones as streams. */
export const SMALL_UPLOAD_BYTES = 256 * KIB;

/** All small uploads under way hold at most this much; more wait. */
export const SMALL_BUFFERS_BYTES = 32 * MIB;

/** All part buffers of large uploads of unknown length hold at most this much; more wait. */
export const PART_BUFFERS_BYTES = 40 * MIB;

/** One user's share of the part buffers, so that slow uploads of one do not stop everybody's. */
export const PART_BUFFERS_BYTES_PER_USER = 24 * MIB;

/** All part buffers of resumable uploads hold at most this much; more wait. */
export const RESUMABLE_BUFFERS_BYTES = 64 * MIB;

/** One user's share of them. */
export const RESUMABLE_BUFFERS_BYTES_PER_USER = 32 * MIB;

/** A resumable upload to which nothing was added for so long is given up. */
export const RESUMABLE_UPLOAD_HOURS = 24;

/** Uploads of more than one request that one user may have under way: neither completed, nor given up, nor expired. */
export const MAX_OPEN_UPLOADS = 2_000;

/** Smallest part of a multipart upload: above every provider's minimum (5 MiB). */
export const MIN_PART_BYTES = 8 * MIB;

/** Largest part that is gathered in memory. Bounds an upload of unknown length to 9,000 such parts. */
export const MAX_BUFFERED_PART_BYTES = 16 * MIB;

/** Parts that are streamed cost no memory: larger ones cost fewer calls. */
export const MIN_STREAMED_PART_BYTES = 64 * MIB;

/** Providers take 10,000 parts (GCS, S3); the rest is a reserve for rounding. */
export const MAX_PLANNED_PARTS = 9_000;

/** A request may wait for its user's other uploads; this many times UPLOADS_PER_USER may. */
export const WAITING_UPLOADS_PER_SLOT = 4;

/** Longest silence of a client while its body is being read; shorter than the silence that buckets' calls endure. */
export const CLIENT_IDLE_MS = 25_000;

/** Clients slower than this are cut off; only time spent waiting for them counts. */
export const MIN_CLIENT_BYTES_PER_SECOND = 4 * KIB;

/** For this long of waiting the minimum rate is not looked at. */
export const CLIENT_RATE_GRACE_MS = 60_000;

/** Longest time that clean-up calls to the bucket may take after a failed upload. */
export const CLEAN_UP_MS = 10_000;

/** Bounds of a multipart form. */
export const FORM_LIMITS = {
  boundaryChars: 70,
  partHeaderBytes: 16 * KIB,
  partHeaderLines: 16,
  /** Before the first and after the last boundary. */
  surroundingBytes: 4 * KIB,
  /** Fields that are not files; their values are not used. */
  fields: 100,
  fieldBytes: 64 * KIB,
  files: 1_000,
} as const;

/** VARCHAR(255) counts characters, not bytes. */
export const MAX_FILENAME_CHARS = 255;

/** What the implementation guide promises for /api/cloud/download. */
export const DOWNLOAD_URL_SECONDS = 3_600;

/** The longest that providers sign for. */
export const MAX_DOWNLOAD_URL_SECONDS = 7 * 24 * 3_600;

/** From here on a download is worth a connection of its own to the bucket. */
export const LENT_FROM_BYTES = 256 * KIB;
