import type { Log } from '../../../src/model-service/ports/log.ts'

/** Hears nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
