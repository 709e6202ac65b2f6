import { expect, it } from '@jest/globals';
import { createLog } from './log.js';
import { readableLines } from './readable-lines.js';

it('tells a person when, how grave, who and what', () => {
  const lines = readableLines();
  const log = createLog('info', lines);
  log.info({ context: 'Setup', port: 8080, url: 'http://x' }, 'listening');
  log.warn('slow');
  const [first, second] = String(lines.read()).trim().split('\n');
  expect(first).toMatch(/^\d\d:\d\d:\d\d {2}info {3}Setup {2}listening {2}port=8080 {2}url=http:\/\/x$/);
  expect(second).toMatch(/^\d\d:\d\d:\d\d {2}warn {3}slow$/);
});
