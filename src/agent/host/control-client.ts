import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { AgentError, ServerRefusal } from '../agent-error.js';
import { type ControlMessage, type ControlRequest, controlSocketPath } from './control-protocol.js';
import { withSocketPath } from './unix-path.js';

/**
 * What the running agent answers, message by message. Throws `agent_not_running`, or the error that the agent tells.
 */
export async function* askAgent(
  dataDir: string,
  request: ControlRequest,
  signal?: AbortSignal,
): AsyncGenerator<ControlMessage, void> {
  const socket = await withSocketPath(controlSocketPath(dataDir), opened);
  const stop = () => void socket.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const lines = createInterface({ input: socket });
    // One that is destroyed has no end, and its lines would be waited for for ever.
    socket.once('close', () => lines.close());
    for await (const line of lines) {
      const message = JSON.parse(line) as ControlMessage;
      if (message.message_type === 'error') throw new ServerRefusal(message.code, message.detail, 0);
      yield message;
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    socket.destroy();
  }
}

function opened(path: string): Promise<ReturnType<typeof connect>> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket.on('error', () => undefined)));
    socket.once('error', (error: NodeJS.ErrnoException) => reject(notRunning(error)));
  });
}

function notRunning(error: NodeJS.ErrnoException): Error {
  const mayNot = error.code === 'EACCES' || error.code === 'EPERM';
  const message = mayNot
    ? 'The agent belongs to another user of this machine; ask it as that user.'
    : 'The agent does not run on this host. Start it with systemctl start stowage-agent, or stowage-agent run.';
  return new AgentError('agent_not_running', message, { cause: error });
}
