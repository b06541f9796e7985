/**
 * Figures and pages from plain numbers: charts and filter sheets as SVG and PNG, self-contained HTML pages, tables.
 * @module
 */
export {
  type Axis,
  type BarChart,
  type BarSeries,
  barChart,
  type LineChart,
  lineChart,
  type Reference,
  type Series,
} from './chart.js'
export { type FilterGroup, type FilterOrder, type FilterShape, type FilterTraits, orderFilters } from './filter_order.js'
export { type FilterSheet, type FilterSheetOptions, filterSheet } from './filters.js'
export { type Counted, type Histogram, histogram } from './histogram.js'
export { type ImageRow, type ImageSheet, type ImageSheetOptions, imageSheet } from './image_sheet.js'
export { type Block, type Figure, type Page, renderPage, type Section, type SummaryNumber } from './page.js'
export { type Cell, type Column, markdownTable } from './table.js'
