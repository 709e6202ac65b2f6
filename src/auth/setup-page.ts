import { randomBytes } from 'node:crypto';

export interface SetupPage {
  readonly status: 200 | 410;
  readonly headers: Readonly<Record<string, string>>;
  readonly html: string;
}

/**
 * The page behind a setup link. It holds all that it shows and does, and runs nothing that is not in it: style and
 * script carry a nonce, everything else is forbidden. The token stays in the address, and addresses
 * are relative: a proxy may put the server below a path.
 */
export function setupPage({ isUsable }: { isUsable: boolean }): SetupPage {
  const nonce = randomBytes(16).toString('base64');
  const body = isUsable ? FORM + `<script nonce="${nonce}">${SCRIPT}</script>` : GONE;
  return {
    status: isUsable ? 200 : 410,
    headers: headersWith(nonce),
    html:
      '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
      '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">' +
      `<title>Set up Stowage</title><style nonce="${nonce}">${STYLE}</style></head><body><main>${body}</main></body></html>`,
  };
}

function headersWith(nonce: string): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  };
}

const FORM = `
<h1>Set up Stowage</h1>
<form id="setup">
  <p>You become the administrator of this server.</p>
  <label for="name">Your name</label>
  <input id="name" name="name" required maxlength="200" autocomplete="name" autofocus>
  <button>Create administrator</button>
  <p id="problem" role="alert" hidden></p>
</form>
<section id="done" hidden>
  <h2>This is your API key</h2>
  <p>It is shown this once. Keep it like a password.</p>
  <output id="key"></output>
  <button type="button" id="copy">Copy</button>
  <p>You are signed in on this browser for twelve hours. <a href="../api/docs">Go on to the API</a></p>
</section>
<noscript><p>This page needs JavaScript. Without it: POST /api/v1/setup with the JSON members token and name.</p></noscript>`;

const GONE = `
<h1>This link is no longer valid</h1>
<p>Setup links are good once, for 30 minutes. For a new one restart the server while it has no user, or run
<code>npm run admin -- setup-link</code> on its machine.</p>`;

const SCRIPT = `
const element = (id) => document.getElementById(id);
element('setup').addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = event.target.querySelector('button');
  button.disabled = true;
  element('problem').hidden = true;
  try {
    const token = location.pathname.split('/').pop();
    const response = await fetch('../api/v1/setup', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token, name: element('name').value }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.detail);
    element('key').textContent = answer.api_key;
    element('setup').hidden = true;
    element('done').hidden = false;
  } catch (error) {
    element('problem').textContent = error.message;
    element('problem').hidden = false;
    button.disabled = false;
  }
});
element('copy').addEventListener('click', async () => {
  const range = document.createRange();
  range.selectNodeContents(element('key'));
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  try {
    await navigator.clipboard.writeText(element('key').textContent);
    element('copy').textContent = 'Copied';
  } catch {
    element('copy').textContent = 'Selected: press Ctrl-C';
  }
});`;

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 12vh auto; padding: 0 1.5rem; }
label, input, output { display: block; width: 100%; box-sizing: border-box; }
input, output { font: inherit; padding: .6rem; margin: .3rem 0 1rem; border: 1px solid #8888; border-radius: .4rem; }
output { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
button { font: inherit; padding: .6rem 1.2rem; border: 0; border-radius: .4rem; background: #1f5fd0; color: #fff; cursor: pointer; }
button:disabled { opacity: .6; cursor: default; }
[role=alert] { color: #d03030; }`;
