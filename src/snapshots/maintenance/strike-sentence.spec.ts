import { describe, expect, it } from '@jest/globals';
import type { StrikeResult } from '../../snapshot-engine/index.js';
import { areProofsDue, READ_COPIES_EVERY_MS } from './proofs-due.js';
import { strikeSentence } from './strike-sentence.js';

const NOTHING: StrikeResult = {
  ...{ proven: [], copiesProven: [], unnamed: [], unread: 0, struck: [], lostBlobs: 0, affected: [] },
  ...{ newPacks: [], removedIndexes: [], bytesRead: 0 },
};
const pack = (id: string) => ({ id, message: 'It is damaged.' });

describe('what is told of packs that lied', () => {
  it('is nothing when there was none', () => {
    expect(strikeSentence(NOTHING)).toBeUndefined();
  });

  it('names the first, counts the others, and says that nothing suffers', () => {
    const sentence = strikeSentence({
      ...NOTHING,
      struck: [pack('ab12'), pack('cd34'), pack('ef56')],
      lostBlobs: 3,
    });
    expect(sentence).toContain('Pack ab12 did not hold');
    expect(sentence).toContain('2 more');
    expect(sentence).toContain('No snapshot suffers.');
  });

  it('names what cannot be restored', () => {
    const affected = [{ snapshotId: '0123456789abcdef', path: '/model/weights.bin' }];
    const sentence = strikeSentence({ ...NOTHING, struck: [pack('ab12')], lostBlobs: 1, affected });
    expect(sentence).toContain('1 path of a snapshot needs what no pack holds');
    expect(sentence).toContain('/model/weights.bin of 01234567');
  });
});

describe('packs that nobody has read', () => {
  it('are read at once when they are a former agent’s, and otherwise some hours after they came', () => {
    const now = 10 * READ_COPIES_EVERY_MS;
    expect(areProofsDue({ suspects: 0, oldestUnreadMs: undefined }, now)).toBe(false);
    expect(areProofsDue({ suspects: 1, oldestUnreadMs: undefined }, now)).toBe(true);
    expect(areProofsDue({ suspects: 0, oldestUnreadMs: now - READ_COPIES_EVERY_MS + 1 }, now)).toBe(false);
    expect(areProofsDue({ suspects: 0, oldestUnreadMs: now - READ_COPIES_EVERY_MS }, now)).toBe(true);
  });
});
