import { parseArgs } from 'node:util';
import { loadAverage } from '../process-meter.ts';
import { answers } from './answers.ts';
import { type Change, changes } from './changes.ts';
import { QUESTIONS } from './questions.ts';
import { type Answered, answersTable, changesTable, isFastEnough } from './report.ts';
import { MillionStage } from './stage.ts';

/* Asks everything of a user with a million files, and the same of one with a thousand. See bench/README.md. */

const USAGE = `npm run bench:million -- [--only TEXT] [--no-changes]
  --only        only questions in whose name this is
  --no-changes  only questions`;

process.exitCode = await main().catch((error: unknown) => {
  console.error((error as Error).message);
  return 1;
});

/** 0: all goals met, 2: some missed. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      'no-changes': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const stage = await MillionStage.set((text) => console.error(text));
  const stop = (): void => void stage.clear().finally(() => process.exit(130));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await measure(stage, values.only, !values['no-changes']);
  } finally {
    await stage.clear();
  }
}

async function measure(stage: MillionStage, only: string, withChanges: boolean): Promise<number> {
  const answered: Answered[] = [];
  for (const question of QUESTIONS.filter(({ name }) => name.includes(only))) {
    const many = await answers(stage, question, stage.many);
    const few = await answers(stage, question, stage.few);
    answered.push({ question, many, few });
    console.error(`${question.name}: p50 ${many.p50Ms.toFixed(1)}, p99 ${many.p99Ms.toFixed(1)} ms`);
  }
  const changed: Change[] = [];
  if (withChanges) await changes(stage, (change) => changed.push(change));
  console.log(`\n${answersTable(answered)}\n`);
  if (withChanges) console.log(`${changesTable(changed)}\n`);
  console.log(`load average now ${loadAverage()}`);
  return answered.some((each) => isFastEnough(each) === false) ? 2 : 0;
}
