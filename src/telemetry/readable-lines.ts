import { Transform } from 'node:stream';

interface Line extends Record<string, unknown> {
  readonly time: string;
  readonly level: string;
  readonly context?: string;
  readonly msg?: string;
}

/** The log for a person at a terminal: `07:10:16 info  Setup  Open this link …  port=8080`. */
export function readableLines(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = chunk.toString().split('\n').filter(Boolean);
      done(null, lines.map((line) => `${readable(JSON.parse(line) as Line)}\n`).join(''));
    },
  });
}

function readable({ time, level, context, msg, ...fields }: Line): string {
  const rest = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return [time.slice(11, 19), level.padEnd(5), context, msg, ...rest]
    .filter((part) => part !== undefined)
    .join('  ');
}
