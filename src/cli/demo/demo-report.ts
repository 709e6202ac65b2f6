/** Prints what the demo does: a line a step for people, or a JSON line a step for programs. */
export class DemoReport {
  constructor(private readonly json: boolean) {}

  heading(text: string): void {
    if (!this.json) process.stdout.write(`\n  ${text}\n`);
  }

  /** Runs one step and prints its name, what came of it and how long it took. */
  async step<T>(name: string, run: () => Promise<T>, describe: (result: T) => string): Promise<T> {
    const startedMs = performance.now();
    const result = await run();
    this.line('ok', name, describe(result), performance.now() - startedMs);
    return result;
  }

  /** A detail below the step that is under way. */
  detail(text: string): void {
    if (!this.json) process.stdout.write(`      ${text}\n`);
  }

  failed(error: unknown): void {
    this.line('failed', 'demo', error instanceof Error ? error.message : String(error), 0);
  }

  goOn(url: string, apiKey: string, fileId: number): void {
    if (this.json) return;
    process.stdout.write(
      [
        '',
        `  Go on        ${url}/api/docs`,
        `  API key      ${apiKey}`,
        `  With curl    curl -H "Authorization: Bearer ${apiKey}" ${url}/api/v1/files`,
        `               curl -H "Authorization: Bearer ${apiKey}" -F file=@README.md ${url}/api/cloud/upload`,
        `               curl -H "Authorization: Bearer ${apiKey}" ${url}/api/cloud/download/${fileId}`,
        '  Ctrl-C stops.',
        '',
      ].join('\n'),
    );
  }

  private line(status: 'ok' | 'failed', step: string, result: string, durationMs: number): void {
    const rounded = Math.round(durationMs);
    if (this.json) {
      const line = { message_type: 'step', step, status, result, duration_ms: rounded };
      process.stdout.write(`${JSON.stringify(line)}\n`);
      return;
    }
    const mark = status === 'ok' ? '\u2714' : '\u2716';
    const time = durationMs >= 1000 ? `${(durationMs / 1000).toFixed(1)} s` : `${rounded} ms`;
    process.stdout.write(
      `  ${mark} ${step.padEnd(18)} ${result.padEnd(64)} ${status === 'ok' ? time : ''}\n`,
    );
  }
}
