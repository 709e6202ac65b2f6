import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { createLog, withRequestId } from './log.js';
import { StructuredLogger } from './structured-logger.service.js';

function capture(level = 'info') {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  return { lines, logger: new StructuredLogger(createLog(level, stream)) };
}

describe('the log', () => {
  it('is one JSON object a line, with level, time and context', () => {
    const { lines, logger } = capture();
    logger.log('started', 'Files');
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        context: 'Files',
        msg: 'started',
      },
    ]);
  });

  it('carries the id of the request that it was written for', () => {
    const { lines, logger } = capture();
    withRequestId('request-1', () => logger.warn('slow', 'Files'));
    logger.warn('slow', 'Files');
    expect(lines.map(({ requestId }) => requestId)).toEqual(['request-1', undefined]);
  });

  it('describes an error and never prints it', () => {
    const { lines, logger } = capture();
    const error = Object.assign(new Error('hunter2'), { token: 'hunter2' });
    logger.error('failed', error, 'Files');
    logger.error(error, error.stack, 'ExceptionsHandler');
    expect(lines[0]).toMatchObject({ msg: 'failed', error: { name: 'Error' } });
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  it('takes fields beside the message', () => {
    const { lines, logger } = capture();
    logger.log({ msg: 'swept', objects: 3 }, 'Leftovers');
    expect(lines[0]).toMatchObject({ msg: 'swept', objects: 3, context: 'Leftovers' });
  });

  it('is quiet below its level, and about the framework’s own start', () => {
    const { lines, logger } = capture();
    logger.debug('detail', 'Files');
    logger.log('X dependencies initialized', 'InstanceLoader');
    expect(lines).toEqual([]);
  });
});
