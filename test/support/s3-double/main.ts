import { parseArgs } from 'node:util';
import { PERSONALITIES, type PersonalityName } from './personalities.js';
import { startS3Double } from './s3-double.js';

/*
 * The double as a program:
 *   node --import ./test/support/typescript-hooks.mjs test/support/s3-double/main.ts --personality b2 --folder /tmp/b2
 * prints one line of JSON when it is ready and ends with SIGTERM or with its standard input. A parent with a channel to it
 * may send any message: the answer is how many calls there were since the last one.
 */
const { values } = parseArgs({
  options: {
    personality: { type: 'string', default: 'aws' },
    folder: { type: 'string' },
    port: { type: 'string', default: '0' },
    bucket: { type: 'string', default: 'stowage-test' },
    'access-key': { type: 'string' },
    'secret-key': { type: 'string' },
  },
});

if (!(values.personality in PERSONALITIES)) {
  console.error(`--personality must be one of ${Object.keys(PERSONALITIES).join(', ')}.`);
  process.exit(2);
}
const given =
  values['access-key'] !== undefined && values['secret-key'] !== undefined
    ? [{ name: 'given', accessKeyId: values['access-key'], secretAccessKey: values['secret-key'] }]
    : [];
const double = await startS3Double({
  personality: values.personality as PersonalityName,
  folder: values.folder,
  port: Number(values.port),
  buckets: [values.bucket],
  users: given,
});
const credentials = given[0] ?? double.credentials;
console.log(
  JSON.stringify({
    endpoint: double.endpoint,
    region: double.region,
    bucket: double.bucket,
    accessKeyId: credentials.accessKeyId,
    secretAccessKey: credentials.secretAccessKey,
  }),
);

process.on('message', () => {
  process.send?.(double.log.calls.length);
  double.log.clear();
});

const stop = () => void double.stop().then(() => process.exit(0));
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
process.stdin.once('end', stop).resume();
