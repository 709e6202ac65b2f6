import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { type CanActivate, type ExecutionContext, Injectable, Module, type Type } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { dataSourceOptions } from '../../../ormconfig.js';
import {
  ACCESS_METADATA,
  type Access,
  type AuthenticatedRequest,
} from '../../../src/auth/access.decorators.js';
import { unauthenticated } from '../../../src/auth/auth-errors.js';
import { Config } from '../../../src/config/config.js';
import { ConfigModule } from '../../../src/config/config.module.js';
import { Environment } from '../../../src/config/environment.js';
import { DatabaseModule } from '../../../src/database/database.module.js';
import { createApp } from '../../../src/http/app.factory.js';
import type { Drain } from '../../../src/http/drain.js';
import { HttpModule } from '../../../src/http/http.module.js';
import { createLog } from '../../../src/telemetry/log.js';
import { TelemetryModule } from '../../../src/telemetry/telemetry.module.js';

export interface TestApp {
  readonly url: string;
  readonly port: number;
  readonly app: NestFastifyApplication;
  readonly drain: Drain;
  readonly lines: Record<string, unknown>[];
  close(): Promise<void>;
}

/** `Bearer user-7` is user 7; anything else is a wrong key. Stands where AuthModule's guard stands. */
@Injectable()
class NamedUserGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const access = this.reflector.getAllAndOverride<Access>(ACCESS_METADATA, [
      context.getHandler(),
      context.getClass(),
    ]);
    if ('public' in access) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const userId = /^Bearer user-(\d+)(-\w+)?$/.exec(request.headers.authorization ?? '')?.[1];
    if (userId === undefined) throw unauthenticated();
    request.principal = {
      userId: Number(userId),
      apiKeyId: request.headers.authorization!.slice('Bearer '.length),
      scopes: ['user'],
    };
    return true;
  }
}

@Module({ providers: [{ provide: APP_GUARD, useClass: NamedUserGuard }] })
class NamedUserModule {}

/** The real HTTP layer on a real database and socket, around controllers that a test brings. */
export async function startTestApp(
  databaseUrl: string,
  controllers: Type[],
  variables: Partial<Environment> = {},
): Promise<TestApp> {
  const environment = Object.assign(new Environment(), {
    DATABASE_URL: databaseUrl,
    DATABASE_POOL_SIZE: 4,
    ...variables,
  });
  const lines: Record<string, unknown>[] = [];
  const log = createLog('info', linesInto(lines));
  @Module({ controllers })
  class ControllersModule {}
  const module = {
    module: class TestAppModule {},
    imports: [
      ConfigModule.forRoot(environment),
      TelemetryModule,
      DatabaseModule.forRoot(dataSourceOptions),
      NamedUserModule,
      ControllersModule,
      HttpModule,
    ],
  };
  const { app, drain } = await createApp(module, new Config(environment), log);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  const close = async (): Promise<void> => {
    await drain.run(1_000);
    await app.close();
  };
  return { url: `http://127.0.0.1:${port}`, port, app, drain, lines, close };
}

function linesInto(lines: Record<string, unknown>[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().trim().split('\n'))
        lines.push(JSON.parse(line) as Record<string, unknown>);
      done();
    },
  });
}

const PATIENCE_MS = 10_000;

/** Waits for something that happens soon; fails when it does not. */
export async function eventually(happened: () => boolean | Promise<boolean>, everyMs = 20): Promise<void> {
  const startMs = performance.now();
  while (!(await happened())) {
    if (performance.now() - startMs > PATIENCE_MS)
      throw new Error(`It did not happen: ${happened.toString()}`);
    await pause(everyMs);
  }
}

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Sends bytes as they are and collects what comes until the server ends the connection or `isDone` says so. */
export async function sendRaw(
  port: number,
  bytes: string | Buffer,
  isDone = hasWholeAnswer,
): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write(bytes);
    return parseAnswer(await receive(socket, isDone));
  } finally {
    socket.destroy();
  }
}

export function receive(socket: Socket, isDone: (text: string) => boolean = hasWholeAnswer): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (): void => resolve(text);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (isDone(text)) finish();
    });
    socket.once('end', finish).once('close', finish).once('error', reject);
  });
}

export function parseAnswer(text: string): RawAnswer {
  const [head = '', ...body] = text.split('\r\n\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
    head: head.toLowerCase(),
    body: body.join('\r\n\r\n'),
  };
}

export function hasWholeAnswer(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(text.slice(0, Math.max(headEnd, 0)))?.[1];
  return headEnd !== -1 && length !== undefined && text.length >= headEnd + 4 + Number(length);
}
