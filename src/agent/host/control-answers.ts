import { setTimeout as sleep } from 'node:timers/promises';
import { VERSION } from '../../config/version.js';
import { AgentError } from '../agent-error.js';
import type { Enrolment } from '../enrolment.js';
import type { HostServices } from '../host-services.js';
import type { WaitingReport } from '../workspaces/waiting-reports.js';
import type { WorkspaceRunner } from '../workspaces/workspace-runner.js';
import type { AgentStatus, ControlMessage } from './control-protocol.js';
import type { ControlHandler } from './control-server.js';
import type { HostAgent } from './host-agent.js';

type Tell = (message: ControlMessage) => void;

const PROGRESS_MS = 500;

/** What the running agent answers to commands. */
export function controlAnswers(
  agent: HostAgent,
  services: HostServices,
  enrolment: Enrolment,
): ControlHandler {
  return async (request, tell, signal) => {
    switch (request.command) {
      case 'status':
        return tell(statusOf(agent, services, enrolment));
      case 'snapshot':
        return snapshot(agent, request.workspace, tell, signal);
      case 'logs':
        return logs(services, request.follow, tell, signal);
      default:
        throw new AgentError('usage', 'The running agent is of another version; restart it.');
    }
  };
}

function statusOf(agent: HostAgent, { server }: HostServices, enrolment: Enrolment): AgentStatus {
  const { agent_id, name, server_url } = enrolment;
  return {
    message_type: 'status',
    version: VERSION,
    pid: process.pid,
    agent_id,
    name,
    server_url,
    connected: agent.isSynced && server.lastFailure === undefined,
    connection_problem: server.lastFailure,
    clock_skew_ms: server.clockSkewMs,
    uptime_seconds: Math.round(process.uptime()),
    rss_bytes: process.memoryUsage.rss(),
    workspaces: agent.workspaces.status(),
  };
}

async function snapshot(
  agent: HostAgent,
  name: string | undefined,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  const runners = agent.workspaces.find(name);
  if (runners.length === 0) throw notFound(agent, name);
  await Promise.all(runners.map((runner) => runOne(runner, tell, signal)));
  tell({ message_type: 'end' });
}

async function runOne(runner: WorkspaceRunner, tell: Tell, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const run = runner.runNow().finally(() => over.abort());
  void tellProgress(runner, tell, AbortSignal.any([signal, over.signal]));
  const report: WaitingReport = await run;
  const { status, snapshot: made, code, detail, duration_ms, requests, problem_count } = report;
  const facts = { status, snapshot: made, code, detail, duration_ms, requests, problem_count };
  tell({ message_type: 'run', workspace: runner.desired.name, ...facts });
}

async function tellProgress(runner: WorkspaceRunner, tell: Tell, signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(PROGRESS_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const { progress } = runner.status();
    if (progress) tell({ message_type: 'progress', workspace: runner.desired.name, ...progress });
  }
}

async function logs({ log }: HostServices, follow: boolean, tell: Tell, signal: AbortSignal): Promise<void> {
  for (const entry of log.kept) tell({ message_type: 'log', entry });
  if (!follow) return;
  const end = log.listen((entry) => tell({ message_type: 'log', entry }));
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  end();
}

function notFound(agent: HostAgent, name: string | undefined): AgentError {
  if (!agent.isSynced) {
    const message = 'The agent has not reached its server yet, so it knows no workspace.';
    return new AgentError('server_unreachable', message);
  }
  const known = agent.workspaces.find(undefined).map(({ desired }) => desired.name);
  const message =
    known.length === 0
      ? 'This agent has no workspace; add one on the server.'
      : `This agent has no workspace ${name}; it has ${known.join(', ')}.`;
  return new AgentError('workspace_not_found', message);
}
