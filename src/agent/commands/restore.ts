import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  DesiredRestore,
  RequestRestore,
  RestoreDecision,
  RestorePlan,
  RestoreStatus,
} from '../../agent-protocol/messages.js';
import { AGENT_PATHS } from '../../agent-protocol/protocol.js';
import { AgentError } from '../agent-error.js';
import { EXIT, exitCodeOfState, type ExitCode } from '../exit-codes.js';
import { assertTargetAllowed } from '../restores/restore-target.js';
import type { ServerConnection } from '../server-connection/server-connection.js';
import { formatBytes } from './amounts.js';
import { connectionOf, enrolmentOf, type CommandContext } from './command-context.js';
import { restoreText } from './restore-text.js';
import { readStatus } from './status.js';

export interface RestoreArguments {
  readonly workspace: string | undefined;
  readonly target: string | undefined;
  /** The newest when none is named. */
  readonly snapshot: string | undefined;
  readonly paths: readonly string[];
  readonly inPlace: boolean;
  readonly mirror: boolean;
  /** Without a question. */
  readonly yes: boolean;
  /** Shows the plan and does nothing. */
  readonly dryRun: boolean;
}

const POLL_MS = 500;
/** While the server is away, the restore goes on without being watched. */
const PATIENCE_MS = 5 * 60_000;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ENDED: ReadonlySet<string> = new Set(['succeeded', 'partial', 'failed', 'cancelled']);

/** Brings a snapshot back onto this host: plans it, shows the plan, asks, and shows how far the agent is. */
export async function restore(context: CommandContext, wanted: RestoreArguments): Promise<ExitCode> {
  const { terminal } = context;
  if (!wanted.yes && !wanted.dryRun && !terminal.isInteractive) {
    throw new AgentError(
      'usage',
      'Without a terminal nobody can be asked: add -y to restore, or --dry-run to see the plan.',
    );
  }
  const server = connectionOf(enrolmentOf(context), context);
  try {
    const message = await requestOf(context, wanted);
    const { id } = await server.ask<DesiredRestore>(AGENT_PATHS.requestRestore, message, {
      signal: context.signal,
    });
    return await new WatchedRestore(server, id, context, wanted).watch();
  } finally {
    await server.close();
  }
}

/** A restore that the server has taken, as the person at the terminal sees it. */
class WatchedRestore {
  readonly #server: ServerConnection;
  readonly #id: string;
  readonly #context: CommandContext;
  readonly #wanted: RestoreArguments;
  #isDecided: boolean;
  #isCancelled = false;

  constructor(server: ServerConnection, id: string, context: CommandContext, wanted: RestoreArguments) {
    this.#server = server;
    this.#id = id;
    this.#context = context;
    this.#wanted = wanted;
    this.#isDecided = wanted.yes && !wanted.dryRun;
  }

  async watch(): Promise<ExitCode> {
    const { terminal, signal } = this.#context;
    for (;;) {
      if (signal.aborted) await this.#cancel();
      const message = { restore_id: this.#id };
      const now = await this.#server.ask<RestoreStatus>(AGENT_PATHS.restoreStatus, message, {
        patienceMs: PATIENCE_MS,
      });
      if (ENDED.has(now.state)) return this.#end(now);
      if (now.state === 'planned' && !this.#isDecided && !(await this.#decide(now.plan!))) return EXIT.done;
      if (now.state === 'running' && now.progress) {
        const { files_done, files_total, bytes_done, bytes_total, bytes_per_second } = now.progress;
        terminal.progress({
          what: 'restore',
          filesDone: files_done,
          filesTotal: files_total,
          bytesDone: bytes_done,
          bytesTotal: bytes_total,
          bytesPerSecond: bytes_per_second,
          remainingMs: now.progress.remaining_ms,
          currentPath: now.progress.current_path,
        });
      }
      await sleep(POLL_MS, undefined, this.#isCancelled ? {} : { signal }).catch(() => undefined);
    }
  }

  /** Whether the restore goes on. */
  async #decide(plan: RestorePlan): Promise<boolean> {
    const { terminal, signal } = this.#context;
    terminal.result({ message_type: 'plan', ...{ restore_id: this.#id }, ...plan }, planText(plan));
    if (this.#wanted.dryRun) {
      await this.#say('cancel');
      return false;
    }
    this.#isDecided = true;
    if (await terminal.confirm('Restore?', signal)) {
      await this.#say('run');
      return true;
    }
    await this.#say('cancel');
    throw new AgentError('declined', 'Nothing was restored.');
  }

  #end(ended: RestoreStatus): ExitCode {
    const { terminal } = this.#context;
    const { state, result, plan, error_code: code, error_detail: detail } = ended;
    const facts = { restore_id: this.#id, state, plan, result, code, detail };
    terminal.result({ message_type: 'restore', ...facts }, restoreText(ended));
    return exitCodeOfState(state, code);
  }

  async #cancel(): Promise<void> {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#context.terminal.explain('Cancelling; what is there stays, and the same restore goes on from it.');
    await this.#say('cancel');
  }

  async #say(phase: RestoreDecision['phase']): Promise<void> {
    const message: RestoreDecision = { restore_id: this.#id, phase };
    await this.#server.ask(AGENT_PATHS.decideRestore, message, { patienceMs: PATIENCE_MS });
  }
}

async function requestOf(context: CommandContext, wanted: RestoreArguments): Promise<RequestRestore> {
  const { workspace, target, snapshot, paths, inPlace, mirror } = wanted;
  if (workspace === undefined) throw new AgentError('usage', 'restore needs --workspace NAME.');
  if (mirror && !inPlace) throw new AgentError('usage', '--mirror is for restores with --in-place.');
  const known = (await readStatus(context)).workspaces.find(
    ({ id, name }) => id === workspace || name === workspace,
  );
  const workspaceId = known?.id ?? (UUID.test(workspace) ? workspace : undefined);
  if (workspaceId === undefined) {
    const message = `This agent has no workspace ${workspace}; name another host's by its id.`;
    throw new AgentError('workspace_not_found', message);
  }
  const into = target ?? (inPlace ? known?.path : undefined);
  if (into === undefined) throw new AgentError('usage', 'restore needs --target DIRECTORY.');
  assertTargetAllowed(resolve(into), context.environment.dataDir);
  return {
    workspace_id: workspaceId,
    ...(snapshot !== undefined && { snapshot }),
    paths,
    target: resolve(into),
    destination: inPlace ? 'in-place' : 'new-directory',
    mirror,
    starts_by_itself: wanted.yes && !wanted.dryRun,
  };
}

function planText(plan: RestorePlan): string {
  const { create, overwrite, keep, bytes, fetch_bytes: fetched } = plan;
  return (
    `${create} to create, ${overwrite} to replace, ${plan.delete} to delete, ${keep} to keep: ` +
    `${formatBytes(bytes)} to write, ${formatBytes(fetched)} to fetch`
  );
}
