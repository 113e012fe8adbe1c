/** What a size asks for, in Google's words. */
export interface ImageShape {
  aspectRatio: string
  /** Left out for the usual size, about a million pixels, which is all that older models make. */
  imageSize?: '2K' | '4K'
}

/**
 * Google takes proportions instead of pixels: the proportions among `ratios` nearest to the size, when they differ by at
 * most 3 per cent (1792x1024 is 16:9 to everybody), and beyond 1,536 pixels a side the larger sizes. Null when the text is
 * no WIDTHxHEIGHT, or nothing is near. Source: ai.google.dev, image generation.
 */
export function toImageShape(size: string, ratios: readonly string[]): ImageShape | null {
  const match = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(size)
  if (match === null) return null
  const [width, height] = [Number(match[1]), Number(match[2])]
  const difference = (ratio: string) => {
    const [across = 1, down = 1] = ratio.split(':').map(Number)
    return Math.abs(Math.log((width * down) / (height * across)))
  }
  const nearest = [...ratios].sort((a, b) => difference(a) - difference(b))[0]
  if (nearest === undefined || difference(nearest) > 0.03) return null
  const longest = Math.max(width, height)
  return { aspectRatio: nearest, ...(longest > 3072 ? { imageSize: '4K' } : longest > 1920 && { imageSize: '2K' }) }
}
