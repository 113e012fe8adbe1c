import type { Scenario } from '../fault-run.ts'
import { awayScenarios } from '../outages/away.ts'
import { upgrade } from '../upgrade/upgrade.ts'
import {
  doubtBehindOpenTransaction,
  doubtUnderLoad,
  recovererInDoubt,
  stoppedBeforeFirstPublish,
  timedOutTransaction,
} from './doubt.ts'
import { duplicates, duplicatesAndKill, otherPayload, replay } from './duplicates.ts'
import { allDie, crashAt, crashBehindSlow, randomKills, recovererCrashAt, twoRecoverers } from './kills.ts'
import { lostAnswers, lostDatabaseAnswers } from './lost-answers.ts'
import { brokerKill, databaseRestart, flapping, rollingRestart, terminatedSessions } from './outages.ts'
import { retriesUnderKills } from './retries.ts'
import { idleZombie, lateSettle, stopAt, zombie } from './zombies.ts'

/** What `npm test` runs: about three minutes. */
export const shortScenarios: readonly Scenario[] = [
  randomKills('kills', { order: 'none', requests: 300, perSecond: 30, kills: 3 }),
  zombie,
  lostAnswers.commitAnswer,
  duplicates,
  replay,
]

/** What `npm run test:faults` runs. */
export const fullScenarios: readonly Scenario[] = [
  randomKills('kills', { order: 'none', requests: 10_000, perSecond: 65, kills: 40 }),
  randomKills('kills-by-key', { order: 'key', requests: 2_000, perSecond: 50, kills: 10 }),
  randomKills('kills-by-partition', { order: 'partition', requests: 2_000, perSecond: 50, kills: 10 }),
  allDie,
  crashBehindSlow,
  retriesUnderKills('none'),
  retriesUnderKills('key'),
  ...['claimed', 'called', 'settled', 'begun', 'sent', 'committed', 'marked'].map(crashAt),
  ...['fenced', 'read', 'scanned', 'republished'].map(recovererCrashAt),
  twoRecoverers,
  zombie,
  idleZombie,
  lateSettle,
  ...['claimed', 'called', 'settled', 'begun', 'sent', 'committed', 'marked'].map(stopAt),
  stoppedBeforeFirstPublish,
  doubtUnderLoad,
  doubtBehindOpenTransaction,
  recovererInDoubt,
  timedOutTransaction,
  rollingRestart,
  upgrade,
  flapping,
  brokerKill,
  ...awayScenarios,
  ...Object.values(lostAnswers),
  ...(['claim', 'settle', 'mark'] as const).map(lostDatabaseAnswers),
  databaseRestart,
  terminatedSessions,
  duplicates,
  duplicatesAndKill,
  otherPayload,
  replay,
]
