import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { KeyRing, makeKeyCheck } from './key-ring.js';
import { MasterKey } from './master-key.js';
import { decideSealing } from './sealing-state.js';

const right = MasterKey.parse(MasterKey.generateText());
const other = MasterKey.parse(MasterKey.generateText());
const installationId = randomUUID();
const installation = { installationId, kekId: right.id, keyCheck: makeKeyCheck(installationId, right) };

describe('at start the service', () => {
  it('opens with the right key', () => {
    expect(decideSealing(installation, new KeyRing([right]), [right.id])).toMatchObject({ open: true });
  });

  it('opens with both keys while a rotation is under way, whichever is named first', () => {
    for (const keys of [
      [right, other],
      [other, right],
    ]) {
      expect(decideSealing(installation, new KeyRing(keys), [right.id, other.id])).toMatchObject({
        open: true,
      });
    }
  });

  it.each([
    ['without a key', [], [], 'missing_master_key'],
    ['with another key', [other], [], 'wrong_master_key'],
    ['when some data keys need a key that it has not', [right], [right.id, other.id], 'rotation_unfinished'],
  ] as const)('stays sealed %s', (_, keys, inUse, reason) => {
    const state = decideSealing(installation, new KeyRing(keys), inUse);
    expect(state).toMatchObject({ open: false, reason });
    expect(state.open ? '' : state.advice).not.toContain('{id}');
    expect(state.open ? '' : state.advice).toContain(reason === 'rotation_unfinished' ? other.id : right.id);
  });

  it('stays sealed when the key check was tampered with', () => {
    const forged = { ...installation, keyCheck: makeKeyCheck(randomUUID(), right) };
    expect(decideSealing(forged, new KeyRing([right]), [])).toMatchObject({ reason: 'wrong_master_key' });
  });
});
