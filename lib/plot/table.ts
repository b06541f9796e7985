// Tables as data, written as Markdown here and as HTML by the page.
import { OptionError } from '../errors.js'
import { refuseUnknown } from '../options.js'

/** One column: its heading, its unit (written in the heading, in brackets) and its side; numbers are right-aligned by default. */
export interface Column {
  label: string
  unit?: string
  align?: 'left' | 'right'
}
export type Cell = string | number | null

/** A column's heading with its unit. */
export function heading(column: Column | string): string {
  if (typeof column === 'string') return column
  return column.unit ? `${column.label} (${column.unit})` : column.label
}

/** `right` for a column of numbers only, unless the column says otherwise. */
export function alignments(columns: readonly (Column | string)[], rows: readonly (readonly Cell[])[]): ('left' | 'right')[] {
  return columns.map((column, i) => {
    if (typeof column !== 'string' && column.align) return column.align
    const cells = rows.map((row) => row[i]).filter((cell) => cell !== null)
    return cells.length > 0 && cells.every((cell) => typeof cell === 'number') ? 'right' : 'left'
  })
}

/** A cell as text; null (not measured) is an en dash, never a made-up number. */
export function cellText(cell: Cell | undefined): string {
  return cell === null || cell === undefined ? '–' : String(cell)
}

/** @throws OptionError for an unknown option of a column, and when a row has another number of cells than there are columns */
export function checkRows(op: string, columns: readonly (Column | string)[], rows: readonly (readonly Cell[])[]): void {
  for (const [i, column] of columns.entries())
    if (typeof column !== 'string') refuseUnknown(op, column, ['label', 'unit', 'align'], `columns.${i}.`)
  rows.forEach((row, i) => {
    if (row.length === columns.length) return
    throw new OptionError({
      op,
      argument: `rows[${i}]`,
      actual: `${row.length} cells`,
      expected: `${columns.length}, one per column`,
    })
  })
}

/**
 * A GitHub-flavoured Markdown table, padded so that it also reads well as plain text.
 * @param columns headings, with units and alignment where wanted
 * @param rows one cell per column; null prints as an en dash
 * @returns the table with a final line break; markup characters in cells are escaped, line breaks become `<br>`
 * @throws OptionError when a row's length is not the number of columns
 */
export function markdownTable(columns: readonly (Column | string)[], rows: readonly (readonly Cell[])[]): string {
  checkRows('markdownTable', columns, rows)
  const cellMarkup = (text: string) =>
    text
      .replace(/[\\|`*_<>[\]]/g, (character) => (character === '<' ? '&lt;' : character === '>' ? '&gt;' : `\\${character}`))
      .replace(/\r\n|\r|\n/g, '<br>')
  const head = columns.map((column) => cellMarkup(heading(column)))
  const body = rows.map((row) => row.map((cell) => cellMarkup(cellText(cell))))
  const sides = alignments(columns, rows)
  const length = (text: string) => [...text].length
  const widths = head.map((text, i) => Math.max(3, length(text), ...body.map((row) => length(row[i] ?? ''))))
  const line = (cells: string[]) => {
    const padded = cells.map((text, i) => {
      const space = ' '.repeat((widths[i] ?? 0) - length(text))
      return sides[i] === 'right' ? space + text : text + space
    })
    return `| ${padded.join(' | ')} |\n`
  }
  const rule = widths.map((width, i) => (sides[i] === 'right' ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  return line(head) + line(rule) + body.map(line).join('')
}
