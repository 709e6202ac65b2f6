import type { SnapshotsErrorCode } from '../snapshots/snapshots-error.js';
import type { ProblemKind } from './problem-kind.js';

/** What can be wrong with workspaces, snapshots and restores. */
export const SNAPSHOT_PROBLEMS: Readonly<Record<SnapshotsErrorCode, ProblemKind>> = {
  no_agent: {
    status: 409,
    title: 'No agent',
    meaning: 'No agent was named, and this server runs none on its own machine.',
    action: 'Enrol an agent on the host with `POST /api/v1/agents/enrolment-tokens` and name it.',
  },
  path_refused: {
    status: 403,
    title: 'Path refused',
    meaning: "The path lies on the server's own machine, where this user may not read or write it.",
    action: 'Choose a path that the detail names, or ask the operator to list one in `WORKSPACE_ROOTS`.',
  },
  name_taken: {
    status: 409,
    title: 'Name taken',
    meaning: 'Another workspace of this user has the name.',
    action: 'Choose another name, or rename the other workspace.',
  },
  snapshot_protected: {
    status: 409,
    title: 'Snapshot protected',
    meaning: 'A protected snapshot would be deleted.',
    action: 'Set `is_protected` to false with `PATCH /api/v1/snapshots/:id` first.',
  },
  newest_snapshot: {
    status: 409,
    title: 'Newest snapshot',
    meaning: 'The newest snapshot of a workspace would be deleted, which the next runs are compared with.',
    action: 'Delete it when there is a newer one, or delete the workspace.',
  },
  no_snapshot: {
    status: 409,
    title: 'No snapshot',
    meaning: 'The workspace has no snapshot that could be restored or compared.',
    action: 'Take one with `POST /api/v1/workspaces/:id/snapshots`.',
  },
  confirmation_required: {
    status: 400,
    title: 'Confirmation required',
    meaning: 'The restore would write into the directory of the workspace itself.',
    action: 'Repeat the request with `confirm_in_place`, or restore into a new directory.',
  },
  archive_too_large: {
    status: 413,
    title: 'Archive too large',
    meaning: 'The directory of the snapshot holds more entries than go into one archive.',
    action: 'Download its subdirectories one by one, or restore it.',
  },
  too_many_streams: {
    status: 429,
    title: 'Too many streams',
    meaning: 'The user holds more event streams or archives open than this server gives one user.',
    action: 'Close those that nobody watches, or wait until one has ended.',
  },
};
