import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CloudConfig } from '../credentials/cloud-config.entity.js';
import { CloudStorages } from '../credentials/cloud-storages.service.js';
import { CredentialsError } from '../credentials/credentials-error.js';
import { Statements } from '../database/statements.js';
import type { ProviderName, ProviderPrice } from '../storage-providers/storage-provider.js';
import { Prices } from '../usage/prices.service.js';
import { COPIES_AT_ONCE } from './copy-objects.js';
import type { FileMove } from './file-move.entity.js';
import { type Cargo, estimateMove, type MoveEstimate } from './move-estimate.js';
import { type MoveCounts, MoveRows } from './move-rows.js';

/** A move with all that is known of it. */
export interface MoveView {
  readonly move: FileMove;
  readonly target: { readonly provider: ProviderName; readonly bucketName: string };
  readonly counts: MoveCounts;
  /** Workspaces' repositories in other buckets than the target: they are not moved. */
  readonly repositories: number;
  /** Objects in buckets whose credentials were forgotten. */
  readonly unreadable: number;
  /** Of what is still to be copied; with the day of the oldest price. */
  readonly estimate: MoveEstimate & { readonly pricesAsOf: string };
}

const REPOSITORIES = {
  name: 'moves_repositories_left',
  text: `SELECT count(*)::integer AS count FROM repositories
    WHERE user_id = $1 AND cloud_config_id <> $2 AND state <> 'removed'`,
};

/** Gathers what a user is told of a move. */
@Injectable()
export class MoveViews {
  constructor(
    private readonly database: DataSource,
    private readonly statements: Statements,
    private readonly storages: CloudStorages,
    private readonly prices: Prices,
    private readonly rows: MoveRows,
  ) {}

  /** Looks at all rows of the user's files: for people. */
  async of(move: FileMove): Promise<MoveView> {
    const { userId, targetConfigId: id } = move;
    const [config, counts, sources, known, repositories] = await Promise.all([
      this.database.manager.findOneByOrFail(CloudConfig, { id }),
      this.rows.counts(move),
      this.rows.sources(move),
      this.prices.all(),
      this.statements.query<{ count: number }>(REPOSITORIES, [userId, id]),
    ]);
    const prices = new Map(known.map(({ provider, price }) => [provider, price]));
    const { readable, unreadable } = await this.cargoOf(userId, sources, prices);
    const target = prices.get(config.provider)!;
    const [pricesAsOf] = [target, ...readable.map(({ price }) => price)].map(({ asOf }) => asOf).toSorted();
    return {
      move,
      target: { provider: config.provider, bucketName: config.bucketName },
      counts,
      repositories: repositories[0]!.count,
      unreadable,
      estimate: { ...estimateMove(readable, target, COPIES_AT_ONCE), pricesAsOf: pricesAsOf! },
    };
  }

  private async cargoOf(
    userId: number,
    sources: Awaited<ReturnType<MoveRows['sources']>>,
    prices: ReadonlyMap<ProviderName, ProviderPrice>,
  ): Promise<{ readonly readable: Cargo[]; readonly unreadable: number }> {
    const readable: Cargo[] = [];
    let unreadable = 0;
    for (const { configId, objects, bytes } of sources) {
      const provider = await this.providerOf(userId, configId);
      if (provider === undefined) unreadable += objects;
      else readable.push({ objects, bytes, price: prices.get(provider)! });
    }
    return { readable, unreadable };
  }

  /** @returns undefined when its credentials were forgotten */
  private async providerOf(userId: number, configId: number): Promise<ProviderName | undefined> {
    try {
      return (await this.storages.byConfigId(userId, configId)).provider;
    } catch (error) {
      if (error instanceof CredentialsError && error.code === 'cloud_not_configured') return undefined;
      throw error;
    }
  }
}
