import type { EndedRun } from './sweep-runs.service.js';
import type { SweepRunDto } from './sweeps.dto.js';

export function sweepRunJson(run: EndedRun): SweepRunDto {
  return {
    id: run.id,
    cloud_config_id: run.cloudConfigId,
    state: run.state,
    stop: run.stopCode === null ? null : { code: run.stopCode, detail: run.stopDetail ?? '' },
    scanned_objects: run.scannedObjects,
    candidate_objects: run.candidateObjects,
    deleted_objects: run.deletedObjects,
    deleted_bytes: run.deletedBytes,
    aborted_uploads: run.abortedUploads,
    removed_rows: run.removedRows,
    missing_files: run.missingFiles,
    found_files: run.foundFiles,
    started_at: run.startedAt.toISOString(),
    finished_at: run.finishedAt.toISOString(),
  };
}
