import { describe, expect, it } from '@jest/globals';
import { UploadPace } from './upload-pace.js';

describe('the pace of uploads', () => {
  it('lets so many bytes pass in a second, over all who ask', async () => {
    const pace = new UploadPace(100_000);
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: 8 }, () => pace.take(10_000)));
    const tookMs = performance.now() - startedMs;
    // 80 kB at 100 kB/s, less what may go at once.
    expect(tookMs).toBeGreaterThan(500);
    expect(tookMs).toBeLessThan(5_000);
  });

  it('is none without a limit', async () => {
    const pace = new UploadPace(null);
    const startedMs = performance.now();
    await pace.take(1e12);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  it('ends with the signal', async () => {
    const pace = new UploadPace(1);
    await expect(pace.take(1_000, AbortSignal.timeout(20))).rejects.toThrow();
  });
});
