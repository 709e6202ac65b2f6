import { join } from 'node:path';

// Servers that specs start load some 3,000 modules: compiled once for the whole run, and kept for the next one.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/stowage-compiled');

// One recipe for every project: native ESM, TypeScript through swc (type errors are tsc's business).
const recipe = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};

const project = (displayName, ...testMatch) => ({ ...recipe, displayName, testMatch });

/** Projects that work on the one PostgreSQL which is started for the whole run. */
const withPostgres = (settings) => ({
  ...settings,
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
});

export default {
  testTimeout: 60_000,
  // One more than the two cores that this was made on: specs that start servers also wait.
  maxWorkers: 3,
  testSequencer: '<rootDir>/test/support/longest-first.mjs',
  // Every spec file leaves its modules behind; past this, collecting them takes longer than a new worker.
  workerIdleMemoryLimit: '450MB',
  projects: [
    withPostgres(project('architecture', '<rootDir>/test/architecture/**/*.spec.ts')),
    project('unit', '<rootDir>/src/**/*.spec.ts'),
    project('contract', '<rootDir>/test/contract/**/*.spec.ts'),
    withPostgres(project('integration', '<rootDir>/test/integration/**/*.spec.ts')),
    withPostgres(project('e2e', '<rootDir>/test/e2e/**/*.spec.ts')),
    withPostgres(project('full', '<rootDir>/test/full/**/*.spec.ts')),
  ],
};
