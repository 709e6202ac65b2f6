import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Statements } from '../database/statements.js';
import { bytesOf } from './stored-files.service.js';

/** What is known of an unproven pack when somebody sets out to read it. */
export interface UnprovenPackState {
  readonly id: string;
  readonly claims: number;
  /** To be read as a whole: the agent that the workspace has now did not store it, or a reader was disappointed. */
  readonly isSuspect: boolean;
  readonly areCopiesRead: boolean;
}

/** What came of reading unproven packs; ids. */
export interface PackFindings {
  /** Read as a whole and right, or struck off the index: nothing is left to prove. */
  readonly settled: readonly string[];
  readonly copiesRead: readonly string[];
  /** Named by no index; the index file that named them is not stored yet, or never will be. */
  readonly unnamed: readonly string[];
}

/**
 * Which packs nobody but the host that stored them has read. A host has the key that seals indexes: it can say of a pack of
 * garbage that it holds what other packs hold, or what nobody has stored yet. As long as it goes on, it harms the
 * snapshots that it makes itself, which it could do anyhow. But whoever comes after it relies on what the index says. So
 * what is unproven is remembered here, from before the index file is there, and read by maintenance: copies of what other
 * packs hold soon, and everything of a former agent when another one takes over.
 */
@Injectable()
export class UnprovenPacks {
  constructor(private readonly statements: Statements) {}

  /** Resolved before an index file of the agent that names these packs is stored. */
  async note(repositoryId: string, agentId: string, packIds: readonly string[]): Promise<void> {
    await this.statements.query(NOTE, [repositoryId, agentId, bytesOf(packIds)]);
  }

  /** Somebody has taken the lease: what others have left unproven is read soon. */
  async handOver(repositoryId: string): Promise<void> {
    await this.statements.query(HASTEN, [repositoryId]);
  }

  /** Packs that did not hold what a reader looked for, as far as they are unproven; they are read soon. */
  async suspect(repositoryId: string, packIds: readonly string[]): Promise<void> {
    if (packIds.length === 0) return;
    await this.statements.query(SUSPECT, [repositoryId, bytesOf(packIds)]);
    await this.statements.query(HASTEN, [repositoryId]);
  }

  /** Suspects first, then those that were claimed first. */
  async of(repositoryId: string): Promise<UnprovenPackState[]> {
    const rows = await this.statements.query<UnprovenRow>(LIST, [repositoryId]);
    return rows.map(({ id, claims, is_suspect: isSuspect, are_copies_read: areCopiesRead }) => ({
      ...{ id, claims, isSuspect, areCopiesRead },
    }));
  }

  /** Keeps what was found out about packs as `of` told them; one that was named again meanwhile stays as it is. */
  async conclude(
    manager: EntityManager,
    repositoryId: string,
    packs: readonly UnprovenPackState[],
    findings: PackFindings,
  ): Promise<void> {
    const claims = new Map(packs.map((pack) => [pack.id, pack.claims]));
    const valuesOf = (ids: readonly string[]): unknown[] => {
      const known = ids.filter((id) => claims.has(id));
      return [repositoryId, bytesOf(known), known.map((id) => claims.get(id))];
    };
    await manager.query(SETTLED, valuesOf(findings.settled));
    await manager.query(COPIES_READ, valuesOf(findings.copiesRead));
    await manager.query(UNNAMED, valuesOf(findings.unnamed));
  }
}

interface UnprovenRow {
  readonly id: string;
  readonly claims: number;
  readonly is_suspect: boolean;
  readonly are_copies_read: boolean;
}

const NOTE = {
  name: 'repositories_note_unproven',
  text: `INSERT INTO unproven_packs AS known (repository_id, agent_id, id)
    SELECT $1, $2, named.id FROM unnest($3::bytea[]) AS named (id) ORDER BY named.id
    ON CONFLICT (repository_id, id) DO UPDATE SET
      agent_id = excluded.agent_id, claims = known.claims + 1, claimed_at = now(), are_copies_read = false`,
};

/** A workspace that was moved to another host has its agent before that takes the lease. */
const IS_SUSPECT = '(u.is_suspect OR u.agent_id <> w.agent_id)';

/**
 * Suspects that are worth the requests: what is doomed is read no more, unless it was found false and the run that found
 * it ended before the index had forgotten it. To be followed by conditions on the repository `u.repository_id`.
 */
export const SUSPECTS = `FROM unproven_packs u JOIN workspaces w ON w.repository_id = u.repository_id
  WHERE ${IS_SUSPECT} AND (u.is_suspect OR NOT EXISTS (
    SELECT FROM doomed_packs d WHERE d.repository_id = u.repository_id AND d.id = u.id))`;

const LIST = {
  name: 'repositories_unproven',
  text: `SELECT encode(u.id, 'hex') AS id, u.claims, ${IS_SUSPECT} AS is_suspect, u.are_copies_read
    FROM unproven_packs u JOIN workspaces w ON w.repository_id = u.repository_id
    WHERE u.repository_id = $1 ORDER BY u.is_suspect DESC, u.claimed_at, u.id`,
};

const SUSPECT = {
  name: 'repositories_suspect',
  text: 'UPDATE unproven_packs SET is_suspect = true WHERE repository_id = $1 AND id = ANY ($2::bytea[])',
};

const HASTEN = {
  name: 'repositories_hasten_proof',
  text: `UPDATE repositories r SET maintain_after = now()
    WHERE r.id = $1 AND r.maintain_after > now() AND EXISTS (SELECT ${SUSPECTS} AND u.repository_id = r.id)`,
};

const SAME = `u.repository_id = $1 AND u.id = read.id AND u.claims = read.claims`;
const READ = `unnest($2::bytea[], $3::integer[]) AS read (id, claims)`;

const SETTLED = `DELETE FROM unproven_packs u USING ${READ} WHERE ${SAME}`;

const COPIES_READ = `UPDATE unproven_packs u SET are_copies_read = true FROM ${READ} WHERE ${SAME}`;

/** An index file is stored a moment after its packs are noted. */
const UNNAMED = `DELETE FROM unproven_packs u USING ${READ}
  WHERE ${SAME} AND u.claimed_at < now() - interval '1 hour'`;
