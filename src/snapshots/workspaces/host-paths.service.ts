import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Principal } from '../../auth/principal.js';
import { Config } from '../../config/config.js';
import { validationFailed } from '../../errors/request-errors.js';
import { SnapshotsError } from '../snapshots-error.js';
import { readHostPath, serverPathRefusal } from './workspace-path.js';

/** Who reads or writes on a host. */
export interface ChosenAgent {
  readonly id: string;
  readonly name: string;
  readonly isEmbedded: boolean;
}

/** A path as it is stored. */
export interface AllowedPath {
  readonly path: string;
  /** Allowed only while it leads to where the operator allows everybody to be; the agent asks again before each use. */
  readonly isConfined: boolean;
}

/** Which agents and which paths on their hosts a user may use. */
@Injectable()
export class HostPaths {
  constructor(
    private readonly database: DataSource,
    private readonly config: Config,
  ) {}

  /**
   * One of the user's agents or the server's own; without an id the server's own.
   * @param pointer of the field that names it
   * @throws SnapshotsError `no_agent`, RequestError `validation_failed`
   */
  async agent(userId: number, agentId: string | undefined, pointer = '/agent_id'): Promise<ChosenAgent> {
    const [agent] = await this.database.query<ChosenAgent[]>(FIND_AGENT, [agentId ?? null, userId]);
    if (agent !== undefined) return agent;
    if (agentId === undefined) {
      const detail =
        'This server runs no agent of its own. Enrol an agent on the host and name it in agent_id.';
      throw new SnapshotsError('no_agent', detail);
    }
    throw validationFailed([{ pointer, detail: 'is none of your agents', code: 'unknown_agent' }]);
  }

  /**
   * @throws RequestError `validation_failed`, SnapshotsError `path_refused`
   */
  async allowed(
    caller: Principal,
    agent: ChosenAgent,
    path: string,
    pointer = '/path',
  ): Promise<AllowedPath> {
    const read = readHostPath(path);
    if ('problem' in read) {
      throw validationFailed([{ pointer, detail: read.problem, code: 'host_path' }]);
    }
    if (!agent.isEmbedded) return { path: read.path, isConfined: false };
    const isAdministrator = caller.scopes.includes('admin');
    await this.assertAllowedHere(isAdministrator, read.path);
    return { path: read.path, isConfined: !isAdministrator };
  }

  /** Both as it is written and where symbolic links lead to now: neither may be forbidden. */
  private async assertAllowedHere(isAdministrator: boolean, path: string): Promise<void> {
    const rules = {
      dataDir: await realPathOf(this.config.dataDir),
      workspaceRoots: await Promise.all(this.config.env.WORKSPACE_ROOTS.map(realPathOf)),
      isAdministrator,
    };
    const refusal = serverPathRefusal(await realPathOf(path), rules);
    if (refusal !== undefined) throw new SnapshotsError('path_refused', refusal);
  }
}

/** Of what exists of it; what does not exist yet stays as it is written. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realPathOf(parent), basename(path));
  }
}

const FIND_AGENT = `SELECT id, name, is_embedded AS "isEmbedded" FROM agents
  WHERE removed_at IS NULL AND (is_embedded OR user_id = $2) AND CASE WHEN $1::uuid IS NULL THEN is_embedded ELSE id = $1 END
  ORDER BY last_seen_at DESC NULLS LAST, id LIMIT 1`;
