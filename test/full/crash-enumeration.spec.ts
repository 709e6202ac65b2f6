import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TemporaryFolder } from '../support/archive-maker.js';
import { MaintenanceStory, STEPS, type Step } from '../support/maintenance-story.js';
import { MemoryRepositoryStore, STOP_MODES, type StopMode } from '../support/memory-repository-files.js';
import { isRepositoryError } from '../../src/snapshot-engine/errors/repository-error.js';

/*
 * The life of a repository, stopped at every call to the storage in every way. Whatever has been promised until then is
 * there and whole; and who repeats the step comes to the same end as if nothing had happened.
 */

interface Reference {
  readonly before: MemoryRepositoryStore;
  readonly promised: readonly string[];
  readonly calls: number;
}

describe('a process that stops', () => {
  const folder = new TemporaryFolder();
  const references = new Map<Step, Reference>();
  let points = 0;

  beforeAll(async () => {
    const store = new MemoryRepositoryStore();
    const story = new MaintenanceStory(store, folder.path);
    for (const step of STEPS) {
      const before = store.clone();
      const promised = [...story.promised];
      const files = await story.run(step);
      references.set(step, { before, promised, calls: files.calls.length });
    }
    expect(await story.check()).toMatchObject({ problems: [], snapshots: 1 });
    expect(story.promised.size).toBe(1);
    const [first, second] = story.prunes;
    expect(first!.plan.repack.length * first!.plan.unused.length).toBeGreaterThan(0);
    expect(second!.deleted.length).toBe(first!.doomed.length);
  }, 60_000);

  afterAll(() => folder.remove());

  for (const step of STEPS) {
    for (const mode of STOP_MODES) {
      it(`loses nothing in "${step}", ${mode}`, async () => {
        const { calls } = references.get(step)!;
        for (let call = 1; call <= calls; call += 1) {
          await stopAt(step, mode, call);
          points += 1;
        }
      }, 300_000);
    }
  }

  it('has been stopped often enough', () => {
    expect(points).toBeGreaterThanOrEqual(300);
  });

  async function stopAt(step: Step, mode: StopMode, call: number): Promise<void> {
    const { before, promised } = references.get(step)!;
    const store = before.clone();
    const story = new MaintenanceStory(store, folder.path, promised);
    const stopped = { stopAt: { call, mode } };
    const files = await story.run(step, stopped).catch(() => undefined);
    files?.settleStrays();
    if (mode === 'duplicated') expect(files).toBeDefined();
    const where = `${step}, ${mode}, call ${call}`;
    if (store.config !== undefined) expect([where, errorsOf(await story.check())]).toEqual([where, []]);
    if (mode === 'duplicated') return;
    await story.run(step, {}, { retry: true }).catch((error: unknown) => {
      // Nobody learned that it had been made.
      if (!isRepositoryError(error, 'repository_exists')) throw error;
    });
    expect([where, errorsOf(await story.check())]).toEqual([where, []]);
  }
});

function errorsOf({ problems }: Awaited<ReturnType<MaintenanceStory['check']>>): string[] {
  return problems.filter(({ severity }) => severity === 'error').map(({ message }) => message);
}
