/** How long things take in the queue; injected so that specs need not wait as long. */
export abstract class JobTimings {
  /** Jobs of a later time are looked for this often; of others the workers are told. */
  abstract readonly pollMs: number;
  /** After a stop was asked for, until running jobs are told to end. */
  abstract readonly abortAfterMs: number;
  /** After that, until they are released for others. */
  abstract readonly releaseAfterMs: number;
  /** From a failure that ended the workers to their new start. */
  abstract readonly restartMs: number;
  abstract readonly beatMs: number;
  /** Without a beat for so long workers count as dead: their jobs go back to the queue. */
  abstract readonly deadAfterMs: number;
  /** Sooner than that, whoever could not beat ends its own work. */
  abstract readonly giveUpAfterMs: number;
}

export const JOB_TIMINGS: JobTimings = {
  pollMs: 2_000,
  abortAfterMs: 5_000,
  releaseAfterMs: 15_000,
  restartMs: 5_000,
  beatMs: 10_000,
  deadAfterMs: 60_000,
  giveUpAfterMs: 45_000,
};
