import { readFileSync } from 'node:fs'
import { StackError } from './stack-error.ts'

/** What {@link checkPlatform} judges. */
export interface PlatformFacts {
  /** As `process.platform`. */
  platform: string
  /** As `process.arch`. */
  arch: string
  /** The version of glibc, undefined where the C library is another one (musl). Looked at on Linux only. */
  glibcVersion: string | undefined
  /** The running kernel's release, which names WSL. */
  kernelRelease: string
}

/** Where the local stack runs, in words. */
export const supportedPlatforms = 'Linux x64 or arm64 with glibc (WSL 2 included), macOS on Apple silicon'

/** Reads the facts of this machine. */
export function thisPlatform(): PlatformFacts {
  return {
    platform: process.platform,
    arch: process.arch,
    glibcVersion: process.platform === 'linux' ? glibcVersion() : undefined,
    kernelRelease: process.platform === 'linux' ? readText('/proc/sys/kernel/osrelease').trim() : '',
  }
}

/**
 * Refuses machines on which the embedded parts are known not to run.
 * @throws STACK_PLATFORM_UNSUPPORTED
 */
export function checkPlatform(facts: PlatformFacts = thisPlatform()): void {
  const refusal = platformRefusal(facts)
  if (refusal !== undefined) {
    throw new StackError('STACK_PLATFORM_UNSUPPORTED', refusal, `The local stack runs on ${supportedPlatforms}.`)
  }
}

function platformRefusal({ platform, arch, glibcVersion, kernelRelease }: PlatformFacts): string | undefined {
  if (platform === 'win32') {
    return 'The local stack does not run on Windows itself. Open a WSL 2 terminal (wsl --install) and run it there.'
  }
  if (platform === 'darwin') {
    return arch === 'arm64' ? undefined : `The local stack does not run on macOS ${arch}: only on Apple silicon.`
  }
  if (platform !== 'linux') return `The local stack does not run on ${platform}.`
  // WSL 1 translates system calls and lacks what PostgreSQL needs; its kernel calls itself "Microsoft", WSL 2 "microsoft-standard-WSL2".
  if (/Microsoft$/.test(kernelRelease))
    return 'The local stack does not run on WSL 1. Convert it: wsl --set-version <distribution> 2.'
  if (arch !== 'x64' && arch !== 'arm64') return `The local stack does not run on Linux ${arch}.`
  if (glibcVersion === undefined) {
    return 'The local stack does not run on this Linux: its C library is not glibc (Alpine?). Use a Debian-based image.'
  }
  return undefined
}

function glibcVersion(): string | undefined {
  // The report lists network interfaces by default, which can resolve names for seconds.
  Reflect.set(process.report, 'excludeNetwork', true)
  const report: unknown = process.report.getReport()
  if (typeof report !== 'object' || report === null || !('header' in report)) return undefined
  const header: unknown = report.header
  if (typeof header !== 'object' || header === null || !('glibcVersionRuntime' in header)) return undefined
  return typeof header.glibcVersionRuntime === 'string' ? header.glibcVersionRuntime : undefined
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
