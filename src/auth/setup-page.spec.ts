import { describe, expect, it } from '@jest/globals';
import { setupPage } from './setup-page.js';

describe('the setup page', () => {
  const { status, headers, html } = setupPage({ isUsable: true });

  it('runs only what carries the nonce of its policy', () => {
    const nonce = /script-src 'nonce-([^']+)'/.exec(headers['content-security-policy']!)?.[1];
    expect(nonce).toMatch(/^[\w+/=]{24}$/);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none';/);
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(html.match(/<(?:script|style)[^>]*>/g)).toEqual([
      `<style nonce="${nonce}">`,
      `<script nonce="${nonce}">`,
    ]);
  });

  it('has another nonce each time', () => {
    expect(setupPage({ isUsable: true }).headers).not.toEqual(headers);
  });

  it('loads nothing, is not kept and tells nobody its address', () => {
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(html).not.toMatch(/ on[a-z]+="/);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
    expect(status).toBe(200);
  });

  it('says what to do when the link is spent, and has no form then', () => {
    const gone = setupPage({ isUsable: false });
    expect(gone.status).toBe(410);
    expect(gone.html).toContain('npm run admin -- setup-link');
    expect(gone.html).not.toMatch(/<(?:form|script)/);
  });
});
