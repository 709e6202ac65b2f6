import { ORDER_TTL_SECONDS } from '../agent-protocol/protocol.js';
import type { StorageCapabilities } from '../storage-providers/storage-provider.js';

/** How far a bucket itself keeps an agent from storing other bytes than it ordered. */
export interface Binding {
  readonly urlTtlSeconds: number;
  /** A HEAD must show that nothing lies under the name before a PUT is signed. */
  readonly looksBeforeOrder: boolean;
  /** A HEAD must show the file before a snapshot may rely on it. */
  readonly looksBeforeCommit: boolean;
}

/** Where a URL could replace a file that is there, it lives only this long. */
export const OVERWRITING_URL_TTL_SECONDS = 120;

/**
 * What a signed PUT binds, by provider:
 *
 * | provider                       | create-only              | content             | length           |
 * |--------------------------------|--------------------------|---------------------|------------------|
 * | aws_s3, cloudflare_r2          | If-None-Match, signed    | SHA-256 and MD5     | signed           |
 * | google_gcs                     | generation match, signed | MD5, signed         | signed           |
 * | local_disk (our own route)     | in the token             | SHA-256, in the token | in the token   |
 * | backblaze_b2, digitalocean_spaces | no                    | MD5, signed         | signed           |
 * | s3_compatible                  | as the test of the bucket found                                   ||||
 * | azure_blob                     | permission `c` without `w` | nothing           | nothing          |
 *
 * Before a commit. A snapshot may only rely on files that are durable: the provider has answered 2xx to their PUT, and
 * they are what they claim to be. Where the URL binds the content, a 2xx means both, so the agent's word for the 2xx is
 * taken and no request is spent. An agent that lies about it could as well store a pack of garbage under its right name:
 * it harms the snapshot that it is making, and the daily read-back finds it. Where nothing is bound, even an honest agent
 * may have stored a torn file: there a HEAD shows the length.
 *
 * No binding makes an index file what it must be: one of garbage under its right name would keep all readers from all
 * snapshots. So agents get no URLs for index files; the server reads them and writes them itself (index-files.service.ts).
 *
 * Before an order. A URL that is not create-only replaces what is there. Under a signed SHA-256 that is the same bytes
 * again. An MD5 was named by the agent: for a name that exists, it could be that of other bytes. So there a PUT is
 * signed only for names that do not exist, and for one MD5 a name.
 *
 * A repeated order is looked at everywhere: the answer to its PUT may have been lost, and what providers say to a second
 * PUT differs (azure_blob answers 403, as to a URL that has expired).
 */
export function bindingOf({ createOnly, contentBound }: StorageCapabilities): Binding {
  return {
    urlTtlSeconds: createOnly || contentBound !== 'none' ? ORDER_TTL_SECONDS : OVERWRITING_URL_TTL_SECONDS,
    looksBeforeOrder: !createOnly && contentBound !== 'sha256',
    looksBeforeCommit: contentBound === 'none',
  };
}
