import { FileMove } from './file-move.entity.js';
import { MoveItem } from './move-item.entity.js';

export const movesEntities = [FileMove, MoveItem];
