import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kindOfKey } from '../auth/api-key-format.js';
import { parseServerUrl, readEnvironment } from './agent-config.js';
import { beginEnrolment, isEnrolled, loadEnrolment, saveEnrolment } from './enrolment.js';

describe('the settings of an agent', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'stowage-agent-settings-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('come from the command line, then from variables, then from defaults', () => {
    const variables = {
      STOWAGE_AGENT_DATA_DIR: '/of/variables',
      STOWAGE_AGENT_SERVER: 'https://of.variables',
    };
    expect(readEnvironment({ 'data-dir': '/of/flags' }, variables)).toMatchObject({
      dataDir: '/of/flags',
      serverUrl: 'https://of.variables',
    });
    expect(readEnvironment({}, {})).toMatchObject({
      dataDir: '/var/lib/stowage-agent',
      serverUrl: undefined,
    });
    expect(readEnvironment({}, { WATCHDOG_USEC: '30000000', NO_COLOR: '1' })).toMatchObject({
      watchdogMs: 30_000,
      plain: true,
    });
  });

  it('may lie in files, once', () => {
    const file = join(folder, 'key');
    writeFileSync(file, 'stw_key\n');
    expect(readEnvironment({}, { STOWAGE_AGENT_API_KEY_FILE: file }).apiKey).toBe('stw_key');
    const both = { STOWAGE_AGENT_API_KEY_FILE: file, STOWAGE_AGENT_API_KEY: 'stw_other' };
    expect(() => readEnvironment({}, both)).toThrow('both set');
    expect(() => readEnvironment({}, { STOWAGE_AGENT_API_KEY_FILE: `${file}.absent` })).toThrow('ENOENT');
  });

  it.each([
    'http://server.example',
    'ftp://server',
    'server.example',
    'https://u:p@server',
    'https://server/?a=b',
  ])('take no %s for a server', (text) => expect(() => parseServerUrl(text, false)).toThrow());

  it.each([
    'https://server.example',
    'https://server.example/stowage',
    'http://127.0.0.1:3000',
    'http://[::1]:1',
    'http://localhost',
  ])('take %s for a server', (text) => expect(parseServerUrl(text, false).href).toContain(text));

  it('send a key in clear text only where that was asked for', () => {
    expect(parseServerUrl('http://server.example', true).host).toBe('server.example');
  });

  it('begin with a key of the host’s own, the same for the same token until it is enrolled', () => {
    const dataDir = join(folder, 'agent');
    const key = beginEnrolment(dataDir, 'token');
    expect([kindOfKey(key), beginEnrolment(dataDir, 'token')]).toEqual(['agent', key]);
    expect(statSync(join(dataDir, 'enrolling.json')).mode & 0o777).toBe(0o600);
    const next = beginEnrolment(dataDir, 'another token');
    expect(next).not.toBe(key);
    saveEnrolment(dataDir, { server_url: 'https://server', agent_id: 'id', name: 'host', api_key: next });
    expect(readdirSync(dataDir)).toEqual(['agent.json']);
    expect(beginEnrolment(dataDir, 'another token')).not.toBe(next);
    writeFileSync(join(dataDir, 'enrolling.json'), '{"token');
    expect(kindOfKey(beginEnrolment(dataDir, 'another token'))).toBe('agent');
  });

  it('are refused when others on the machine can use them', () => {
    const dataDir = join(folder, 'agent');
    const enrolment = { server_url: 'https://server', agent_id: 'id', name: 'host', api_key: 'stw_key' };
    expect(() => loadEnrolment(dataDir)).toThrow('enrol --server');
    saveEnrolment(dataDir, enrolment);
    expect(isEnrolled(dataDir)).toBe(true);
    expect(loadEnrolment(dataDir)).toEqual(enrolment);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataDir, 'agent.json')).mode & 0o777).toBe(0o600);
    chmodSync(join(dataDir, 'agent.json'), 0o640);
    expect(() => loadEnrolment(dataDir)).toThrow('chmod 600');
    chmodSync(join(dataDir, 'agent.json'), 0o600);
    chmodSync(dataDir, 0o755);
    expect(() => loadEnrolment(dataDir)).toThrow('chmod 700');
    chmodSync(dataDir, 0o700);
    writeFileSync(join(dataDir, 'agent.json'), '{"server_url":');
    expect(() => loadEnrolment(dataDir)).toThrow('damaged');
  });
});
