import { describe, expect, it } from '@jest/globals';
import { childText, childrenOf, escapeXml, parseXml } from './xml.js';

describe('parseXml', () => {
  it('reads an answer with a declaration, a namespace, attributes and entities', () => {
    const root = parseXml(`<?xml version='1.0' encoding='UTF-8'?>
      <!-- made by a test -->
      <s3:Result xmlns:s3="http://example.org/">
        <ETag>&quot;ab&#99;&#x64;&quot;</ETag><Empty/><Upload a="1"><Key>a &amp; b</Key></Upload><Upload ><Key>c</Key></Upload>
      </s3:Result>\n`);
    expect(root?.name).toBe('Result');
    expect(childText(root, 'ETag')).toBe('"abcd"');
    expect(childText(root, 'Empty')).toBe('');
    expect(childText(root, 'Absent')).toBeUndefined();
    expect(childrenOf(root!, 'Upload').map((upload) => childText(upload, 'Key'))).toEqual(['a & b', 'c']);
  });

  it.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['HTML', '<!DOCTYPE html><html><body>portal</body></html>'],
    ['HTML without a document type', '<html><body><br>portal</body></html>'],
    ['a cut document', '<Result><Key>a</Key>'],
    ['a cut tag', '<Result><Key>a</Key></Resu'],
    ['crossed elements', '<a><b></a></b>'],
    ['two roots', '<a/><b/>'],
    ['text after the root', '<a/>b'],
    ['an entity definition', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'],
    ['too deep a document', '<a>'.repeat(20) + '</a>'.repeat(20)],
    ['too many elements', `<a>${'<b/>'.repeat(200_001)}</a>`],
  ])('refuses %s', (_name, text) => {
    expect(parseXml(text)).toBeUndefined();
  });

  it('stays fast on hostile text', () => {
    const started = performance.now();
    parseXml('<a '.repeat(200_000));
    parseXml('<!--'.repeat(200_000));
    parseXml(`<a>${'&'.repeat(500_000)}</a>`);
    parseXml(`<a ${'/ '.repeat(500_000)}`);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('reads back what escapeXml wrote', () => {
    const value = `<"a" & 'b'>`;
    expect(parseXml(`<x>${escapeXml(value)}</x>`)?.text).toBe(value);
  });
});
