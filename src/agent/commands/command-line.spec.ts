import { describe, expect, it } from '@jest/globals';
import { readCommandLine } from './command-line.js';
import { progressLine } from './terminal.js';

describe('the command line of an agent', () => {
  it('knows its commands and their options', () => {
    expect(readCommandLine(['snapshot', 'now', '-w', 'models'])).toMatchObject({
      command: 'snapshot now',
      values: { workspace: 'models' },
    });
    const restore = readCommandLine([
      'restore',
      '-w',
      'models',
      '-t',
      '/x',
      '--path',
      'a',
      '--path',
      'b',
      '-y',
    ]);
    expect(restore).toMatchObject({
      command: 'restore',
      values: { path: ['a', 'b'], yes: true, target: '/x' },
    });
    expect(readCommandLine([]).command).toBe('help');
    expect(readCommandLine(['run', '--help']).command).toBe('help');
  });

  it.each([
    [['snapshot'], 'no command'],
    [['enrol', 'now'], 'no command'],
    [['constructor'], 'no command'],
    [['status', '--mirror'], 'status has no option --mirror'],
    [['run', '--frobnicate'], 'frobnicate'],
    [['run', '--data-dir'], 'data-dir'],
  ])('refuses %p', (args, why) => {
    expect(() => readCommandLine(args)).toThrow(why);
  });
});

describe('a progress line', () => {
  it('says what is known', () => {
    expect(progressLine({ what: 'models', filesDone: 3, bytesDone: 2_048 })).toBe('models  3 files  2.0 KiB');
    const whole = {
      ...{ what: 'restore', filesDone: 3, filesTotal: 4, bytesDone: 512, bytesTotal: 1_024 },
      ...{ bytesPerSecond: 100, remainingMs: 5_120, currentPath: 'a/b' },
    };
    expect(progressLine(whole)).toBe(
      'restore  [============            ] 50 %  3 of 4 files  512 B of 1.0 KiB  100 B/s  6 s left  a/b',
    );
  });
});
