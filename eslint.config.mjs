import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const clock = {
  selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
  message: 'Take a Clock through the constructor; time must be testable.',
};
const env = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'Only src/config and src/agent/agent-config.ts read the environment.',
};

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', 'sdk/generated/', 'dashboard/'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/require-await': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 15],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/config/**', 'src/agent/agent-config.ts', '**/*.spec.ts'],
    rules: { 'no-restricted-syntax': ['error', env, clock] },
  },
  {
    files: ['**/*.spec.ts', 'test/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        fetch: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
  {
    // What runs in browsers.
    files: ['docs/examples/*.mjs', 'test/support/uppy/page.mjs'],
    languageOptions: { globals: { File: 'readonly', crypto: 'readonly', localStorage: 'readonly' } },
  },
);
