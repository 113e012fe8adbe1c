import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../../../../scripts/run-step.ts'
import { sabotagedText } from '../../../faults/sabotage/sabotaged-copy.ts'
import { sabotages } from '../../../faults/sabotage/sabotages.ts'
import { fullScenarios } from '../../../faults/scenarios/index.ts'

const oracles = readFileSync(join(root, 'test/faults/oracles.ts'), 'utf8')

describe.each(sabotages)('the sabotage $name', (sabotage) => {
  it('finds its text in the sources, exactly once', () => {
    const text = readFileSync(join(root, sabotage.file), 'utf8')
    const sabotaged = sabotagedText(text, sabotage)
    expect(sabotaged).not.toBe(text)
    expect(sabotaged.length).toBe(text.length - sabotage.find.length + sabotage.replaceBy.length)
  })

  it('names scenarios and an oracle of the suite', () => {
    expect(fullScenarios.map(({ name }) => name)).toEqual(expect.arrayContaining([...sabotage.scenarios]))
    expect(oracles).toContain(`'${sabotage.oracle}'`)
  })
})

describe('sabotagedText', () => {
  const sabotage = {
    name: 'fence',
    breaks: '',
    file: 'src/a.ts',
    find: 'b',
    replaceBy: '$&x',
    scenarios: [],
    oracle: '',
  }

  it('puts the replacement there letter for letter', () => {
    expect(sabotagedText('abc', sabotage)).toBe('a$&xc')
  })

  it.each([
    ['ac', 0],
    ['abcb', 2],
  ])('says that it has rotted when %j holds its text %i times', (text, count) => {
    expect(() => sabotagedText(text, sabotage)).toThrow(
      `"fence" has rotted: src/a.ts must contain this exactly once, not ${count} times`,
    )
  })
})
