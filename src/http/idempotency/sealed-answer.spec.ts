import { describe, expect, it } from '@jest/globals';
import { sealAnswer, unsealAnswer } from './sealed-answer.js';

const body = '{"key":"stw_user_secret"}';
const credential = 'Bearer stw_admin_mine';
const context = '7:key-1';

describe('a stored answer', () => {
  it('can be read again by its caller', () => {
    expect(unsealAnswer(sealAnswer(body, credential, context), credential, context)).toBe(body);
    expect(unsealAnswer(sealAnswer('', credential, context), credential, context)).toBe('');
  });

  it('does not show its content, and looks different each time', () => {
    const sealed = sealAnswer(body, credential, context);
    expect(Buffer.from(sealed, 'base64').toString('latin1')).not.toContain('secret');
    expect(sealAnswer(body, credential, context)).not.toBe(sealed);
  });

  it('cannot be read with another credential or in another row', () => {
    const sealed = sealAnswer(body, credential, context);
    expect(unsealAnswer(sealed, 'Bearer stw_admin_other', context)).toBeUndefined();
    expect(unsealAnswer(sealed, credential, '8:key-1')).toBeUndefined();
  });

  it('cannot be changed unnoticed', () => {
    const bytes = Buffer.from(sealAnswer(body, credential, context), 'base64');
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes);
      changed[index]! ^= 1;
      expect(unsealAnswer(changed.toString('base64'), credential, context)).toBeUndefined();
    }
    expect(unsealAnswer('', credential, context)).toBeUndefined();
    expect(unsealAnswer('AAAA', credential, context)).toBeUndefined();
  });
});
