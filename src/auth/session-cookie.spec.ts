import { describe, expect, it } from '@jest/globals';
import { endedSessionCookie, sessionCookie } from './session-cookie.js';

describe('the session cookie', () => {
  it('is out of reach of scripts and other sites, for twelve hours', () => {
    expect(sessionCookie('stw_session_x', 'http://127.0.0.1:8080')).toBe(
      'stowage_session=stw_session_x; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200',
    );
  });

  it('stays within TLS where the server is reached by TLS', () => {
    expect(sessionCookie('x', 'https://files.example.org')).toMatch(/; Secure$/);
  });

  it('is forgotten at the end', () => {
    expect(endedSessionCookie('https://files.example.org')).toBe(
      'stowage_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0; Secure',
    );
  });
});
