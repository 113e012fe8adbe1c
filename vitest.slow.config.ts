import { defineConfig } from 'vitest/config'
// Takes the providers' keys out of the environment.
import './vitest.config.ts'

/** For `npm run test:full`: integration tests of what seldom changes, and of what the short form of the fault suite shows too. */
export default defineConfig({
  test: {
    name: 'slow',
    include: ['test/slow/**/*.test.ts'],
    globalSetup: ['test/support/stack-setup.ts'],
    maxWorkers: 2,
    pool: 'forks',
    restoreMocks: true,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
