import { describe, expect, it } from '@jest/globals';
import { planRunAs } from './run-as.js';

describe('how PostgreSQL is run', () => {
  it('runs directly for an ordinary user, who could not change identities anyway', () => {
    expect(planRunAs({ isRoot: false, userNamespaces: true, deathSignal: true })).toEqual({
      wrapper: [],
      diesWithParent: ['setpriv', '--pdeathsig', 'QUIT'],
    });
  });

  it('puts root into a user namespace, in which files stay root’s', () => {
    const plan = planRunAs({ isRoot: true, userNamespaces: true, deathSignal: true });
    expect(plan.wrapper).toEqual(['unshare', '--user', '--map-user=65534', '--map-group=65534']);
    expect(plan.owner).toEqual({ uid: 0, gid: 0 });
    expect(plan.identity).toBeUndefined();
  });

  it('makes root nobody where user namespaces are forbidden', () => {
    const plan = planRunAs({ isRoot: true, userNamespaces: false, deathSignal: true });
    expect(plan.wrapper).toEqual([]);
    expect(plan.identity).toEqual({ uid: 65534, gid: 65534 });
    expect(plan.owner).toEqual(plan.identity);
  });

  it('does without the death signal where there is no setpriv', () => {
    expect(planRunAs({ isRoot: false, userNamespaces: false, deathSignal: false }).diesWithParent).toEqual(
      [],
    );
  });
});
