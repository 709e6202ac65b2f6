const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** For sentences, rounded down to the largest unit of which there are two, or to seconds: `95 seconds`, `3 hours`. */
export function spokenDuration(durationMs: number): string {
  for (const [name, unitMs] of UNITS) {
    const count = Math.floor(durationMs / unitMs);
    if (count >= 2) return `${count} ${name}s`;
  }
  const seconds = Math.max(0, Math.floor(durationMs / 1_000));
  return seconds === 1 ? '1 second' : `${seconds} seconds`;
}
