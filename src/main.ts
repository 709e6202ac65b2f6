import 'reflect-metadata';
import { AppModule } from './app.module.js';
import { Config } from './config/config.js';
import { readProcessEnvironment } from './config/read-environment.js';
import { createApp } from './http/app.factory.js';
import { createLog } from './telemetry/log.js';

const environment = readProcessEnvironment();
const log = createLog(environment.LOG_LEVEL);
const config = new Config(environment);
const app = await createApp(AppModule.with(environment), config, log);
await app.listen(environment.PORT, environment.HOST);
const url = await app.getUrl();
log.info({ url }, 'listening');
