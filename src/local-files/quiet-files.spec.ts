import { describe, expect, it } from '@jest/globals';
import { QUIET_MS, QuietFiles } from './quiet-files.js';

describe('a file that may still be written', () => {
  const clock = { now: 1_000_000 };
  const at = (ms: number, size = 1n) => ({ size, mtimeNs: BigInt(ms) * 1_000_000n });

  it('waits until it stays as it is', () => {
    const files = new QuietFiles(() => clock.now);
    const stats = at(clock.now);
    expect(files.isQuiet('a', stats)).toBe(false);
    clock.now += QUIET_MS - 1;
    expect(files.isQuiet('a', stats)).toBe(false);
    clock.now += 1;
    expect(files.isQuiet('a', stats)).toBe(true);
    expect(files.waiting).toEqual([]);
  });

  it('waits anew whenever it changes', () => {
    const files = new QuietFiles(() => clock.now);
    for (let size = 0n; size < 5n; size++) {
      expect(files.isQuiet('a', at(clock.now, size))).toBe(false);
      clock.now += QUIET_MS;
    }
    expect(files.isQuiet('a', at(clock.now - QUIET_MS, 4n))).toBe(true);
  });

  it('that was written long ago is quiet; one of the future is looked at twice', () => {
    const files = new QuietFiles(() => clock.now);
    expect(files.isQuiet('a', at(clock.now - 3 * QUIET_MS))).toBe(true);
    const future = at(clock.now + 3_600_000);
    expect(files.isQuiet('b', future)).toBe(false);
    clock.now += QUIET_MS;
    expect(files.isQuiet('b', future)).toBe(true);
  });
});
