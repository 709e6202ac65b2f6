import { describe, expect, it } from '@jest/globals';
import { newApiKey } from './api-key-format.js';
import { AuthError } from './auth-errors.js';
import { presentedKey } from './presented-key.js';

const user = newApiKey('user');
const session = newApiKey('session');

describe('the key of a request', () => {
  it.each(['Bearer', 'bearer', 'BEARER'])('is read from Authorization: %s', (scheme) => {
    expect(presentedKey(['Authorization', `${scheme} ${user}`])).toEqual({ key: user, fromCookie: false });
  });

  it('is read whatever the letter case of the header and the blanks behind the scheme', () => {
    expect(presentedKey(['aUTHORIZATION', `Bearer   ${user}`]).key).toBe(user);
  });

  it('is read from the session cookie among others', () => {
    const headers = ['Cookie', `theme=dark; stowage_session=${session}; other=1`];
    expect(presentedKey(headers)).toEqual({ key: session, fromCookie: true });
  });

  it('is the one of Authorization when there is a cookie as well', () => {
    const headers = ['Cookie', `stowage_session=${session}`, 'Authorization', `Bearer ${user}`];
    expect(presentedKey(headers)).toEqual({ key: user, fromCookie: false });
  });

  it.each<[string, string[]]>([
    ['nothing', []],
    ['an empty Authorization', ['Authorization', '']],
    ['only the scheme', ['Authorization', 'Bearer']],
    ['the scheme and a blank', ['Authorization', 'Bearer ']],
    ['no scheme', ['Authorization', user]],
    ['another scheme', ['Authorization', `Basic ${Buffer.from(`${user}:`).toString('base64')}`]],
    ['no blank behind the scheme', ['Authorization', `Bearer${user}`]],
    ['a tab behind the scheme', ['Authorization', `Bearer\t${user}`]],
    ['two keys', ['Authorization', `Bearer ${user} ${user}`]],
    ['two keys with a comma', ['Authorization', `Bearer ${user}, Bearer ${user}`]],
    ['two headers', ['Authorization', `Bearer ${user}`, 'authorization', `Bearer ${user}`]],
    ['quotes', ['Authorization', `Bearer "${user}"`]],
    ['a blank behind the key', ['Authorization', `Bearer ${user} `]],
    ['a line break behind the key', ['Authorization', `Bearer ${user}\n`]],
    ['a NUL behind the key', ['Authorization', `Bearer ${user}\0`]],
    ['a key with a typing error', ['Authorization', `Bearer ${user.slice(0, -1)}!`]],
    ['a cut-off key', ['Authorization', `Bearer ${user.slice(0, -1)}`]],
    ['letters outside of ASCII', ['Authorization', `Bearer ${user.slice(0, -1)}\u00e9`]],
    ['a megabyte', ['Authorization', `Bearer ${'a'.repeat(1_000_000)}`]],
    ['a session key in the header', ['Authorization', `Bearer ${session}`]],
    ['another key in the cookie', ['Cookie', `stowage_session=${user}`]],
    ['two session cookies', ['Cookie', `stowage_session=${session}; stowage_session=${session}`]],
    [
      'two headers with a session cookie',
      ['Cookie', `stowage_session=${session}`, 'Cookie', `stowage_session=x`],
    ],
    ['a cookie whose name only ends so', ['Cookie', `x_stowage_session=${session}`]],
    ['an empty cookie', ['Cookie', 'stowage_session=']],
    [
      'a wrong key in the header and a good cookie',
      ['Cookie', `stowage_session=${session}`, 'Authorization', 'Bearer x'],
    ],
  ])('is not there with %s', (_, rawHeaders) => {
    expect(() => presentedKey(rawHeaders)).toThrow(AuthError);
    expect(() => presentedKey(rawHeaders)).toThrow(expect.objectContaining({ code: 'unauthenticated' }));
  });
});
