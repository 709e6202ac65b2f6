import TestSequencer from '@jest/test-sequencer';

/** What waits for servers and processes begins first: at the end both workers are busy with many short files. */
const PROJECTS = ['full', 'e2e', 'integration', 'contract', 'unit', 'architecture'];

/**
 * Jest sorts by the durations of the last run, or by size where there was none, as on a fresh clone: a short file
 * that starts many servers would then be the last and keep one worker waiting for the other.
 */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const rank = ({ context }) => PROJECTS.indexOf(context.config.displayName.name);
    return super.sort(tests).sort((one, other) => rank(one) - rank(other));
  }
}
