/** Task of the queue; what is to be done is in the move's state. */
export const MOVE_TASK = 'files.move';

/** Kind of the job that the user looks at. */
export const MOVE_JOB = 'files.move';

/** A store that is down for hours is waited for. */
export const MOVE_ATTEMPTS = 60;

export type MovePayload = { readonly move_id: string };
