import { UserTurns } from '../rest/user-turns.js';
import { tooManySearches } from './file-errors.js';

/** Few of the connections to the database: what reads all files of one user must not keep everybody else waiting. */
const RUNNING_PER_USER = 4;
const WAITING_PER_USER = 60;

/** Turns of each user with statements that may read all of their files. */
export class Searches extends UserTurns {
  constructor() {
    super(RUNNING_PER_USER, WAITING_PER_USER, tooManySearches);
  }
}
