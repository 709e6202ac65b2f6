import { createServer, type Server } from 'node:net';
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { AgentError } from '../agent-error.js';

/**
 * Makes sure that one agent works with this data folder on this machine: an abstract socket, which the kernel gives to
 * one process and takes back whenever that ends. Throws `agent_running`.
 */
export async function claimDataDir(dataDir: string): Promise<Server> {
  const name = createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 32);
  const server = createServer((socket) => socket.destroy()).unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new AgentError('agent_running', `An agent works with ${dataDir} already; stop it first.`, {
              cause: error,
            })
          : error,
      );
    });
    server.listen(`\0stowage-agent-${name}`, resolve);
  });
  return server;
}
