import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Statements } from '../database/statements.js';
import { notFound } from '../errors/request-errors.js';
import type { DoomedPacks } from '../snapshot-engine/index.js';
import { SnapshotCommits } from './snapshot-commits.service.js';
import { bytesOf } from './stored-files.service.js';

type Dooms = Parameters<DoomedPacks['doom']>[0];

/**
 * Which packs wait for their deletion, kept where commits are decided. A doom and a commit lock the same row, so one
 * comes after the other: a commit that came first is written into the bucket before the doom resolves, where the prune
 * looks for late snapshots; a commit that comes later was made with an index of before, and is refused by its generation.
 */
@Injectable()
export class DoomedPackRows {
  constructor(
    private readonly database: DataSource,
    private readonly statements: Statements,
    private readonly commits: SnapshotCommits,
  ) {}

  of(repositoryId: string): DoomedPacks {
    return {
      list: () => this.list(repositoryId),
      doom: (packs) => this.doom(repositoryId, packs),
      rescue: async (packIds) =>
        void (await this.statements.query(RESCUE, [repositoryId, bytesOf([...packIds])])),
      forget: async (packIds) =>
        void (await this.statements.query(FORGET, [repositoryId, bytesOf([...packIds])])),
    };
  }

  private async list(repositoryId: string): Promise<Dooms> {
    const rows = await this.statements.query<DoomedRow>(LIST, [repositoryId]);
    return rows.map(({ id, since, generation }) => ({ id, sinceMs: since.getTime(), generation }));
  }

  private async doom(repositoryId: string, packs: Dooms): Promise<void> {
    if (packs.length > 0) {
      await this.database.transaction((manager) => insertDooms(manager, repositoryId, packs));
    }
    // Also when nothing is doomed now: a snapshot that was decided before an earlier doom may still lack its object, and
    // the prune that goes on from here would not see that it needs what was doomed then.
    await this.commits.finishCommitting(repositoryId);
  }
}

async function insertDooms(manager: EntityManager, repositoryId: string, packs: Dooms): Promise<void> {
  const [moved] = await manager.query<[unknown[], number]>(NEXT_GENERATION, [repositoryId]);
  if (moved.length === 0) throw notFound('repository');
  await manager.query(INSERT, [
    repositoryId,
    bytesOf(packs.map(({ id }) => id)),
    packs.map(({ sinceMs }) => new Date(sinceMs)),
    packs.map(({ generation }) => generation),
  ]);
}

interface DoomedRow {
  readonly id: string;
  readonly since: Date;
  readonly generation: number;
}

const LIST = {
  name: 'repositories_doomed',
  text: `SELECT encode(id, 'hex') AS id, since, generation FROM doomed_packs WHERE repository_id = $1`,
};

/** Locks the row that a commit locks first. */
const NEXT_GENERATION =
  'UPDATE repositories SET generation = generation + 1 WHERE id = $1 RETURNING generation';

/** Of a pack that is doomed twice, the later time counts. */
const INSERT = `INSERT INTO doomed_packs AS doomed (repository_id, id, since, generation)
  SELECT DISTINCT ON (pack.id) $1::uuid, pack.id, pack.since, pack.generation
  FROM unnest($2::bytea[], $3::timestamptz[], $4::integer[]) AS pack (id, since, generation)
  ORDER BY pack.id, pack.since DESC
  ON CONFLICT (repository_id, id) DO UPDATE SET since = excluded.since, generation = excluded.generation
  WHERE doomed.since < excluded.since`;

const RESCUE = {
  name: 'repositories_rescue',
  text: 'DELETE FROM doomed_packs WHERE repository_id = $1 AND id = ANY ($2::bytea[])',
};

/** A pack that exists no longer must not be named by a commit as one that was ordered. */
const FORGET = {
  name: 'repositories_forget_doomed',
  text: `WITH gone AS (DELETE FROM doomed_packs WHERE repository_id = $1 AND id = ANY ($2::bytea[])),
      unread AS (DELETE FROM unproven_packs WHERE repository_id = $1 AND id = ANY ($2::bytea[]))
    DELETE FROM stored_packs WHERE repository_id = $1 AND id = ANY ($2::bytea[])`,
};
