const STAR = 0x2a;
const QUESTION = 0x3f;

/**
 * A test for names: `*` stands for any bytes, `?` for one character, all else for itself. Takes at most the product of
 * both lengths in steps, whatever the pattern.
 */
export function namePattern(pattern: string): (name: Uint8Array) => boolean {
  const wanted = Buffer.from(pattern);
  return (name) => matches(wanted, name);
}

function matches(pattern: Uint8Array, name: Uint8Array): boolean {
  let [at, from] = [0, 0];
  /** Behind the last star, and where it was tried last. */
  let [afterStar, tried] = [-1, 0];
  while (from < name.length) {
    if (pattern[at] === STAR) {
      afterStar = ++at;
      tried = from;
    } else if (at < pattern.length && (pattern[at] === QUESTION || pattern[at] === name[from])) {
      from += pattern[at] === QUESTION ? characterLength(name, from) : 1;
      at += 1;
    } else if (afterStar !== -1) {
      at = afterStar;
      from = ++tried;
    } else return false;
  }
  while (pattern[at] === STAR) at += 1;
  return at === pattern.length;
}

/** Bytes of the character at `at`: those that follow a first one all begin with the bits 10. */
function characterLength(name: Uint8Array, at: number): number {
  let length = 1;
  if (name[at]! >= 0xc0) while ((name[at + length]! & 0xc0) === 0x80) length += 1;
  return length;
}
