import { UserTurns } from '../rest/user-turns.js';
import { tooManyUploads } from './file-errors.js';

/** Bounds how many uploads of one user run and wait at the same time in this process. */
export class UploadSlots extends UserTurns {
  constructor(runningPerUser: number, waitingPerUser: number) {
    super(runningPerUser, waitingPerUser, tooManyUploads);
  }
}
