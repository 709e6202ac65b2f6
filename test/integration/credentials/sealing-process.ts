import { Test, type TestingModule } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../../ormconfig.js';
import { User } from '../../../src/auth/user.entity.js';
import { ConfigModule } from '../../../src/config/config.module.js';
import { readEnvironment } from '../../../src/config/read-environment.js';
import { DataKeys } from '../../../src/credentials/sealing/data-keys.service.js';
import {
  SealedSecrets,
  type Secrets,
  type SecretsOwner,
} from '../../../src/credentials/sealing/sealed-secrets.service.js';
import { SealedTexts } from '../../../src/credentials/sealing/sealed-texts.service.js';
import { Sealing } from '../../../src/credentials/sealing/sealing.service.js';
import { DatabaseModule } from '../../../src/database/database.module.js';
import { TelemetryModule } from '../../../src/telemetry/telemetry.module.js';

/** One server process as far as sealing is concerned. */
export class SealingProcess {
  private constructor(private readonly app: TestingModule) {}

  static async start(variables: Record<string, string>): Promise<SealingProcess> {
    const environment = readEnvironment({ DATABASE_POOL_SIZE: '4', ...variables });
    const module = Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(environment),
        DatabaseModule.forRoot(dataSourceOptions),
        TelemetryModule,
      ],
      providers: [Sealing, DataKeys, SealedSecrets, SealedTexts],
    });
    const app = await module.compile();
    app.useLogger(false);
    await app.init();
    return new SealingProcess(app);
  }

  get sealing(): Sealing {
    return this.app.get(Sealing);
  }

  get secrets(): SealedSecrets {
    return this.app.get(SealedSecrets);
  }

  get texts(): SealedTexts {
    return this.app.get(SealedTexts);
  }

  get database(): DataSource {
    return this.app.get(DataSource);
  }

  async newUser(): Promise<number> {
    return (await this.database.getRepository(User).save({ name: 'somebody' })).id;
  }

  seal(owner: SecretsOwner, secrets: Secrets): Promise<string> {
    return this.database.transaction((manager) => this.secrets.seal(manager, owner, secrets));
  }

  async stop(): Promise<void> {
    await this.app.close();
  }
}
