import { describe, expect, it } from '@jest/globals';
import { backblazeB2 } from '../storage-providers/providers/backblaze-b2.js';
import { googleGcs } from '../storage-providers/providers/google-gcs.js';
import { secretHints } from './secret-hints.js';

describe('what is shown of a secret', () => {
  it('is its last four characters', () => {
    const settings = {
      key_id: '0041234567890ab',
      application_key: 'K004abcdefghij',
      bucket_name: 'my-bucket',
    };
    expect(secretHints(backblazeB2, settings)).toEqual({ key_id: '90ab', application_key: 'ghij' });
  });

  it('is nothing when it is so short that four characters would be a good part of it', () => {
    expect(secretHints(backblazeB2, { application_key: 'K004abcdefg' })).toEqual({ application_key: '' });
  });

  it('is the id of the key for a Google key file, never its text', () => {
    const file = JSON.stringify({ private_key_id: '0123456789abcdef', private_key: '-----BEGIN' });
    expect(secretHints(googleGcs, { service_account_json: file })).toEqual({ service_account_json: 'cdef' });
    const odd = JSON.stringify({ private_key_id: 7, private_key: 'x'.repeat(100) });
    expect(secretHints(googleGcs, { service_account_json: odd })).toEqual({ service_account_json: '' });
  });
});
