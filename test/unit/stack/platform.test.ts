import { describe, expect, it } from 'vitest'
import { checkPlatform, type PlatformFacts, thisPlatform } from '../../../src/stack/platform.ts'
import { StackError } from '../../../src/stack/stack-error.ts'

const linux: PlatformFacts = { platform: 'linux', arch: 'x64', glibcVersion: '2.36', kernelRelease: '6.1.0-18-amd64' }

function refusalOf(facts: PlatformFacts): string {
  try {
    checkPlatform(facts)
    return 'none'
  } catch (error) {
    expect(error).toBeInstanceOf(StackError)
    expect(error).toMatchObject({ code: 'STACK_PLATFORM_UNSUPPORTED' })
    return error instanceof Error ? error.message : ''
  }
}

describe('the platform check', () => {
  it.each([
    ['Linux x64', linux],
    ['Linux arm64', { ...linux, arch: 'arm64' }],
    ['WSL 2', { ...linux, kernelRelease: '5.15.153.1-microsoft-standard-WSL2' }],
    ['macOS on Apple silicon', { platform: 'darwin', arch: 'arm64', glibcVersion: undefined, kernelRelease: '' }],
  ])('accepts %s', (_name, facts) => {
    expect(refusalOf(facts)).toBe('none')
  })

  it.each([
    ['Windows, and names WSL 2', { ...linux, platform: 'win32' }, /WSL 2/],
    ['WSL 1', { ...linux, kernelRelease: '4.4.0-19041-Microsoft' }, /WSL 1/],
    ['macOS on Intel', { ...linux, platform: 'darwin' }, /Apple silicon/],
    ['a Linux without glibc', { ...linux, glibcVersion: undefined }, /glibc/],
    ['other processors', { ...linux, arch: 'riscv64' }, /riscv64/],
    ['other systems', { ...linux, platform: 'freebsd' }, /freebsd/],
  ])('refuses %s', (_name, facts, message) => {
    expect(refusalOf(facts)).toMatch(message)
  })

  it('reads the facts of this machine', () => {
    expect(thisPlatform()).toMatchObject({ platform: process.platform, arch: process.arch })
  })
})
