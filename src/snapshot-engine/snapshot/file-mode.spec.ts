import { describe, expect, it } from '@jest/globals';
import { goModeOf, nodeTypeOf, permissionsOf, unixModeOf } from './file-mode.js';

describe('modes', () => {
  // The right column is what restic 0.14 wrote for such files.
  it.each([
    ['file', 0o100644, 420],
    ['file', 0o107755, 13_631_981],
    ['dir', 0o041777, 2_148_532_735],
    ['symlink', 0o120777, 134_218_239],
    ['dev', 0o060644, 67_109_284],
    ['chardev', 0o020666, 69_206_454],
    ['fifo', 0o010600, 33_554_816],
    ['socket', 0o140755, 16_777_709],
  ])('of a %s with %s', (type, unix, go) => {
    expect(nodeTypeOf(unix)).toBe(type);
    expect(goModeOf(unix)).toBe(go);
    expect(unixModeOf(nodeTypeOf(unix), go)).toBe(unix);
    expect(permissionsOf(go)).toBe(unix & 0o7777);
  });

  it('are what they were, for every permission of every kind', () => {
    for (const kind of [0o100000, 0o040000, 0o120000, 0o060000, 0o020000, 0o010000, 0o140000]) {
      for (let permissions = 0; permissions <= 0o7777; permissions++) {
        const unix = kind | permissions;
        if (unixModeOf(nodeTypeOf(unix), goModeOf(unix)) !== unix) throw new Error(unix.toString(8));
      }
    }
  });

  it('of kinds that nobody knows are irregular', () => {
    expect(nodeTypeOf(0o150644)).toBe('irregular');
    expect(goModeOf(0o150644)).toBe(2 ** 19 + 0o644);
  });

  it('of a character device come from its type where another program forgot the bits', () => {
    expect(unixModeOf('chardev', 0o644)).toBe(0o020644);
  });
});
