/** Where a run goes on when a call has shown that the targets of its route will not do: the ways that the route names. */
import type { CallRun } from './call-run.ts'
import { defectFields } from './defect-fields.ts'
import type { PlannedTarget, WayPlanner } from './plan-request.ts'

/** A run, and where its calls have gone. */
interface Travelled {
  run: Pick<CallRun, 'request' | 'log' | 'larger' | 'afterRefusal'>
  made: readonly { target: PlannedTarget }[]
}

/** Those of the targets left that have a larger window, else where the route sends what is too long: never the same again. */
export async function largerTargets(
  travelled: Travelled,
  refused: PlannedTarget,
  left: readonly PlannedTarget[],
): Promise<PlannedTarget[]> {
  const own = left.filter((other) => isLarger(other, refused))
  return own.length > 0 ? own : targetsOfWay(travelled, travelled.run.larger, 'onContextLength')
}

/** Where the route sends what was refused for its content. To be followed once, or refusals would go round. */
export function targetsAfterRefusal(travelled: Travelled): Promise<PlannedTarget[]> {
  return targetsOfWay(travelled, travelled.run.afterRefusal, 'onContentFilter')
}

async function targetsOfWay(
  { run, made }: Travelled,
  plan: WayPlanner | null,
  name: 'onContextLength' | 'onContentFilter',
): Promise<PlannedTarget[]> {
  if (plan === null) return []
  try {
    const wasCalled = ({ provider, providerModel }: PlannedTarget) =>
      made.some(({ target }) => target.provider.id === provider.id && target.providerModel === providerModel)
    return (await plan()).filter((other) => !wasCalled(other))
  } catch (error) {
    run.log.warn({ requestId: run.request.requestId, ...defectFields(error) }, `${name} leads nowhere`)
    return []
  }
}

/** The larger window is known to be larger; a model of unknown window may be as small. */
function isLarger(target: PlannedTarget, than: PlannedTarget): boolean {
  const window = target.definition?.contextWindow ?? null
  const refused = than.definition?.contextWindow ?? null
  return window !== null && refused !== null && window > refused
}
