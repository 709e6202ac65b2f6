import 'reflect-metadata';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { dataSourceOptions } from '../../../ormconfig.js';
import { ApiKeys } from '../../auth/api-keys.service.js';
import { AuthModule } from '../../auth/auth.module.js';
import { NAME, NAME_RULE } from '../../auth/limits.js';
import { SetupLinks } from '../../auth/setup-links.service.js';
import { Users } from '../../auth/users.service.js';
import { ConfigModule } from '../../config/config.module.js';
import { Config } from '../../config/config.js';
import { Environment } from '../../config/environment.js';
import { readProcessEnvironment } from '../../config/read-environment.js';
import { DatabaseModule } from '../../database/database.module.js';
import { runningEmbeddedPostgres } from '../../database/embedded/embedded-postgres.js';

/** What an operator may do who has the server's environment: no API key is asked for, all is in the audit log. */
export interface Administration {
  /** Whole, or without the server's address where that is not known. */
  readonly setupLink: () => Promise<{ link: string; isWhole: boolean }>;
  /** Gives the user's id and the new key. */
  readonly createUser: (name: string, kind: 'admin' | 'user') => Promise<{ id: number; key: string }>;
}

/** Runs `act` on the server's database; on the embedded one of a running server if there is one, else on its own. */
export async function withAdministration<T>(act: (administration: Administration) => Promise<T>): Promise<T> {
  const { env, dataDir } = new Config(readProcessEnvironment());
  const url = env.DATABASE_URL ?? (await runningEmbeddedPostgres(dataDir));
  const environment = Object.assign(new Environment(), env, { DATABASE_URL: url });
  const imports = [ConfigModule.forRoot(environment), DatabaseModule.forRoot(dataSourceOptions), AuthModule];
  @Module({ imports })
  class AdministrationModule {}
  const app = await NestFactory.createApplicationContext(AdministrationModule, {
    logger: ['error', 'fatal'],
    abortOnError: false,
  });
  try {
    return await act(administrationOf(app));
  } finally {
    await app.close();
  }
}

function administrationOf(app: INestApplicationContext): Administration {
  const [users, keys, links, config] = [
    app.get(Users),
    app.get(ApiKeys),
    app.get(SetupLinks),
    app.get(Config),
  ];
  return {
    setupLink: async () => {
      const { path } = await links.issue();
      const isWhole = config.env.PUBLIC_URL !== undefined || config.env.PORT !== 0;
      return { link: isWhole ? config.publicUrl() + path : path, isWhole };
    },
    createUser: async (name, kind) => {
      if (!NAME.test(name)) throw new Error(`The name ${NAME_RULE.message}.`);
      const { id } = await users.create({}, name);
      const { key } = await keys.createFor({}, { userId: id, kind, name: 'Made on the command line' });
      return { id, key };
    },
  };
}
