import 'reflect-metadata';
import { readFileSync, writeFileSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { Environment } from './config/environment.js';
import { describeApi, printDocument } from './http/openapi/api-document.js';
import { errorsMarkdown } from './http/openapi/error-pages.js';

/*
 * Writes openapi.json and docs/errors.md into the working folder, from the code that was built.
 *   --check   writes nothing and fails when they are not up to date
 *
 * In preview mode Nest reads all modules and makes none of their objects: no database, no port, no key is needed.
 */
const app = await NestFactory.create(AppModule.with(new Environment()), new FastifyAdapter(), {
  preview: true,
  logger: ['error'],
  abortOnError: false,
});
const generated = {
  'openapi.json': printDocument(describeApi(app)),
  'docs/errors.md': errorsMarkdown(),
};

for (const [path, text] of Object.entries(generated)) {
  if (!process.argv.includes('--check')) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    process.stderr.write(`${path} is not up to date: run npm run openapi and commit it.\n`);
    process.exitCode = 1;
  }
}
