/** Entry of a container: the same as `model-service worker`. */
process.argv.splice(2, 0, 'worker')
await import('./cli/main.ts')
