import { describe, expect, it } from '@jest/globals';
import type { Node } from './node.js';
import { encodeTree } from './tree.js';

const ID = 'ab'.repeat(32);
const TIME = 1_663_230_000_123_400_000n;

function file(name: string | Buffer, more: Partial<Node> = {}): Node {
  return {
    name: Buffer.from(name as string),
    type: 'file',
    mode: 0o644,
    mtimeNs: TIME,
    atimeNs: TIME,
    ctimeNs: TIME,
    uid: 1,
    gid: 2,
    content: [],
    ...more,
  };
}

describe('a tree', () => {
  it('is what restic writes, field by field', () => {
    const nodes = [
      file('a', {
        user: 'u',
        group: 'g',
        inode: 18_446_744_073_709_551_615n,
        deviceId: 9_007_199_254_740_993n,
        sizeBytes: 3,
        links: 1,
        content: [ID],
        extendedAttributes: [{ name: 'user.a', value: Buffer.from([0, 255]) }],
      }),
      file('d', { type: 'dir', mode: 2 ** 31 + 0o755, content: undefined, subtree: ID, error: '<&>' }),
    ];
    const times =
      '"mtime":"2022-09-15T08:20:00.1234Z","atime":"2022-09-15T08:20:00.1234Z","ctime":"2022-09-15T08:20:00.1234Z"';
    expect(encodeTree(nodes).toString()).toBe(
      `{"nodes":[{"name":"a","type":"file","mode":420,${times},"uid":1,"gid":2,"user":"u","group":"g"` +
        `,"inode":18446744073709551615,"device_id":9007199254740993,"size":3,"links":1` +
        `,"extended_attributes":[{"name":"user.a","value":"AP8="}],"content":["${ID}"]}` +
        `,{"name":"d","type":"dir","mode":2147484141,${times},"uid":1,"gid":2,"content":null,"subtree":"${ID}"` +
        `,"error":"\\u003c\\u0026\\u003e"}]}\n`,
    );
  });

  it('is sorted by the bytes of the names, not by UTF-16', () => {
    const names = ['\u{1f600}', '\uffee', 'b', 'B', Buffer.from([0xff])];
    const tree = encodeTree(names.map((name) => file(name))).toString();
    const written = [...tree.matchAll(/"name":"([^"]*)"/g)].map(([, name]) => name);
    expect(written).toEqual(['B', 'b', '\uffee', '\u{1f600}', '\\\\xff']);
  });

  it('refuses two nodes of one name', () => {
    expect(() => encodeTree([file('a'), file('a')])).toThrow('Two nodes of one tree are called a.');
  });

  it('writes a link target that is no UTF-8 twice', () => {
    const target = Buffer.from([0x61, 0xff, 0x3c]);
    const tree = encodeTree([file('l', { type: 'symlink', content: undefined, linkTarget: target })]);
    expect(tree.toString()).toContain(
      '"linktarget":"a\\ufffd\\u003c","linktarget_raw":"Yf88","content":null',
    );
  });
});
