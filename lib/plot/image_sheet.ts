// Rows of small pictures with a label each: the same images as they are and as something made of them.
import { OptionError, ShapeError } from '../errors.js'
import { refuseUnknown } from '../options.js'
import { textWidth, wrap } from './drawing.js'
import { contentId, escapeMarkup, fontFamily, svgPicture } from './markup.js'

export interface ImageRow {
  label: string
  /** Bytes [N,C,H,W], C = 1 or 3 (R, G, B). */
  images: Uint8Array
}

export interface ImageSheetOptions {
  title: string
  /** Read out in place of the picture. Default: the labels. */
  description?: string
  /** Screen pixels per pixel, a whole number. Default: tiles of about 72 pixels. */
  scale?: number
  /** Pixels between tiles. Default 4. */
  gap?: number
}

export interface ImageSheet {
  /** The pictures alone, a row for each row. */
  png: Uint8Array
  /** The same pixels inside an SVG with title, description and the rows' labels. */
  svg: string
  description: string
}

const labelSize = 13

/**
 * Draws rows of images, one below the other, so that a column shows one image throughout.
 * @param shape [N,C,H,W] of each row
 * @throws OptionError, ShapeError for no rows, channels other than 1 or 3, pixels that do not fit the shape, or options out of range
 */
export async function imageSheet(
  rows: readonly ImageRow[],
  shape: readonly [number, number, number, number],
  options: ImageSheetOptions,
): Promise<ImageSheet> {
  const op = 'imageSheet'
  refuseUnknown(op, options, ['title', 'description', 'scale', 'gap'])
  for (const [i, row] of rows.entries()) refuseUnknown(op, row, ['label', 'images'], `rows.${i}.`)
  const [count, channels, high, wide] = shape
  const { scale = Math.max(1, Math.round(72 / Math.max(high, wide))), gap = 4 } = options
  for (const [argument, value, least] of [
    ['scale', scale, 1],
    ['gap', gap, 0],
  ] as const)
    if (!Number.isInteger(value) || value < least || value > 1000)
      throw new OptionError({ op, argument, actual: `${value}`, expected: `a whole number from ${least} to 1000` })
  if (rows.length === 0 || count < 1) throw new OptionError({ op, argument: 'rows', actual: 'empty', expected: 'one or more' })
  if (channels !== 1 && channels !== 3)
    throw new ShapeError({ op, argument: 'shape', actual: `[${shape}]`, expected: 'images of 1 or 3 channels' })
  const plane = high * wide
  for (const { label, images } of rows)
    if (images.length !== count * channels * plane)
      throw new ShapeError({ op, argument: `'${label}'`, actual: `${images.length} bytes`, expected: `those of [${shape}]` })

  const [stepX, stepY] = [wide * scale + gap, high * scale + gap]
  const [width, height] = [count * stepX + gap, rows.length * stepY + gap]
  const pixels = new Uint8Array(width * height * 3).fill(255)
  rows.forEach(({ images }, row) => {
    for (let n = 0; n < count; n++)
      for (let y = 0; y < high * scale; y++) {
        const from = n * channels * plane + Math.floor(y / scale) * wide
        let to = ((gap + row * stepY + y) * width + gap + n * stepX) * 3
        for (let x = 0; x < wide * scale; x++)
          for (let c = 0; c < 3; c++) pixels[to++] = images[from + (channels === 3 ? c * plane : 0) + Math.floor(x / scale)] ?? 0
      }
  })
  const { default: sharp } = await import('sharp')
  const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9, adaptiveFiltering: false })
    .toBuffer()

  const description = options.description ?? `${count} images in ${rows.length} rows: ${rows.map((r) => r.label).join(', ')}.`
  // Fonts differ in width from machine to machine: a tenth to spare.
  const left = Math.ceil(1.1 * Math.min(200, Math.max(...rows.map(({ label }) => textWidth(label, labelSize))))) + 16
  const labels = rows.map(({ label }, row) => {
    const lines = wrap(label, left - 12, labelSize)
    const middle = gap + row * stepY + (high * scale) / 2
    return lines
      .map((line, i) => {
        const y = middle + (i - (lines.length - 1) / 2) * 17 + labelSize * 0.35
        return `<text x="${left - 8}" y="${y.toFixed(1)}" text-anchor="end" font-size="${labelSize}" fill="#1f2328" font-family="${escapeMarkup(fontFamily)}">${escapeMarkup(line)}</text>`
      })
      .join('\n')
  })
  const body = () => `<rect width="${left + width}" height="${height}" fill="#ffffff"/>
<image x="${left}" width="${width}" height="${height}" style="image-rendering:pixelated" href="data:image/png;base64,${Buffer.from(png).toString('base64')}"/>
${labels.join('\n')}`
  const id = contentId(png, options.title, description)
  return {
    png,
    svg: svgPicture({ width: left + width, height, title: options.title, description, id, body }),
    description,
  }
}
