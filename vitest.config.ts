import { defineConfig } from 'vitest/config'

/** Provider keys never reach a test, whatever the caller's environment holds. */
const withoutKeys = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => /_API_KEY$|^MODEL_KEY_|^AWS_/.test(name))
    .map((name) => [name, '']),
)
for (const name of Object.keys(withoutKeys)) delete process.env[name]

export default defineConfig({
  test: {
    // Two cores are the smallest machine that this must run on.
    maxWorkers: 2,
    pool: 'forks',
    restoreMocks: true,
    dangerouslyIgnoreUnhandledErrors: false,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 10_000 } },
      { extends: true, test: { name: 'contract', include: ['test/contract/**/*.test.ts'], testTimeout: 20_000 } },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/support/stack-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          // For `npm run test:full`: other languages bring their own tools and libraries.
          name: 'languages',
          include: ['test/languages/**/*.test.ts'],
          globalSetup: ['test/support/stack-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
})
