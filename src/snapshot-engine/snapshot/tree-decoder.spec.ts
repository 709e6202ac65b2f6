import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RepositoryError } from '../errors/repository-error.js';
import { NODE_TYPES, type Node } from './node.js';
import { decodeTree, encodeTree, inspectTree } from './tree.js';

const ID = 'ab'.repeat(32);
const TIMES = '"mtime":"2022-09-15T08:20:00Z"';
const file = (name: string, more = '') => `{"name":"${name}","type":"file",${TIMES},"content":[]${more}}`;
const treeOf = (...nodes: string[]) => Buffer.from(`{"nodes":[${nodes.join(',')}]}\n`);
const decode = (tree: Buffer) => decodeTree(tree, 'Tree t');

function problemsOf(tree: Buffer): string[] {
  const problems: RepositoryError[] = [];
  inspectTree(tree, 'Tree t', (problem) => problems.push(problem));
  if (problems.length > 0) expect(() => decode(tree)).toThrow(problems[0]!);
  else expect(decode(tree)).toBeDefined();
  return problems.map(({ code, message }) => `${code}: ${message}`);
}

describe('a tree that is read', () => {
  it('keeps 64 bits of inodes, devices and times', () => {
    const [node] = decode(
      treeOf(
        file('a', ',"inode":18446744073709551615,"device_id":9007199254740993,"device":10000000000000000000'),
      ),
    );
    expect(node).toMatchObject({
      inode: 18_446_744_073_709_551_615n,
      deviceId: 9_007_199_254_740_993n,
      device: 10_000_000_000_000_000_000n,
      mtimeNs: 1_663_230_000_000_000_000n,
    });
  });

  it('takes what older and other writers leave out, say differently or add', () => {
    const spaced = Buffer.from(
      `\n{ "other" : [1, {"a": [-1.5e3, "\\"", true, null]}], "nodes" : [ { "content" : [ ] , "type" : "file" , "x" : {} ,` +
        ` "name" : "a", "mode": null, "extended_attributes": [{"name":"user.a","value":null,"x":1}], "links": 0 } ] } \n`,
    );
    const [node] = decode(spaced);
    expect(node).toMatchObject({
      name: Buffer.from('a'),
      mode: 0,
      mtimeNs: 0n,
      ctimeNs: 0n,
      uid: 0,
      user: undefined,
      sizeBytes: 0,
      content: [],
      extendedAttributes: [{ name: 'user.a', value: Buffer.alloc(0) }],
    });
    expect(decode(Buffer.from('{"nodes":null}'))).toEqual([]);
    expect(decode(treeOf())).toEqual([]);
  });

  it('takes the time of a change for the time of access when that is missing', () => {
    const [node] = decode(treeOf(file('a')));
    expect([node!.atimeNs, node!.ctimeNs]).toEqual([node!.mtimeNs, node!.mtimeNs]);
  });

  it('reads keys and strings that JSON escapes', () => {
    const [node] = decode(
      Buffer.from(
        `{"nodes":[{"name":"\\u0061\\\\xff\\\\u00a0","type":"symlink","linktarget":"\\ud83d\\ude00\\/"}]}`,
      ),
    );
    expect(node!.name).toEqual(Buffer.from([0x61, 0xff, 0xc2, 0xa0]));
    expect(node!.linkTarget?.toString()).toBe('\u{1f600}/');
  });

  it('prefers the raw target of a link, and keeps the attributes of Windows as they are', () => {
    const tree = treeOf(
      `{"name":"l","type":"symlink","linktarget":"\\ufffd","linktarget_raw":"/w==","generic_attributes":{"windows.x": {"a":[1]}}}`,
    );
    expect(decode(tree)[0]).toMatchObject({
      linkTarget: Buffer.from([0xff]),
      genericAttributes: '{"windows.x": {"a":[1]}}',
    });
  });

  it.each([
    ['', 'without a name'],
    ['.', 'that is called "."'],
    ['..', 'that is called ".."'],
    ['a/b', 'whose name is a path or holds a NUL'],
    ['/etc/passwd', 'whose name is a path or holds a NUL'],
    ['a\\\\x2fb', 'whose name is a path or holds a NUL'],
    ['a\\\\x00', 'whose name is a path or holds a NUL'],
    ['\\\\x2e\\\\056', 'that is called ".."'],
  ])('is unsafe with the name %j', (name, what) => {
    expect(problemsOf(treeOf(file(name)))).toEqual([
      `unsafe_repository: Tree t has an entry ${what}; it will not be used.`,
    ]);
  });

  it('is unsafe with a NUL in a link target or in the name of an attribute', () => {
    const link = `{"name":"l","type":"symlink","linktarget":"a\\u0000b"}`;
    const attribute = file('x', `,"extended_attributes":[{"name":"user.\\u0000","value":""}]`);
    expect(problemsOf(treeOf(link, attribute)).map((problem) => problem.split(':')[0])).toEqual([
      'unsafe_repository',
      'unsafe_repository',
    ]);
  });

  it.each<[string, string, string[]]>([
    ['names out of order', 'its entries are not in order', [file('b'), file('a')]],
    ['a name twice', 'it has two entries of one name', [file('a'), file('a')]],
    ['a type that nobody knows', 'it has an entry with an unknown type', [`{"name":"a","type":"door"}`]],
    ['a file without content', 'it has an entry of a file without a list of its content', [`{"name":"a","type":"file"}`]],
    ['a directory without a tree', 'it has an entry of a directory without a tree', [`{"name":"a","type":"dir"}`]],
    ['a null id', 'it has an entry of a file with a content of no id', [`{"name":"a","type":"file","content":["${'0'.repeat(64)}"]}`]],
    ['an id that is none', 'it has an entry with a reference that is no id', [`{"name":"a","type":"dir","subtree":"${'A'.repeat(64)}"}`]],
    ['a time that is none', 'it has an entry with a time that is none', [`{"name":"a","type":"fifo","mtime":"yesterday"}`]],
    ['a name with broken quoting', 'it has an entry with a name with broken quoting', [`{"name":"a\\\\q","type":"fifo"}`]],
    ['broken base64', 'it has an entry with a value in broken base64', [`{"name":"a","type":"symlink","linktarget_raw":"?"}`]],
  ])('is damaged with %s, and read all the same by an inspection', (_, what, nodes) => {
    expect(problemsOf(treeOf(...nodes))).toEqual([`damaged_repository: Tree t is damaged: ${what}.`]);
    expect(inspectTree(treeOf(...nodes), 'Tree t', () => undefined)).toHaveLength(nodes.length);
  }); // prettier-ignore

  it.each([
    ['nothing', ''],
    ['no object', '[]'],
    ['null', 'null'],
    ['no list of nodes', '{}'],
    ['a node that is no object', '{"nodes":[1]}'],
    ['two lists', '{"nodes":[],"nodes":[]}'],
    ['no end', '{"nodes":['],
    ['no end of a string', '{"nodes":[{"name":"a'],
    ['no end of an escape', '{"nodes":[{"name":"a\\'],
    ['a broken escape', '{"nodes":[{"name":"\\x"}]}'],
    ['a bare control character', '{"nodes":[{"name":"a\n"}]}'],
    ['something after the end', '{"nodes":[]}]'],
    ['a comma too many', '{"nodes":[],}'],
    ['a comma too few', '{"nodes":[{"uid":1 "gid":2}]}'],
    ['a negative mode', '{"nodes":[{"mode":-2147483155}]}'],
    ['a mode of 33 bits', '{"nodes":[{"mode":4294967296}]}'],
    ['a fraction', '{"nodes":[{"inode":1.8e19}]}'],
    ['65 bits', '{"nodes":[{"inode":18446744073709551616}]}'],
    ['a million digits', `{"nodes":[{"inode":${'9'.repeat(1_000_000)}}]}`],
    ['a size beyond exact numbers', '{"nodes":[{"size":9007199254740992}]}'],
    ['a leading zero', '{"nodes":[{"uid":01}]}'],
    ['text for a number', '{"nodes":[{"uid":"1"}]}'],
    ['values nested without end', `{"x":${'['.repeat(1_000_000)}`],
    ['values nested too deep', `{"x":${'['.repeat(2_000)}${']'.repeat(2_000)},"nodes":[]}`],
    ['an unknown word', '{"x":nul,"nodes":[]}'],
  ])('is damaged when it has %s', (_, json) => {
    const [problem] = problemsOf(Buffer.from(json));
    expect(problem).toMatch(/^damaged_repository: Tree t is damaged: /);
  });

  it('yields what comes before the place where it is torn', () => {
    const torn = treeOf(file('a'), file('b')).subarray(0, -20);
    expect(inspectTree(torn, 'Tree t', () => undefined).map(({ name }) => name.toString())).toEqual(['a']);
  });
});

const nodes = fc.record<Node>({
  name: fc
    .uint8Array({ minLength: 1, maxLength: 12 })
    .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x80 : byte))))
    .filter((name) => !['.', '..'].includes(name.toString())),
  type: fc.constantFrom(...NODE_TYPES),
  mode: fc.nat({ max: 2 ** 32 - 1 }),
  mtimeNs: time(),
  atimeNs: time(),
  ctimeNs: time(),
  uid: fc.nat({ max: 2 ** 32 - 1 }),
  gid: fc.nat({ max: 2 ** 32 - 1 }),
  user: fc.option(text(), { nil: undefined }),
  group: fc.option(text(), { nil: undefined }),
  inode: fc.option(fc.bigInt(1n, 2n ** 64n - 1n), { nil: undefined }),
  deviceId: fc.option(fc.bigInt(1n, 2n ** 64n - 1n), { nil: undefined }),
  sizeBytes: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  links: fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: undefined }),
  linkTarget: fc.option(
    fc
      .uint8Array({ minLength: 1, maxLength: 12 })
      .map((bytes) => Buffer.from(bytes.map((byte) => byte || 1))),
    { nil: undefined },
  ),
  extendedAttributes: fc.option(
    fc.array(fc.record({ name: text(), value: fc.uint8Array().map((bytes) => Buffer.from(bytes)) }), {
      minLength: 1,
    }),
    { nil: undefined },
  ),
  genericAttributes: fc.option(
    fc.jsonValue().map((json) => JSON.stringify({ json })),
    { nil: undefined },
  ),
  device: fc.option(fc.bigInt(1n, 2n ** 64n - 1n), { nil: undefined }),
  content: fc.array(fc.constant(ID), { maxLength: 3 }),
  subtree: fc.constant(ID),
  error: fc.option(text(), { nil: undefined }),
});

function time() {
  return fc.bigInt(-62_167_219_200_000_000_000n, 253_402_300_799_999_999_999n);
}

function text() {
  return fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => !value.includes('\0'));
}

describe('trees of any nodes', () => {
  const trees = fc.uniqueArray(nodes, { selector: ({ name }) => name.toString('latin1'), maxLength: 12 });

  it('are read as they were written, and written as they were read', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        const bytes = encodeTree(tree);
        const sorted = tree.toSorted((a, b) => Buffer.compare(a.name, b.name));
        expect(decode(bytes)).toEqual(sorted);
        expect(encodeTree(decode(bytes))).toEqual(bytes);
        expect(JSON.parse(bytes.toString())).toBeDefined();
      }),
      { numRuns: 50 },
    );
  });

  it('that were altered are read, or refused as a repository’s damage; nothing else happens', () => {
    const edit = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }), cut: fc.nat({ max: 3 }) });
    fc.assert(
      fc.property(trees, fc.array(edit, { minLength: 1, maxLength: 4 }), (tree, edits) => {
        const bytes = edits.reduce((altered, { at, byte, cut }) => {
          const place = at % altered.length;
          return Buffer.concat([altered.subarray(0, place), Buffer.of(byte), altered.subarray(place + cut)]);
        }, encodeTree(tree));
        const problems: RepositoryError[] = [];
        inspectTree(bytes, 'Tree t', (problem) => problems.push(problem));
        if (problems.length > 0) expect(() => decode(bytes)).toThrow(RepositoryError);
      }),
      { numRuns: 300 },
    );
  });

  it('is no JSON for us where it is none for others', () => {
    const near = fc.array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '\\',
        'a',
        '1',
        '0',
        '-',
        '.',
        'e',
        'null',
        'true',
        ' ',
      ),
      {
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(near, (parts) => {
        const value = parts.join('');
        const text = `{"x":${value},"nodes":[]}`;
        const ours = (): unknown => decode(Buffer.from(text));
        try {
          JSON.parse(text);
        } catch {
          expect(ours).toThrow(RepositoryError);
          return;
        }
        if (!value.includes('"nodes"')) expect(ours()).toEqual([]);
      }),
      { numRuns: 600 },
    );
  });
});
