import { describe, expect, it } from '@jest/globals';
import { RequestError } from '../errors/request-errors.js';
import { describeError } from './describe-error.js';

describe('what is logged of an error', () => {
  it('leaves out whatever an SDK hangs on it', () => {
    const error = Object.assign(new Error('The signature of hunter2 does not match'), {
      name: 'SignatureDoesNotMatch',
      code: 'SignatureDoesNotMatch',
      httpStatus: 403,
      provider: 'aws_s3',
      operation: 'put',
      StringToSign: 'hunter2',
      config: { headers: { authorization: 'hunter2' } },
      cause: Object.assign(new Error('hunter2'), { token: 'hunter2' }),
    });
    const described = describeError(error);
    expect(described).toMatchObject({
      name: 'SignatureDoesNotMatch',
      httpStatus: 403,
      provider: 'aws_s3',
      operation: 'put',
    });
    expect(described.cause).toMatchObject({ name: 'Error' });
    expect(JSON.stringify(described)).not.toContain('hunter2');
  });

  it('keeps the sentences that we wrote ourselves', () => {
    expect(describeError(new RequestError('not_found', 'There is no such file.'))).toMatchObject({
      name: 'RequestError',
      code: 'not_found',
      message: 'There is no such file.',
    });
  });

  it('keeps where it happened, without the message that begins a stack', () => {
    const { stack } = describeError(new Error('line one\nhunter2\n    not at all'));
    expect(stack).toMatch(/^at /);
    expect(stack).not.toContain('hunter2');
  });

  it('survives causes that go round, and things that are no errors', () => {
    const error = new Error('a');
    error.cause = error;
    expect(JSON.stringify(describeError(error)).match(/"cause"/g)).toHaveLength(3);
    expect(describeError('hunter2')).toEqual({ name: 'string' });
    expect(describeError(null)).toEqual({ name: 'object' });
  });
});
