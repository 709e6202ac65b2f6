import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../../ormconfig.js';
import { MISSED, Notifications } from '../../../src/database/notifications.service.js';
import type { DatabaseServer } from '../../../src/database/open-database.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

describe('notifications', () => {
  let database: TestDatabase;
  let source: DataSource;
  let replicas: Notifications[];

  beforeAll(async () => {
    database = await createTestDatabase({ migrated: false });
    source = await new DataSource({ ...dataSourceOptions(database.url, 3), migrations: [] }).initialize();
    const server = { url: database.url } as DatabaseServer;
    replicas = [new Notifications(server), new Notifications(server)];
  });
  afterAll(async () => {
    for (const replica of replicas ?? []) await replica.beforeApplicationShutdown();
    await source?.destroy();
    await database?.drop();
  });

  const heardBy = async (replica: Notifications, channel: string) => {
    const heard: string[] = [];
    const stop = await replica.listen(channel, (payload) => heard.push(payload));
    return { heard, stop };
  };
  const until = async (condition: () => boolean): Promise<void> => {
    for (let tries = 0; !condition() && tries < 500; tries++) await setTimeout(10);
    expect(condition()).toBe(true);
  };

  it('reach all replicas, each on the channel that it listens on', async () => {
    const listeners = await Promise.all(replicas.map((replica) => heardBy(replica, 'changes')));
    const other = await heardBy(replicas[0]!, 'other_changes');
    await replicas[1]!.notify(source.manager, 'changes', 'a');
    await until(() => listeners.every(({ heard }) => heard.includes('a')));
    expect(other.heard).toEqual([]);
  });

  it('are heard when their transaction is committed, and not when it is rolled back', async () => {
    const { heard } = await heardBy(replicas[0]!, 'committed');
    await source
      .transaction(async (manager) => {
        await replicas[1]!.notify(manager, 'committed', 'never');
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    await source.transaction(async (manager) => {
      await replicas[1]!.notify(manager, 'committed', 'now');
      await setTimeout(50);
      expect(heard).toEqual([]);
    });
    await until(() => heard.length > 0);
    expect(heard).toEqual(['now']);
  });

  it('are not told to who has stopped listening', async () => {
    const [stopped, going] = [
      await heardBy(replicas[0]!, 'stopping'),
      await heardBy(replicas[0]!, 'stopping'),
    ];
    stopped.stop();
    await replicas[0]!.notify(source.manager, 'stopping', 'x');
    await until(() => going.heard.length > 0);
    expect(stopped.heard).toEqual([]);
  });

  it('go on after a lost connection, and tell that some were missed', async () => {
    const { heard } = await heardBy(replicas[0]!, 'lossy');
    await source.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stowage notifications' AND datname = current_database()",
    );
    await until(() => heard.includes(MISSED));
    await replicas[0]!.notify(source.manager, 'lossy', 'again');
    await until(() => heard.includes('again'));
  });
});
