/**
 * The numbered points of the protocol, in their order: on the way of one request, of its transaction (begun, sent, committed),
 * and of a recovery (fenced, read, scanned, republished).
 */
export const stepNames = [
  'claimed',
  'called',
  'settled',
  'begun',
  'sent',
  'committed',
  'marked',
  'fenced',
  'read',
  'scanned',
  'republished',
] as const
/** Such a point. */
export type StepName = (typeof stepNames)[number]

/** Hears that work has reached a point, and may hold it up or never return. Nobody listens in production. */
export interface Steps {
  reached(name: StepName): void | Promise<void>
}

/** Nobody listens. */
export const noSteps: Steps = { reached() {} }
