import { Test, type TestingModule } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../../ormconfig.js';
import { AuthModule } from '../../../src/auth/auth.module.js';
import { User } from '../../../src/auth/user.entity.js';
import { Clock } from '../../../src/config/clock.js';
import { ConfigModule } from '../../../src/config/config.module.js';
import { readEnvironment } from '../../../src/config/read-environment.js';
import { CloudConfigs, type Actor } from '../../../src/credentials/cloud-configs.service.js';
import { CloudSettings } from '../../../src/credentials/cloud-settings.service.js';
import { CloudStorages } from '../../../src/credentials/cloud-storages.service.js';
import { CredentialsModule } from '../../../src/credentials/credentials.module.js';
import { SupersededCredentials } from '../../../src/credentials/superseded-credentials.service.js';
import { DatabaseModule } from '../../../src/database/database.module.js';
import { SnapshotsModule } from '../../../src/snapshots/snapshots.module.js';
import { Metrics } from '../../../src/telemetry/metrics.js';
import { TelemetryModule } from '../../../src/telemetry/telemetry.module.js';

/** Stands still, at the time of its making, until the test moves it. */
export class TestClock extends Clock {
  ms = Date.now();

  now(): number {
    return this.ms;
  }
}

/** One server process as far as settings are concerned, without HTTP. */
export class SettingsProcess {
  readonly clock = new TestClock();

  private constructor(private readonly app: TestingModule) {
    this.clock = app.get(Clock);
  }

  static async start(variables: Record<string, string>): Promise<SettingsProcess> {
    const environment = readEnvironment({ DATABASE_POOL_SIZE: '6', ...variables });
    const module = Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(environment),
        TelemetryModule,
        DatabaseModule.forRoot(dataSourceOptions),
        AuthModule,
        SnapshotsModule,
        CredentialsModule,
      ],
    });
    const app = await module.overrideProvider(Clock).useValue(new TestClock()).compile();
    app.useLogger(false);
    await app.init();
    return new SettingsProcess(app);
  }

  get settings(): CloudSettings {
    return this.app.get(CloudSettings);
  }

  get storages(): CloudStorages {
    return this.app.get(CloudStorages);
  }

  get configs(): CloudConfigs {
    return this.app.get(CloudConfigs);
  }

  get superseded(): SupersededCredentials {
    return this.app.get(SupersededCredentials);
  }

  metrics(): Promise<string> {
    return this.app.get(Metrics).text();
  }

  get database(): DataSource {
    return this.app.get(DataSource);
  }

  async newActor(scopes: Actor['principal']['scopes'] = ['user']): Promise<Actor> {
    const { id: userId } = await this.database.getRepository(User).save({ name: 'somebody' });
    const apiKeyId = '00000000-0000-4000-8000-000000000000';
    return { principal: { userId, apiKeyId, scopes }, origin: { userId, apiKeyId, address: '192.0.2.1' } };
  }

  async stop(): Promise<void> {
    await this.app.close();
  }
}
