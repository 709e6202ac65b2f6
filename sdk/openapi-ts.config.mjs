import { defineConfig } from '@hey-api/openapi-ts';

/** `npm run sdk`: types and functions of every operation, on fetch, without a run-time dependency. */
export default defineConfig({
  input: './openapi.json',
  output: {
    path: process.env.STOWAGE_SDK_OUTPUT ?? './sdk/generated',
    // Node's ESM wants the extension in every import.
    module: { extension: '.js' },
  },
  plugins: [
    { name: '@hey-api/client-fetch', throwOnError: true },
    '@hey-api/typescript',
    {
      name: '@hey-api/sdk',
      operations: { strategy: 'single', containerName: 'Operations', methods: 'instance' },
    },
  ],
});
