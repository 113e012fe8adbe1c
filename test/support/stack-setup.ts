/** Brings up one stack for all integration tests of a run and takes it down again. */
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { type RunningStack, type StackAddresses, StackError, startStack } from '../../src/stack/stack.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Addresses of the stack of this run. */
    stack: StackAddresses
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await start('test-stack').catch((error: unknown) => {
    // Another run in this checkout has the folder.
    if (error instanceof StackError && error.code === 'STACK_BUSY') return start(`test-stack-${process.pid}`)
    throw error
  })
  const { kafkaBrokers, schemaRegistryUrl, databaseUrl } = stack.addresses
  // Test processes and what they spawn find the same stack by these, and by nothing else.
  process.env['MODEL_SERVICE_TEST_KAFKA_BROKERS'] = kafkaBrokers
  process.env['MODEL_SERVICE_TEST_SCHEMA_REGISTRY_URL'] = schemaRegistryUrl
  process.env['MODEL_SERVICE_TEST_DATABASE_URL'] = databaseUrl
  // Workers and command lines in processes of their own compile the same sources again and again: this halves their start.
  process.env['NODE_COMPILE_CACHE'] = join(process.cwd(), '.model-service', 'compile-cache')
  project.provide('stack', stack.addresses)
  return () => stack.stop()
}

function start(folder: string): Promise<RunningStack> {
  return startStack({
    dataDirectory: join(process.cwd(), '.model-service', folder),
    offline: process.env['MODEL_SERVICE_TEST_OFFLINE'] === '1',
    onProgress: ({ part, message }) => console.log(`  ${part}: ${message}`),
  })
}
