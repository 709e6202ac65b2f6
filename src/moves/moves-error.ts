import { StowageError } from '../errors/stowage-error.js';
import type { MoveState } from './file-move.entity.js';

export type MovesErrorCode =
  /** 409: the user has a move that has not ended. */
  | 'move_under_way'
  /** 409: in its present state the move cannot be started, cancelled or cleaned up. */
  | 'move_state';

/** What can go wrong with asking for a move. */
export class MovesError extends StowageError<MovesErrorCode> {}

export function moveUnderWay(id: string): MovesError {
  return new MovesError(
    'move_under_way',
    `The move ${id} has not ended. Cancel it, or clean up after it, before you plan another.`,
  );
}

export function wrongState(verb: string, state: MoveState): MovesError {
  return new MovesError(
    'move_state',
    `A move that is "${state}" cannot be ${verb}. Look at its state again.`,
  );
}
