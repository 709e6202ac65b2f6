import { describe, expect, it } from '@jest/globals';
import { ChangedEntries, MAX_NAMES_PER_DIRECTORY } from './changed-entries.js';

const names = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

describe('Changed entries', () => {
  it('are remembered by their names, each once', () => {
    const entries = new ChangedEntries();
    for (let turn = 0; turn < 2; turn += 1) entries.addNames('a', names(MAX_NAMES_PER_DIRECTORY));
    expect(entries.get('a')).toEqual(new Set(names(MAX_NAMES_PER_DIRECTORY)));
    entries.add('a', 'one more');
    expect(entries.get('a')).toBe('all');
    entries.add('a', 'still all');
    expect(Array.from(entries)).toEqual([['a', 'all']]);
  });

  it('are no directories without a name', () => {
    const entries = new ChangedEntries();
    entries.addNames('a', []);
    expect(entries.size).toBe(0);
  });

  it('are those of whole directories when there are too many in all', () => {
    const entries = new ChangedEntries();
    for (const directory of names(300)) entries.addNames(directory, names(MAX_NAMES_PER_DIRECTORY));
    const whole = () => Array.from(entries).filter(([, of]) => of === 'all').length;
    expect(entries.size).toBe(300);
    expect(whole()).toBeGreaterThan(0);
    // What is whole needs no names: there is room again.
    entries.addWhole('0');
    entries.add('late', 'x');
    expect(entries.get('late')).toEqual(new Set(['x']));
    entries.clear();
    entries.addAll([
      ['b', new Set(['x'])],
      ['c', 'all'],
    ]);
    expect(Array.from(entries)).toEqual([
      ['b', new Set(['x'])],
      ['c', 'all'],
    ]);
  });
});
