import type { Answers } from './answers.ts';
import type { Change } from './changes.ts';
import type { Question } from './questions.ts';

/** A question's answers, for the user with many files and for the one with few. */
export interface Answered {
  readonly question: Question;
  readonly many: Answers;
  readonly few: Answers;
}

/** Whether the goal is met; undefined without one. */
export function isFastEnough({ question: { goalMs }, many }: Answered): boolean | undefined {
  return goalMs === undefined ? undefined : many.p99Ms <= goalMs;
}

/** As a Markdown table. The ratio is of medians, as both were asked in the same run. */
export function answersTable(answered: readonly Answered[]): string {
  const head = [
    'question',
    'p50 ms',
    'p95',
    'p99',
    'goal p99',
    'database ms',
    'pages',
    'with 1,000: p50',
    'pages',
    'ratio',
  ];
  return table(head, answered.map(answeredRow));
}

export function changesTable(changes: readonly Change[]): string {
  const rows = changes.map(({ name, count, p50Ms, longestMs }) => [
    name,
    String(count),
    digits(p50Ms),
    digits(longestMs),
  ]);
  return table(['change', 'times', 'p50 ms', 'longest ms'], rows);
}

function answeredRow(answered: Answered): string[] {
  const { question, many, few } = answered;
  const verdict = isFastEnough(answered) === false ? ' MISSED' : '';
  return [
    question.name,
    digits(many.p50Ms),
    digits(many.p95Ms),
    digits(many.p99Ms),
    question.goalMs === undefined ? '' : `${question.goalMs}${verdict}`,
    digits(many.databaseMs),
    many.databasePages.toFixed(0),
    digits(few.p50Ms),
    few.databasePages.toFixed(0),
    digits(many.p50Ms / few.p50Ms),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Two digits that matter. */
function digits(value: number): string {
  return value >= 10 ? value.toFixed(0) : String(Number(value.toPrecision(2)));
}
