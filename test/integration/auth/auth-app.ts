import { Controller, Get, Global, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { dataSourceOptions } from '../../../ormconfig.js';
import { newApiKey } from '../../../src/auth/api-key-format.js';
import { AuthModule } from '../../../src/auth/auth.module.js';
import { Clock } from '../../../src/config/clock.js';
import { Config } from '../../../src/config/config.js';
import { Environment } from '../../../src/config/environment.js';
import { DatabaseModule } from '../../../src/database/database.module.js';
import { Statements } from '../../../src/database/statements.js';
import { createApp } from '../../../src/http/app.factory.js';
import { HttpModule } from '../../../src/http/http.module.js';
import { createLog } from '../../../src/telemetry/log.js';
import { TelemetryModule } from '../../../src/telemetry/telemetry.module.js';

type Answer = Awaited<ReturnType<NestFastifyApplication['inject']>>;

/** Time that passes when a test says so. */
export class TestClock extends Clock {
  nowMs = Date.now();

  now(): number {
    return this.nowMs;
  }
}

/** A route that somebody forgot to declare. */
@Controller()
class ForgetfulController {
  @Get('/undeclared')
  answer(): string {
    return 'should never be seen';
  }
}

@Module({ controllers: [ForgetfulController] })
class ForgetfulModule {}

/** The real guard, controllers, HTTP layer and database; only the clock is a test's. */
export class AuthApp {
  /** Names of the prepared statements that were run. */
  readonly statements: string[] = [];

  private constructor(
    readonly app: NestFastifyApplication,
    readonly clock: TestClock,
    readonly adminKey: string,
  ) {}

  static async start(
    databaseUrl: string,
    { adminKey = newApiKey('admin'), clock = new TestClock(), ...variables }: AuthAppOptions = {},
  ): Promise<AuthApp> {
    const environment = Object.assign(
      new Environment(),
      { DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: 8, STOWAGE_ADMIN_KEY: adminKey || undefined },
      { RATE_LIMIT_PER_ADDRESS: 1_000_000, ...variables },
    );
    const config = new Config(environment);
    const provided = [
      { provide: Config, useValue: config },
      { provide: Clock, useValue: clock },
    ];
    @Global()
    @Module({ providers: provided, exports: [Config, Clock] })
    class TestConfigModule {}
    const database = DatabaseModule.forRoot(dataSourceOptions);
    const imports = [TestConfigModule, TelemetryModule, database, AuthModule, ForgetfulModule, HttpModule];
    const { app } = await createApp({ module: class AuthAppModule {}, imports }, config, createLog('silent'));
    await app.init();
    const self = new AuthApp(app, clock, adminKey);
    self.watchStatements();
    return self;
  }

  async close(): Promise<void> {
    await this.app.close();
  }

  /** Through the whole HTTP stack, without a socket. */
  send(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    { key, ...options }: SendOptions = {},
  ): Promise<Answer> {
    const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
    return this.app.inject({ method, url, ...options, headers: { ...authorization, ...options.headers } });
  }

  /** @returns the parsed body of an answer that must have this status */
  async ok<T>(status: number, answer: Promise<Answer>): Promise<T> {
    const { statusCode, body } = await answer;
    if (statusCode !== status) throw new Error(`Expected ${status}, got ${statusCode}: ${body}`);
    return (body === '' ? undefined : JSON.parse(body)) as T;
  }

  /** A new user with a key of this kind. */
  async newUser(kind: 'admin' | 'user' | 'agent' = 'user', name = 'Somebody'): Promise<NewUser> {
    const user = await this.ok<{ id: number }>(
      201,
      this.send('POST', '/api/v1/users', { key: this.adminKey, payload: { name } }),
    );
    const payload = { name: 'Key', kind, user_id: user.id };
    const created = await this.ok<{ id: string; key: string }>(
      201,
      this.send('POST', '/api/v1/api-keys', { key: this.adminKey, payload }),
    );
    return { userId: user.id, keyId: created.id, key: created.key };
  }

  private watchStatements(): void {
    const statements = this.app.get(Statements, { strict: false });
    const query = statements.query.bind(statements);
    statements.query = (statement, values) => {
      this.statements.push(statement.name);
      return query(statement, values);
    };
  }
}

export interface NewUser {
  readonly userId: number;
  readonly keyId: string;
  readonly key: string;
}

interface AuthAppOptions extends Partial<Omit<Environment, 'STOWAGE_ADMIN_KEY'>> {
  /** Empty: none. */
  readonly adminKey?: string;
  readonly clock?: TestClock;
}

interface SendOptions {
  readonly key?: string;
  readonly payload?: object;
  readonly headers?: Readonly<Record<string, string>>;
}
