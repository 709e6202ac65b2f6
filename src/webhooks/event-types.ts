import {
  AgentPresence,
  BucketSweepStopped,
  DrillFailed,
  DrillFinished,
  FileMissing,
  FileSyncFailed,
  MoveFinished,
  RepositoryProblem,
  RestoreFinished,
  SnapshotFailed,
  SnapshotPartial,
  WebhookTest,
  WorkspaceHealthChanged,
} from './event-data.dto.js';

/** Every type of event, what its `data` is, and when it is told. */
export const EVENTS = {
  'workspace.health_changed': {
    data: WorkspaceHealthChanged,
    summary: 'The health of a workspace became another',
  },
  'snapshot.partial': { data: SnapshotPartial, summary: 'A snapshot lacks files that could not be read' },
  'snapshot.failed': { data: SnapshotFailed, summary: 'A run ended without a snapshot' },
  'restore.finished': { data: RestoreFinished, summary: 'A restore ended, well or not' },
  'agent.offline': { data: AgentPresence, summary: 'An agent is not heard of any more' },
  'agent.online': { data: AgentPresence, summary: 'An agent is heard of again' },
  'repository.problem': {
    data: RepositoryProblem,
    summary: 'A check of a repository found something wrong',
  },
  'drill.finished': { data: DrillFinished, summary: 'A restore drill proved a snapshot' },
  'drill.failed': { data: DrillFailed, summary: 'A restore drill failed' },
  'file.missing': { data: FileMissing, summary: 'The object of a file is not in the bucket any more' },
  'bucket.sweep_stopped': {
    data: BucketSweepStopped,
    summary: 'A sweep of a bucket found something strange and deleted nothing',
  },
  'file.sync_failed': { data: FileSyncFailed, summary: 'A local file does not get into the bucket' },
  'move.finished': {
    data: MoveFinished,
    summary: 'All files are in another bucket, or their move stopped',
  },
  'webhook.test': { data: WebhookTest, summary: 'Somebody tests a webhook' },
} as const;

export type EventType = keyof typeof EVENTS;
export type EventData<T extends EventType> = InstanceType<(typeof EVENTS)[T]['data']>;

/** Those that a webhook can choose; a test reaches the webhook that is tested and no other. */
export type ChosenEventType = Exclude<EventType, 'webhook.test'>;
export const CHOSEN_EVENT_TYPES = Object.keys(EVENTS).filter(
  (type) => type !== 'webhook.test',
) as ChosenEventType[];

/** Something that happened to what a user owns. */
export type WebhookEvent = {
  [T in ChosenEventType]: { readonly userId: number; readonly type: T; readonly data: EventData<T> };
}[ChosenEventType];
