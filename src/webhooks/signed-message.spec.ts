import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { messageBody, newMessageId, newSecret, signedHeaders } from './signed-message.js';

describe('a signed message', () => {
  it('is the one that the specification prints', () => {
    const headers = signedHeaders(
      { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at: new Date(1_614_265_330_000), body: '{"test": 2432232314}' },
      ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    );
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is taken by receivers that know either of two secrets, and by no other', () => {
    const [newest, previous, stranger] = [newSecret(), newSecret(), newSecret()];
    const at = new Date();
    const body = messageBody('webhook.test', at, { webhook_id: 'w' });
    const headers = signedHeaders({ id: newMessageId(), at, body }, [newest, previous]);
    expect(new Webhook(newest).verify(body, headers)).toEqual(JSON.parse(body));
    expect(new Webhook(previous).verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => new Webhook(stranger).verify(body, headers)).toThrow('No matching signature found');
    expect(() => new Webhook(newest).verify(`${body} `, headers)).toThrow('No matching signature found');
  });

  it('has a secret of 256 bits and an id of its own', () => {
    expect(Buffer.from(newSecret().slice('whsec_'.length), 'base64')).toHaveLength(32);
    expect(newSecret()).not.toBe(newSecret());
    expect(newMessageId()).toMatch(/^msg_[0-9a-f]{32}$/);
  });
});
