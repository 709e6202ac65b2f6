import { type Browser, chromium } from 'playwright-core';
import { requireProgram } from './bound-process.js';

const QUIET = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--disable-dev-shm-usage',
];

/** Debian's Chromium, without a window. */
export function launchChromium(...args: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: requireProgram('chromium', 'chromium'),
    args: [...QUIET, ...args],
    timeout: 0,
  });
}
