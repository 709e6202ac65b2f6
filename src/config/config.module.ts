import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ConfigModule as NestConfigModule } from '@nestjs/config';
import { Clock, SystemClock } from './clock.js';
import { Config } from './config.js';
import type { Environment } from './environment.js';
import { readEnvironment } from './read-environment.js';
import { StopSignal } from './stop-signal.js';

/** Validates the environment at start and provides `Config`, `Clock` and `StopSignal` to all modules. */
@Global()
@Module({})
export class ConfigModule {
  static forRoot(environment?: Environment): DynamicModule {
    return {
      module: ConfigModule,
      imports: [NestConfigModule.forRoot({ cache: true, ignoreEnvFile: environment !== undefined })],
      providers: [
        { provide: Config, useFactory: () => new Config(environment ?? readEnvironment(process.env)) },
        { provide: Clock, useClass: SystemClock },
        StopSignal,
      ],
      exports: [Config, Clock, StopSignal],
    };
  }
}
