import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file beneath `stack/` of the package. This module lies in `src/stack` or `dist/stack`, both two levels below the root. */
export function assetPath(...segments: string[]): string {
  return fileURLToPath(new URL(path.posix.join('../../stack', ...segments), import.meta.url))
}
