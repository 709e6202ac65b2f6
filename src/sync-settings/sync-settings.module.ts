import { Module } from '@nestjs/common';
import { Clock } from '../config/clock.js';
import { Statements } from '../database/statements.js';
import { SyncSettingsStore } from './sync-settings-store.js';
import { SyncSettingsController } from './sync-settings.controller.js';

/** What a user wants to happen to local files, and the limit that uploads go by. */
@Module({
  controllers: [SyncSettingsController],
  providers: [
    {
      provide: SyncSettingsStore,
      inject: [Statements, Clock],
      useFactory: (statements: Statements, clock: Clock) =>
        new SyncSettingsStore(statements, () => clock.now()),
    },
  ],
  exports: [SyncSettingsStore],
})
export class SyncSettingsModule {}
