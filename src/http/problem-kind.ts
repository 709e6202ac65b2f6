/** What an error code means to whoever is answered with it. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** When it is answered, in a sentence. */
  readonly meaning: string;
  /** What the caller does about it, in a sentence. */
  readonly action: string;
}
