import { describe, expect, it } from '@jest/globals';
import { ALL_SHARES, checkVerdict, type CheckFinding, type StandingProblem } from './check-verdict.js';

const NONE: StandingProblem = { problem: null, share: null };
const clean = (read: CheckFinding['read']): CheckFinding => ({ sentence: null, hasDamagedData: false, read });
const damaged = (read: CheckFinding['read']): CheckFinding => ({
  sentence: 'A pack is damaged.',
  hasDamagedData: true,
  read,
});

describe('what a check says about a repository', () => {
  it('is nothing when nothing was found', () => {
    expect(checkVerdict(NONE, clean({ share: 4 }))).toEqual(NONE);
  });

  it('stands until the share in which damage was found is read again', () => {
    const standing = checkVerdict(NONE, damaged({ share: 4 }));
    expect(standing).toEqual({ problem: 'A pack is damaged.', share: 4 });
    expect(checkVerdict(standing, clean('none'))).toBe(standing);
    expect(checkVerdict(standing, clean({ share: 5 }))).toBe(standing);
    expect(checkVerdict(standing, clean({ share: 4 }))).toEqual(NONE);
    expect(checkVerdict(standing, clean('all'))).toEqual(NONE);
  });

  it('of everything is only taken back by another look at everything', () => {
    const standing = checkVerdict(NONE, damaged('all'));
    expect(standing.share).toBe(ALL_SHARES);
    expect(checkVerdict(standing, clean({ share: 0 }))).toBe(standing);
    expect(checkVerdict(standing, clean('all'))).toEqual(NONE);
  });

  it('of the structure is taken back by any check that finds nothing', () => {
    const standing = checkVerdict(NONE, {
      sentence: 'An index is gone.',
      hasDamagedData: false,
      read: 'none',
    });
    expect(checkVerdict(standing, clean('none'))).toEqual(NONE);
  });

  it('remembers damaged content beneath a newer problem of the structure', () => {
    const standing = checkVerdict(NONE, damaged({ share: 4 }));
    const newer = checkVerdict(standing, {
      sentence: 'An index is gone.',
      hasDamagedData: false,
      read: { share: 5 },
    });
    expect(newer).toEqual({ problem: 'An index is gone.', share: 4 });
    expect(checkVerdict(newer, clean({ share: 5 }))).toBe(newer);
  });
});
