import { type DynamicModule, Global, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Config } from '../config/config.js';
import { Notifications } from './notifications.service.js';
import { DatabaseServer, openDatabase } from './open-database.js';
import { CONNECTION_TIMEOUT_MS, STATEMENT_TIMEOUT_MS, Statements } from './statements.js';

/** `dataSourceOptions` of ormconfig.ts; handed in because the entities are above this layer. */
export type DataSourceFactory = (url: string, poolSize: number) => DataSourceOptions;

/**
 * Starts or awaits the database, migrates it, and gives all modules TypeORM and `Statements`. Closes both and then
 * stops the embedded PostgreSQL in `onApplicationShutdown`: what still has to be written is written before that hook.
 */
@Global()
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(
    private readonly server: DatabaseServer,
    private readonly dataSource: DataSource,
    private readonly statements: Statements,
  ) {}

  static forRoot(dataSourceOptions: DataSourceFactory): DynamicModule {
    const server = DatabaseServerModule.with(dataSourceOptions);
    return {
      module: DatabaseModule,
      imports: [
        server,
        TypeOrmModule.forRootAsync({
          imports: [server],
          inject: [DatabaseServer, Config],
          useFactory: ({ url }: DatabaseServer, config: Config) => ({
            ...withDeadlines(dataSourceOptions(url, poolSizes(config).entities)),
            poolErrorHandler: warnOfLoss,
            // openDatabase has waited for the database already.
            retryAttempts: 1,
          }),
        }),
      ],
      providers: [
        Notifications,
        {
          provide: Statements,
          inject: [DatabaseServer, Config],
          useFactory: ({ url }: DatabaseServer, config: Config) =>
            new Statements({ url, poolSize: poolSizes(config).statements, onConnectionLoss: warnOfLoss }),
        },
      ],
      exports: [server, Notifications, Statements],
    };
  }

  /** One hook for all three: Nest gives no order among modules. */
  async onApplicationShutdown(): Promise<void> {
    await this.statements.close();
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    await this.server.stop();
  }
}

@Module({})
class DatabaseServerModule {
  static with(dataSourceOptions: DataSourceFactory): DynamicModule {
    return {
      module: DatabaseServerModule,
      providers: [
        {
          provide: DatabaseServer,
          inject: [Config],
          useFactory: (config: Config) =>
            openDatabase({
              url: config.env.DATABASE_URL,
              dataDir: config.dataDir,
              migrations: dataSourceOptions('', 1).migrations,
              log,
            }),
        },
      ],
      exports: [DatabaseServer],
    };
  }
}

const logger = new Logger('Database');

/** A request fails rather than waits for ever for a connection or a lock. */
function withDeadlines(options: DataSourceOptions): DataSourceOptions {
  const extra = {
    ...(options.extra as object),
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
  };
  return { ...options, extra };
}

/** PostgreSQL's everyday messages are for who looks for something. */
function log(message: string): void {
  if (message.startsWith('postgres: LOG:')) logger.debug(message);
  else logger.log(message);
}

function warnOfLoss(error: Error): void {
  logger.warn(`A connection was lost: ${error.message}`);
}

/** Together they are DATABASE_POOL_SIZE, which is at least 2. */
function poolSizes(config: Config): { entities: number; statements: number } {
  const entities = Math.floor(config.env.DATABASE_POOL_SIZE / 2);
  return { entities, statements: config.env.DATABASE_POOL_SIZE - entities };
}
