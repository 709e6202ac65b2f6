import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type AuditOrigin, AuditLog } from '../auth/audit-log.service.js';
import { ProviderRegistry } from '../storage-providers/provider-registry.js';
import {
  PROVIDER_NAMES,
  type ProviderName,
  type ProviderPrice,
} from '../storage-providers/storage-provider.js';
import { PriceRow } from './price-row.entity.js';

export interface KnownPrice {
  readonly provider: ProviderName;
  readonly price: ProviderPrice;
  /** `built_in`: as Stowage comes; `operator`: as an administrator has entered it. */
  readonly source: 'built_in' | 'operator';
}

export type NewPrice = { readonly provider: ProviderName } & ProviderPrice;

/** What each provider costs: the strategies' own list prices, unless an administrator knows better. */
@Injectable()
export class Prices {
  constructor(
    private readonly database: DataSource,
    private readonly registry: ProviderRegistry,
    private readonly audit: AuditLog,
  ) {}

  /** Of all providers, in their own order. */
  async all(): Promise<KnownPrice[]> {
    const rows = await this.database.manager.find(PriceRow);
    const entered = new Map(rows.map(({ provider, ...price }) => [provider, price]));
    return PROVIDER_NAMES.map((provider): KnownPrice => {
      const price = entered.get(provider);
      if (price !== undefined) return { provider, price, source: 'operator' };
      return { provider, price: this.registry.byName(provider).price, source: 'built_in' };
    });
  }

  /** Replaces all prices that were entered: providers that are not named get their list price back. */
  async replace(origin: AuditOrigin, prices: readonly NewPrice[]): Promise<void> {
    await this.database.transaction(async (manager) => {
      // Two who replace at the same time would otherwise both insert.
      await manager.query('LOCK TABLE price_table IN EXCLUSIVE MODE');
      await manager.createQueryBuilder().delete().from(PriceRow).execute();
      if (prices.length > 0) await manager.insert(PriceRow, [...prices]);
      const details = { providers: prices.map(({ provider }) => provider) };
      await this.audit.record(
        { ...origin, action: 'prices.replaced', subject: 'price_table', details },
        manager,
      );
    });
  }
}
