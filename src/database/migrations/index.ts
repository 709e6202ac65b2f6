import { Foundation1763800000000 } from './1763800000000-foundation.js';
import { Workspaces1763900000000 } from './1763900000000-workspaces.js';
import { Files1764000000000 } from './1764000000000-files.js';
import { LocalFileSync1764100000000 } from './1764100000000-local-file-sync.js';
import { Sweeps1764200000000 } from './1764200000000-sweeps.js';
import { Usage1764300000000 } from './1764300000000-usage.js';
import { UnprovenPacks1764400000000 } from './1764400000000-unproven-packs.js';
import { FileMoves1764320000000 } from './1764320000000-file-moves.js';
import { ShareLinks1764500000000 } from './1764500000000-share-links.js';

/** In order; new migrations go to the end. */
export const migrations = [
  Foundation1763800000000,
  Workspaces1763900000000,
  Files1764000000000,
  LocalFileSync1764100000000,
  Sweeps1764200000000,
  Usage1764300000000,
  FileMoves1764320000000,
  UnprovenPacks1764400000000,
  ShareLinks1764500000000,
];
