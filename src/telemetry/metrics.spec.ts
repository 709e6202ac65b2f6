import { describe, expect, it } from '@jest/globals';
import { Metrics } from './metrics.js';

describe('metrics', () => {
  it('are given in Prometheus text format', async () => {
    const metrics = new Metrics();
    metrics.counter('stowage_uploads_total', 'Uploads.', ['outcome']).inc({ outcome: 'stored' }, 2);
    metrics.histogram('stowage_test_seconds', 'Time.', [], [1, 2]).observe(1.5);
    const text = await metrics.text();
    expect(text).toContain('stowage_uploads_total{outcome="stored"} 2');
    expect(text).toContain('stowage_test_seconds_bucket{le="2"} 1');
    expect(text).toContain('process_cpu_seconds_total');
  });

  it('are the same instrument when asked for twice, and apart between instances', async () => {
    const metrics = new Metrics();
    expect(metrics.gauge('stowage_a', 'A.')).toBe(metrics.gauge('stowage_a', 'A.'));
    expect(await new Metrics().text()).not.toContain('stowage_a');
  });

  it('must have our prefix', () => {
    expect(() => new Metrics().counter('uploads_total', 'Uploads.')).toThrow('must begin with stowage_');
  });
});
