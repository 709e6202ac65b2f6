import type { MovesErrorCode } from '../moves/moves-error.js';
import type { ProblemKind } from './problem-kind.js';

export const MOVE_PROBLEMS: Readonly<Record<MovesErrorCode, ProblemKind>> = {
  move_under_way: {
    status: 409,
    title: 'Move under way',
    meaning: 'Files of this user are being moved, or the old objects of a move have not been cleaned up.',
    action: 'Cancel that move, or clean up after it with `POST /api/v1/moves/{id}/clean-up`.',
  },
  move_state: {
    status: 409,
    title: 'Not in this state',
    meaning: 'The move cannot be started, cancelled or cleaned up in the state that it is in.',
    action: 'Read the move again; `state` tells what can be done.',
  },
};
