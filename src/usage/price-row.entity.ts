import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ProviderName } from '../storage-providers/storage-provider.js';

/** What the operator says that a provider costs; it takes the place of the price that Stowage comes with. */
@Entity('price_table')
export class PriceRow {
  @PrimaryColumn({ type: 'varchar', length: 20, primaryKeyConstraintName: 'price_table_pkey' })
  provider: ProviderName;

  @Column({ name: 'storage_usd_per_gb_month', type: 'double precision' })
  storageUsdPerGbMonth: number;

  @Column({ name: 'egress_usd_per_gb', type: 'double precision' })
  egressUsdPerGb: number;

  @Column({ name: 'write_usd_per_1000', type: 'double precision' })
  writeUsdPer1000: number;

  @Column({ name: 'read_usd_per_1000', type: 'double precision' })
  readUsdPer1000: number;

  /** Day on which the figures were checked. */
  @Column({ name: 'as_of', type: 'date' })
  asOf: string;
}
