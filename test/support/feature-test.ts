import { expect, it } from 'vitest'
import type { ProviderFeature } from '../../src/providers/features.ts'
import { presetFeatures, presets, type WireFormat } from '../../src/providers/presets.ts'

/**
 * A test that holds a provider feature, which `format` declares. docs/providers.md is generated from these calls as well:
 * write format and feature as literals, so that they are found without running anything.
 */
export function holds(
  format: WireFormat['format'],
  feature: ProviderFeature,
  title: string,
  run: () => void | Promise<void>,
): void {
  it(`${feature}: ${title}`, async () => {
    const preset = [...presets.values()].find((one) => one.format === format && presetFeatures(one)[feature])
    expect(preset, `${format} declares ${feature}`).toBeDefined()
    await run()
  })
}
