// One self-contained HTML page: no scripts, nothing loaded from elsewhere, readable on a phone, on paper and in the dark.
import { OptionError } from '../errors.js'
import { refuseUnknown } from '../options.js'
import { escapeMarkup, fontFamily } from './markup.js'
import { alignments, type Cell, type Column, cellText, checkRows, heading } from './table.js'

export interface SummaryNumber {
  label: string
  value: string | number
  unit?: string
  /** Spread, seeds, what it compares with. */
  note?: string
}

export interface Figure {
  /** An SVG document as the charts and filter sheets here make it (only drawing elements, nothing loaded), or the bytes of a PNG. */
  image: string | Uint8Array
  /** What a reader who cannot see the picture needs to know. */
  alt: string
  caption?: string
  /** Keep the pixels of an enlarged PNG crisp. */
  pixelated?: boolean
}

export type Block =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | ({ kind: 'figure' } & Figure)
  /** Small figures, about 380 pixels wide: two beside each other where there is room; `compact` ones as many as there is room for. */
  | { kind: 'figures'; figures: readonly Figure[]; compact?: boolean }
  | { kind: 'table'; caption: string; columns: readonly (Column | string)[]; rows: readonly (readonly Cell[])[] }

export interface Section {
  heading: string
  blocks: readonly Block[]
}

export interface Page {
  title: string
  /** One or two sentences under the title. */
  lead?: string
  /** BCP 47 tag; default `en`. */
  language?: string
  summary?: readonly SummaryNumber[]
  sections: readonly Section[]
  /** Versions, seed, command, data identity, machine: what someone needs to repeat the result. `code` sets the value as code. */
  provenance?: readonly { label: string; value: string | number; code?: boolean }[]
  /** Lines, shown folded. */
  log?: readonly string[]
}

const elements = new Set(
  'svg g path text tspan rect line circle ellipse polyline polygon title desc defs clipPath image use linearGradient stop'.split(
    ' ',
  ),
)

/** Lets through only drawings: known elements, no event handlers, no address but an id inside or an embedded PNG. */
function checkSvg(svg: string, alt: string): string {
  const refuse = (actual: string): never => {
    throw new OptionError({
      op: 'renderPage',
      argument: `figure '${alt}'`,
      actual,
      expected: 'an SVG of drawing elements alone, with nothing loaded',
    })
  }
  const text = svg.trim()
  if (!/^<svg[\s>]/.test(text) || !text.endsWith('</svg>')) refuse('no <svg> element')
  const tag = /<\/?([A-Za-z]+)((?:\s+[A-Za-z_:][\w:.-]*="[^"<>]*")*)\s*\/?>/g
  const rest = text.replace(tag, (whole, name: string, attributes: string) => {
    if (!elements.has(name)) refuse(`with <${name}>`)
    for (const [, key = '', value = ''] of attributes.matchAll(/\s([\w:.-]+)="([^"]*)"/g)) {
      if (/^on/i.test(key)) refuse(`with ${key}`)
      if (/href$/i.test(key) && !/^(?:#[\w-]+|data:image\/png;base64,[\w+/=]*)$/.test(value)) refuse(`with ${key} to elsewhere`)
      if (/^xmlns/.test(key)) continue
      // Nothing but plain text and url(#id): other escapes could spell an address that this check does not see.
      const plain = value.replace(/&(?:#39|quot|amp|lt|gt);/g, ' ').replace(/url\(#[\w-]+\)/g, '')
      if (/[\\&]|import|url\(/i.test(plain)) refuse(`with ${key} that loads`)
    }
    return whole.replace(/[<>]/g, '')
  })
  if (/[<>]/.test(rest)) refuse('no well-formed drawing')
  return text
}

function pngImage(png: Uint8Array, alt: string, pixelated: boolean): string {
  const bytes = Buffer.from(png.buffer, png.byteOffset, png.byteLength)
  if (bytes.length < 24 || bytes.readUInt32BE(0) !== 0x89504e47) {
    throw new OptionError({
      op: 'renderPage',
      argument: `figure '${alt}'`,
      actual: 'no PNG',
      expected: 'the bytes of a PNG, or an SVG as text',
    })
  }
  return `<img src="data:image/png;base64,${bytes.toString('base64')}" width="${bytes.readUInt32BE(16)}" height="${bytes.readUInt32BE(20)}" \
alt="${escapeMarkup(alt)}"${pixelated ? ' class="pixelated"' : ''}>`
}

function table(block: Extract<Block, { kind: 'table' }>): string {
  checkRows('renderPage', block.columns, block.rows)
  const sides = alignments(block.columns, block.rows).map((side) => (side === 'right' ? ' class="number"' : ''))
  const head = block.columns.map((column, i) => `<th scope="col"${sides[i]}>${escapeMarkup(heading(column))}</th>`).join('')
  const rows = block.rows.map(
    (row) => `<tr>${row.map((cell, i) => `<td${sides[i]}>${escapeMarkup(cellText(cell))}</td>`).join('')}</tr>`,
  )
  const caption = escapeMarkup(block.caption)
  return `<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table>
<caption>${caption}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table></div>`
}

function renderBlock(block: Block): string {
  if (block.kind === 'text') return `<p>${escapeMarkup(block.text)}</p>`
  if (block.kind === 'code') return `<pre tabindex="0"><code>${escapeMarkup(block.text)}</code></pre>`
  if (block.kind === 'table') return table(block)
  if (block.kind === 'figures')
    return `<div class="${block.compact ? 'compact' : 'figures'}">\n${block.figures.map(renderFigure).join('\n')}\n</div>`
  return renderFigure(block)
}

function renderFigure({ image, alt, caption: text, pixelated }: Figure): string {
  if (alt.trim() === '')
    throw new OptionError({ op: 'renderPage', argument: 'figure.alt', actual: 'empty', expected: 'what the picture shows' })
  // The picture's own title and description stay hidden from screen readers: the alt text stands for all of it, once.
  const picture =
    typeof image === 'string'
      ? `<div role="img" aria-label="${escapeMarkup(alt)}">${checkSvg(image, alt).replace(/^<svg/, '<svg aria-hidden="true"')}</div>`
      : pngImage(image, alt, pixelated ?? false)
  const caption = text === undefined ? '' : `\n<figcaption>${escapeMarkup(text)}</figcaption>`
  return `<figure>\n<div class="picture">${picture}</div>${caption}\n</figure>`
}

const style = `
:root { color-scheme: light dark; --ink: #1f2328; --soft: #57606a; --line: #d5dae0; --paper: #ffffff; --tint: #f4f6f8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --soft: #a3acb7; --line: #3a424c; --paper: #14181d; --tint: #1e242b; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 ${fontFamily}; -webkit-text-size-adjust: 100%; }
main { max-width: 52rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: clamp(1.6rem, 1.2rem + 2vw, 2.2rem); line-height: 1.2; margin: 0 0 .6rem; letter-spacing: -.01em; text-wrap: balance; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 2.75rem 0 .75rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
h1, h2, p, dd, td, th, figcaption { overflow-wrap: anywhere; }
p { margin: 0 0 1rem; max-width: 42rem; }
.lead { font-size: 1.1rem; color: var(--soft); }
.summary { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1.75rem 0 0; }
.summary > div { background: var(--tint); border-radius: .5rem; padding: .8rem 1rem; display: flex; flex-direction: column; }
.summary dt { font-size: .875rem; color: var(--soft); line-height: 1.35; }
.summary dd { margin: 0; }
.summary .value { font-size: 1.7rem; font-weight: 600; line-height: 1.35; font-variant-numeric: tabular-nums; }
.summary .unit { font-size: 1rem; font-weight: 400; color: var(--soft); }
.summary .note { font-size: .8125rem; color: var(--soft); line-height: 1.4; }
figure { margin: 1.5rem 0; }
.picture { background: #ffffff; border: 1px solid var(--line); border-radius: .5rem; padding: .5rem; overflow-x: auto; text-align: center; }
.picture svg, .picture img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
.pixelated { image-rendering: pixelated; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1.25rem 1rem; margin: 1.5rem 0; }
.figures figure { margin: 0; min-width: 0; }
.compact { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0; }
.compact figure { margin: 0; max-width: 100%; }
.compact .picture { padding: .2rem; width: fit-content; max-width: 100%; }
.compact figcaption { font-size: .8125rem; line-height: 1.35; margin-top: .2rem; }
figcaption { font-size: .9rem; line-height: 1.5; color: var(--soft); margin-top: .6rem; max-width: 42rem; }
.scroll { overflow-x: auto; margin: 1.5rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .95rem; line-height: 1.45; }
caption { text-align: left; color: var(--soft); font-size: .9rem; padding-bottom: .5rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem; border-bottom: 1px solid var(--line); overflow-wrap: normal; }
th { font-weight: 600; border-bottom: 2px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
pre, code { font-family: ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: .85rem; }
pre { background: var(--tint); border-radius: .5rem; padding: .8rem 1rem; overflow-x: auto; line-height: 1.5; margin: 1rem 0; }
.provenance { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .3rem 1.25rem; margin: 0; font-size: .95rem; }
.provenance dt { color: var(--soft); }
.provenance dd { margin: 0; }
summary { cursor: pointer; }
@media screen and (max-width: 40rem) {
  .picture svg { max-width: none; min-width: 38rem; }
  .figures .picture svg { max-width: 100%; min-width: 0; }
  .provenance { grid-template-columns: 1fr; gap: 0; }
  .provenance dd { margin-bottom: .6rem; }
}
@media print {
  :root { color-scheme: light; --ink: #000000; --soft: #444444; --line: #bbbbbb; --paper: #ffffff; --tint: #f4f6f8; }
  @page { margin: 18mm; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  figure, tr, .summary > div { break-inside: avoid; }
  thead { display: table-header-group; }
  .picture { border: 0; padding: 0; }
  .scroll, .picture, pre { overflow: visible; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
`

const blockNames: Record<Block['kind'], string[]> = {
  text: ['text'],
  code: ['text'],
  figure: ['image', 'alt', 'caption', 'pixelated'],
  figures: ['figures', 'compact'],
  table: ['caption', 'columns', 'rows'],
}

/** Refuses unknown parts of a page. */
function checkPage(page: Page): void {
  const op = 'renderPage'
  refuseUnknown(op, page, ['title', 'lead', 'language', 'summary', 'sections', 'provenance', 'log'])
  for (const [i, number] of (page.summary ?? []).entries())
    refuseUnknown(op, number, ['label', 'value', 'unit', 'note'], `summary.${i}.`)
  for (const [i, entry] of (page.provenance ?? []).entries())
    refuseUnknown(op, entry, ['label', 'value', 'code'], `provenance.${i}.`)
  for (const [i, section] of page.sections.entries()) {
    refuseUnknown(op, section, ['heading', 'blocks'], `sections.${i}.`)
    for (const [j, block] of section.blocks.entries()) {
      const path = `sections.${i}.blocks.${j}.`
      refuseUnknown(op, block, ['kind', ...blockNames[block.kind]], path)
      if (block.kind === 'figures')
        for (const [k, figure] of block.figures.entries()) refuseUnknown(op, figure, blockNames.figure, `${path}figures.${k}.`)
    }
  }
}

/**
 * Writes a page of results as one HTML document without scripts or outside resources; its own content security policy forbids both.
 * Equal input gives equal bytes: dates and machines appear only as given in `provenance`.
 * All text is escaped; pictures are checked to be drawings alone.
 * @throws OptionError for a figure that is neither a PNG nor such a drawing, a figure without alt text, or a table row of the wrong length
 */
export function renderPage(page: Page): string {
  checkPage(page)
  const { title, lead, language = 'en', summary = [], sections, provenance = [], log = [] } = page
  const numbers = summary.map(({ label, value, unit, note }) => {
    const shownUnit = unit === undefined ? '' : ` <span class="unit">${escapeMarkup(unit)}</span>`
    const shownNote = note === undefined ? '' : `<dd class="note">${escapeMarkup(note)}</dd>`
    return `<div><dt>${escapeMarkup(label)}</dt><dd class="value">${escapeMarkup(String(value))}${shownUnit}</dd>${shownNote}</div>`
  })
  const parts = sections.map(
    (s) => `<section>\n<h2>${escapeMarkup(s.heading)}</h2>\n${s.blocks.map(renderBlock).join('\n')}\n</section>`,
  )
  if (provenance.length > 0) {
    const rows = provenance.map(({ label, value, code }) => {
      const text = escapeMarkup(String(value))
      return `<dt>${escapeMarkup(label)}</dt><dd>${code ? `<code>${text}</code>` : text}</dd>`
    })
    parts.push(`<section>\n<h2>Provenance</h2>\n<dl class="provenance">\n${rows.join('\n')}\n</dl>\n</section>`)
  }
  if (log.length > 0) {
    const lines = `${log.length} ${log.length === 1 ? 'line' : 'lines'}`
    parts.push(
      `<section>\n<h2>Log</h2>\n<details>\n<summary>${lines}</summary>\n<pre tabindex="0">${log.map(escapeMarkup).join('\n')}</pre>\n</details>\n</section>`,
    )
  }
  return `<!doctype html>
<html lang="${escapeMarkup(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeMarkup(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>${escapeMarkup(title)}</h1>
${lead === undefined ? '' : `<p class="lead">${escapeMarkup(lead)}</p>\n`}${numbers.length > 0 ? `<dl class="summary">\n${numbers.join('\n')}\n</dl>\n` : ''}</header>
${parts.join('\n')}
</main>
</body>
</html>
`
}
