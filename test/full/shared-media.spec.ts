import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { FilesClient } from '../e2e/files-client.js';
import { launchChromium } from '../support/chromium.js';

const SECONDS = 20;
const SAMPLES_PER_SECOND = 8_000;
const SCRIPT = '<!doctype html><title>before</title><script>document.title = "ran"</script>';

/** What somebody sees who opens a share link of a file that a stranger has uploaded. */
describe('share links in a browser', () => {
  let client: FilesClient;
  let browser: Browser;

  beforeAll(async () => {
    client = await FilesClient.start();
    browser = await launchChromium();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await client?.server.stop();
  });

  async function share(name: string, type: string, content: Buffer | string, wanted: object = {}) {
    const { id } = await client.upload(name, content, type);
    return client.json<{ id: number; url: string }>('POST', `/api/v1/files/${id}/shares`, {
      disposition: 'inline',
      ...wanted,
    });
  }

  async function opened(url: string): Promise<Page> {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(url);
    return page;
  }

  it('play sound, which the player fetches once more, and count that once', async () => {
    const { id, url } = await share('tone.wav', 'audio/wav', tone(), { max_downloads: 1 });
    const page = await opened(url);
    await until(page, 'video.readyState === 4');
    await page.evaluate('document.querySelector("video").currentTime = 15');
    await until(page, '!video.seeking && video.readyState === 4');
    expect(await seen(page, '[video.duration, video.currentTime, video.error]')).toEqual([SECONDS, 15, null]);
    expect(await client.json('GET', `/api/v1/shares/${id}`)).toMatchObject({ download_count: 1 });
  });

  it.each(['video/mp4', 'audio/mpeg', 'text/plain', 'application/json', 'image/png'])(
    'run nothing that says it is %s',
    async (type) => {
      const page = await opened((await share('page', type, SCRIPT)).url);
      expect(await page.title()).not.toBe('ran');
      expect(await page.evaluate('document.scripts.length')).toBe(0);
    },
  );

  it.each(['text/html', 'image/svg+xml', 'application/xhtml+xml', 'application/pdf'])(
    'save %s instead of showing it',
    async (type) => {
      const page = await browser.newPage();
      const saved = page.waitForEvent('download', { timeout: 0 });
      // The visit itself ends when the browser begins to save.
      await page.goto((await share('saved.bin', type, SCRIPT)).url).catch(() => undefined);
      expect((await saved).suggestedFilename()).toBe('saved.bin');
    },
  );
});

/** Of the player. Its page runs no script, so it can only be looked at from outside. */
function seen(page: Page, what: string): Promise<unknown> {
  return page.evaluate(`(() => { const video = document.querySelector('video'); return ${what}; })()`);
}

async function until(page: Page, condition: string): Promise<void> {
  while (!(await seen(page, condition))) await sleep(20);
}

/** Uncompressed sound: RIFF WAVE, 8 bits, one channel. */
function tone(): Buffer {
  const bytes = SECONDS * SAMPLES_PER_SECOND;
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + bytes, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(SAMPLES_PER_SECOND, 24);
  head.writeUInt32LE(SAMPLES_PER_SECOND, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36);
  head.writeUInt32LE(bytes, 40);
  return Buffer.concat([head, Buffer.from(Array.from({ length: bytes }, (_, at) => 128 + (at % 64)))]);
}
