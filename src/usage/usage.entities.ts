import { PriceRow } from './price-row.entity.js';
import { UsageDay } from './usage-day.entity.js';

export const usageEntities = [PriceRow, UsageDay];
