import type { MoveView } from './move-view.service.js';
import type { MoveDto } from './moves.dto.js';

/** What a client sees of a move. */
export function moveJson({ move, target, counts, repositories, unreadable, estimate }: MoveView): MoveDto {
  return {
    id: move.id,
    state: move.state,
    target: {
      cloud_config_id: move.targetConfigId,
      provider: target.provider,
      bucket_name: target.bucketName,
    },
    estimate: {
      is_estimate: true,
      objects: estimate.objects,
      bytes: estimate.bytes,
      read_requests: estimate.readRequests,
      write_requests: estimate.writeRequests,
      egress_usd: estimate.egressUsd,
      requests_usd: estimate.requestsUsd,
      total_usd: estimate.totalUsd,
      prices_as_of: estimate.pricesAsOf,
      duration_seconds: estimate.durationSeconds,
    },
    progress: {
      copied_objects: counts.copied,
      copied_bytes: counts.copiedBytes,
      failed_objects: counts.failed,
    },
    left_in_place: { repositories, unreadable_objects: unreadable },
    problem: move.problem,
    job_id: move.jobId,
    created_at: move.createdAt.toISOString(),
    started_at: isoOrNull(move.startedAt),
    switched_at: isoOrNull(move.switchedAt),
    moved_at: isoOrNull(move.movedAt),
    ended_at: isoOrNull(move.endedAt),
  };
}

function isoOrNull(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}
