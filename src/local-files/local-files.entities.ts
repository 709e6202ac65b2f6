import { LocalFileSync } from './local-file-sync.entity.js';
import { WatchedFolder } from './watched-folder.entity.js';

export const localFilesEntities = [LocalFileSync, WatchedFolder];
