import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../../test/support/seeded-random.js';
import type { Node } from './node.js';
import { TreeText } from './tree-text.js';
import { compareNames, encodeNode, encodeTree } from './tree.js';

const ID = 'ab'.repeat(32);

/** As treacherous as a node can be for somebody who looks for the next one. */
function node(name: Buffer, version = 0): Node {
  return {
    name,
    type: 'file',
    mode: 0o644,
    mtimeNs: BigInt(version),
    atimeNs: BigInt(version),
    ctimeNs: 0n,
    uid: 1,
    gid: 2,
    user: '{"name":"user","type":"file"',
    extendedAttributes: [
      { name: '{"name":"', value: Buffer.from('x') },
      { name: 'type', value: Buffer.from('},{"name":') },
    ],
    content: version % 3 === 0 ? [] : Array.from({ length: version % 50 }, () => ID),
  };
}

function randomNames(random: SeededRandom, count: number): Buffer[] {
  const bytes = ['"', '\\', '{', '}', ',', ':', 'a', 'b', '\n', 'é', '<', '\u2028'].map((text) =>
    Buffer.from(text),
  );
  const name = () => Buffer.concat(Array.from({ length: 1 + random.below(5) }, () => random.pick(bytes)));
  const raw = () => Buffer.of(1 + random.below(255), 1 + random.below(255));
  const all = Array.from({ length: count }, () => (random.below(3) === 0 ? raw() : name()));
  return Array.from(new Set(all.map((each) => each.toString('latin1'))), (each) =>
    Buffer.from(each, 'latin1'),
  );
}

describe('The text of a tree', () => {
  it.each([0, 1, 2, 3, 50, 500])('of %i names is changed as if it were encoded anew', (count) => {
    const random = new SeededRandom(count);
    for (let round = 0; round < 40; round += 1) {
      const before = new Map(
        randomNames(random, count).map((name, i) => [name.toString('latin1'), node(name, i)]),
      );
      const text = new TreeText(encodeTree(Array.from(before.values())));
      const known = Array.from(before.keys()).filter(() => random.below(10) === 0);
      const touched = new Set([...known, ...randomNames(random, 6).map((name) => name.toString('latin1'))]);
      const after = new Map(before);
      const changes = Array.from(touched, (key) => {
        const name = Buffer.from(key, 'latin1');
        const place = text.find(name);
        expect(text.nodeAt(place)?.mtimeNs).toBe(before.get(key)?.mtimeNs);
        const changed = random.below(3) === 0 ? undefined : node(name, 1_000 + random.below(1_000));
        if (changed === undefined) after.delete(key);
        else after.set(key, changed);
        return { name, place, node: changed && encodeNode(changed) };
      }).sort((a, b) => compareNames(a.name, b.name));
      expect(text.with(changes).toString()).toBe(encodeTree(Array.from(after.values())).toString());
    }
  });
});
