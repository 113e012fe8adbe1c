import { assetPath } from './asset-path.ts'
import { ensurePythonPackages, findPython } from './python.ts'
import { resolveStackOptions, type StackOptions } from './stack-options.ts'

/**
 * A Python that can import `fastavro`, the second Avro implementation that schema tests compare with: run `python` with
 * the environment variable `PYTHONPATH` set to `pythonPath`. Installed into the cache once.
 * @throws STACK_PYTHON_MISSING, STACK_OFFLINE_CACHE_MISS, STACK_DOWNLOAD_FAILED
 */
export async function ensureFastavro(
  options: Partial<Pick<StackOptions, 'cacheDirectory' | 'offline' | 'onProgress' | 'signal'>> = {},
): Promise<{ python: string; pythonPath: string }> {
  const resolved = resolveStackOptions(options)
  const python = await findPython(resolved.signal)
  const pythonPath = await ensurePythonPackages({
    name: 'fastavro',
    requirements: assetPath('local-models', 'requirements-fastavro.txt'),
    what: 'fastavro (3 MB)',
    python,
    dependencies: false,
    native: true,
    options: resolved,
    onMessage: (message, fraction) =>
      resolved.onProgress({ part: 'fastavro', message, ...(fraction === undefined ? {} : { fraction }) }),
    ...(resolved.signal && { signal: resolved.signal }),
  })
  return { python: python.file, pythonPath }
}
