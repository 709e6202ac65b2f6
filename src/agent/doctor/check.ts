/** One thing that was looked at: the same shape as a check of the connection test, so that one renderer shows both. */
export interface Check {
  readonly id: string;
  readonly title: string;
  /** A warning does not keep the agent from working; a check is skipped when the one that it stands on failed. */
  readonly status: 'passed' | 'failed' | 'skipped' | 'warning';
  readonly latency_ms: number;
  /** Stable name of what went wrong. */
  readonly code?: string;
  /** What happened, as a sentence. */
  readonly detail?: string;
  /** The line that repairs it. */
  readonly repair?: string;
  /** What was measured. */
  readonly observed?: Readonly<Record<string, string | number | boolean>>;
}

export type Outcome = Omit<Check, 'id' | 'title' | 'latency_ms'>;

export function passed(observed?: Check['observed']): Outcome {
  return { status: 'passed', ...(observed && { observed }) };
}

export function failed(code: string, detail: string, repair?: string): Outcome {
  return { status: 'failed', code, detail, ...(repair !== undefined && { repair }) };
}

export function warning(code: string, detail: string, repair: string, observed?: Check['observed']): Outcome {
  return { status: 'warning', code, detail, repair, ...(observed && { observed }) };
}

export function skipped(detail: string): Outcome {
  return { status: 'skipped', detail };
}
