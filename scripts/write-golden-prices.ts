/**
 * Writes test/fixtures/prices/golden-prices.json: what models of every priced provider cost at three times each, with the
 * rates of the list beside. Run it after an upgrade of the price list and read the difference: each changed line is a
 * changed bill.
 */
import { writeFileSync } from 'node:fs'
import { findListPrice } from '../src/pricing/find-list-price.ts'
import { priceFromList } from '../src/pricing/price-from-list.ts'
import { goldenUsages, pricedModels } from '../test/fixtures/prices/priced-models.ts'

const lines: string[] = []
for (const [kind, model, times] of pricedModels) {
  for (const at of times) {
    const listed = { kind, model, baseUrl: null, at: Date.parse(at) }
    const price = findListPrice(listed)
    const costs = Object.entries(goldenUsages).map(([name, usage]) => {
      const { amount, unknownReason } = priceFromList(usage, listed)
      return [name, amount ?? unknownReason]
    })
    const row = { kind, model, at, card: price?.cardVersion ?? null, rates: price?.rates ?? null }
    lines.push(`  ${JSON.stringify({ ...row, costs: Object.fromEntries(costs) })}`)
  }
}
const file = new URL('../test/fixtures/prices/golden-prices.json', import.meta.url)
writeFileSync(file, `[\n${lines.join(',\n')}\n]\n`)
console.log(`wrote ${lines.length} prices of ${pricedModels.length} models`)
