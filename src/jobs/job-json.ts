import type { Job } from './job.entity.js';
import type { JobDto } from './jobs.dto.js';

/** What a client sees of a job. */
export function jobJson(job: Job): JobDto {
  return {
    id: job.id,
    kind: job.kind,
    subject: job.subject,
    state: job.state,
    progress: job.progress,
    result: job.result,
    error: job.errorCode === null ? null : { code: job.errorCode, detail: job.errorDetail ?? '' },
    created_at: job.createdAt.toISOString(),
    started_at: job.startedAt?.toISOString() ?? null,
    finished_at: job.finishedAt?.toISOString() ?? null,
  };
}

/** Where a client looks for it: for `Location`. */
export function jobPath(id: string): string {
  return `/api/v1/jobs/${id}`;
}
