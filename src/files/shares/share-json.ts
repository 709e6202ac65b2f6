import type { ShareLink } from './share-link.entity.js';
import type { ShareDto, ShareState } from './shares.dto.js';

export function shareJson(share: ShareLink, nowMs: number): ShareDto {
  return {
    id: share.id,
    file_id: share.fileId,
    state: stateOf(share, nowMs),
    label: share.label,
    disposition: share.disposition,
    filename: share.filename,
    created_at: share.createdAt.toISOString(),
    expires_at: share.expiresAt?.toISOString() ?? null,
    revoked_at: share.revokedAt?.toISOString() ?? null,
    max_downloads: share.maxDownloads,
    download_count: share.downloadCount,
    last_accessed_at: share.lastAccessedAt?.toISOString() ?? null,
  };
}

type Life = Pick<ShareLink, 'revokedAt' | 'expiresAt' | 'maxDownloads' | 'downloadCount'>;

/** What its own row says; its file may be in the trash all the same. */
export function stateOf(
  { revokedAt, expiresAt, maxDownloads, downloadCount }: Life,
  nowMs: number,
): ShareState {
  if (revokedAt !== null) return 'revoked';
  if (expiresAt !== null && expiresAt.getTime() <= nowMs) return 'expired';
  return maxDownloads !== null && downloadCount >= maxDownloads ? 'used_up' : 'active';
}
