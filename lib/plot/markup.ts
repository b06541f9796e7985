// What every SVG and HTML writer here shares: escaping, and ids that depend on the content alone.
import { createHash } from 'node:crypto'

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that XML 1.0 forbids
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu

/** Replaces the characters that XML 1.0 forbids, however they are written, by U+FFFD. */
export function legalText(text: string): string {
  return text.replace(forbidden, '\ufffd')
}

/** Escapes text for XML and HTML, in content and in quoted attributes; characters that XML 1.0 forbids become U+FFFD. */
export function escapeMarkup(text: string): string {
  return legalText(text).replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

/** A short id that depends on the content only, so that two renders are byte-equal and two figures on one page do not clash. */
export function contentId(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return `s${hash.digest('hex').slice(0, 10)}`
}

export interface SvgFrame {
  width: number
  height: number
  title: string
  description: string
  /** Inner markup, already escaped, given the id prefix to use. */
  body: (id: string) => string
  /** Prefix of all ids inside: see contentId. */
  id: string
}

/** Wraps markup as an SVG picture that scales, with its title and description tied to it for screen readers. */
export function svgPicture(frame: SvgFrame): string {
  const { width, height, id } = frame
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" \
role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">${escapeMarkup(frame.title)}</title>
<desc id="${id}-desc">${escapeMarkup(frame.description)}</desc>
${frame.body(id)}
</svg>
`
}

/** The fonts of every figure and page: whatever the reader's system reads best. */
export const fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
