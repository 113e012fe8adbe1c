import { describe, expect, it } from 'vitest'
import { FaultySteps, type PlannedFault, parseFaultPlan } from '../../faults/fault-plan.ts'

describe('parseFaultPlan', () => {
  it('reads points, counts and actions', () => {
    expect(parseFaultPlan('settled:3:exit,fenced:*:delay=500,sent:1:stop')).toEqual([
      { point: 'settled', count: 3, action: { kind: 'exit' } },
      { point: 'fenced', count: '*', action: { kind: 'delay', delayMs: 500 } },
      { point: 'sent', count: 1, action: { kind: 'stop' } },
    ])
    expect(parseFaultPlan('')).toEqual([])
  })

  it.each(['settled', 'settled:0:exit', 'settled:1:explode', ':1:exit', 'settled:1:delay='])('refuses %s', (text) => {
    expect(() => parseFaultPlan(text)).toThrow(`"${text}" is no fault`)
  })
})

describe('FaultySteps', () => {
  it('acts at the arrival that was planned, and at each one for *', async () => {
    const acted: PlannedFault[] = []
    const steps = new FaultySteps(parseFaultPlan('settled:2:exit,sent:*:stop'), (fault) => void acted.push(fault))
    for (const point of ['settled', 'sent', 'settled', 'settled', 'sent']) await steps.reached(point)
    expect(acted.map(({ point }) => point)).toEqual(['sent', 'settled', 'sent'])
  })
})
