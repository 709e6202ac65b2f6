import { hasChecksum, newToken } from '../auth/token-text.js';

const PREFIX = 'stw_enrol_';
const PATTERN = /^stw_enrol_[0-9A-Za-z]{36}$/;

/** Longest text that is looked at. */
export const MAX_TOKEN_CHARS = 46;

/** A new random token: `stw_enrol_<30 base62><6 base62 of CRC32>`, made as API keys are. */
export function newEnrolmentToken(): string {
  return newToken(PREFIX);
}

/** Whether it can be one at all: without typing errors, not cut off. */
export function isWholeEnrolmentToken(text: string): boolean {
  return text.length <= MAX_TOKEN_CHARS && PATTERN.test(text) && hasChecksum(text);
}
