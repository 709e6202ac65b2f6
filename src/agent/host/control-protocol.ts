import { join } from 'node:path';
import type { LogEntry } from './agent-log.js';
import type { RunnerStatus } from '../workspaces/workspace-runner.js';

/** What commands ask of the running agent: one line of JSON each, answered by one or more. */
export type ControlRequest =
  | { readonly command: 'status' }
  | { readonly command: 'snapshot'; readonly workspace?: string }
  | { readonly command: 'logs'; readonly follow: boolean };

export interface AgentStatus {
  readonly message_type: 'status';
  readonly version: string;
  readonly pid: number;
  readonly agent_id: string;
  readonly name: string;
  readonly server_url: string;
  /** Whether the server's last answer came. */
  readonly connected: boolean;
  readonly connection_problem?: string;
  readonly clock_skew_ms?: number;
  readonly uptime_seconds: number;
  readonly rss_bytes: number;
  readonly workspaces: readonly RunnerStatus[];
}

/** Answers of `snapshot`: `progress` while it runs, one `run` a workspace, then `end`. */
export type ControlMessage =
  | AgentStatus
  | {
      readonly message_type: 'progress';
      readonly workspace: string;
      readonly files_done: number;
      readonly bytes_done: number;
      readonly current_path?: string;
    }
  | {
      readonly message_type: 'run';
      readonly workspace: string;
      readonly status: string;
      readonly snapshot?: string;
      readonly code?: string;
      readonly detail?: string;
      readonly duration_ms: number;
      readonly requests: number;
      readonly problem_count: number;
    }
  | { readonly message_type: 'log'; readonly entry: LogEntry }
  | { readonly message_type: 'error'; readonly code: string; readonly detail: string }
  | { readonly message_type: 'end' };

/** Only the owner of the data folder gets to it. */
export function controlSocketPath(dataDir: string): string {
  return join(dataDir, 'agent.sock');
}
