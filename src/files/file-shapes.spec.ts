import { describe, expect, it } from '@jest/globals';
import { CLOUD_FILE_SHAPE, FILE_SHAPE } from './file-shapes.js';

const TEXTS: Readonly<Record<string, string>> = {
  id: '7',
  filename: 'a "b".txt',
  file_size: '10240',
  content_type: 'text/plain',
  checksum: '',
  provider: 'local_disk',
  cloud_url: 'file:///x',
  uploaded_at: '2026-11-22 06:52:06.1',
  last_accessed: '',
  local_file_id: '',
  folder: 'a/ü/',
  tags: '{plain,"two words","back\\\\slash","\\"quoted\\"","{brace}"}',
  protected: 'false',
  version: '3',
  checksum_source: 'client',
  missing_since: '2026-11-22 06:52:06.1+00',
  trashed_at: '',
};

describe('the shapes of a file', () => {
  it('read each column into its member, and no text as null', () => {
    const texts = FILE_SHAPE.columns.map((column) => TEXTS[column]!);
    expect(FILE_SHAPE.fileOf(['before', ...texts], 1)).toEqual({
      ...TEXTS,
      id: 7,
      file_size: 10_240,
      checksum: null,
      uploaded_at: '2026-11-22T06:52:06.100Z',
      last_accessed: null,
      local_file_id: null,
      tags: ['plain', 'two words', 'back\\slash', '"quoted"', '{brace}'],
      protected: false,
      version: 3,
      missing_since: '2026-11-22T06:52:06.100Z',
      trashed_at: null,
    });
  });

  it('give the guide its own names, and ids as texts', () => {
    const texts = CLOUD_FILE_SHAPE.columns.map((column) => TEXTS[column]!);
    expect(CLOUD_FILE_SHAPE.fileOf(texts, 0)).toEqual({
      id: '7',
      filename: 'a "b".txt',
      size: 10_240,
      cloudUrl: 'file:///x',
      provider: 'local_disk',
      checksum: null,
      contentType: 'text/plain',
      uploadedAt: '2026-11-22T06:52:06.100Z',
    });
  });
});
