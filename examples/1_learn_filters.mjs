// Filters learned from images without labels: node examples/1_learn_filters.mjs [folder for the picture]
// Renders 2,000 small scenes, learns 32 filters of 5 x 5 pixels from their patches by the Krotov-Hopfield rule, and draws them.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { healthWarnings, learnFilters, renderSet } from 'striate'
import { filterSheet } from 'striate/plot'

const images = await renderSet({ count: 2000, seed: 1 })
const { filters, health, config } = await learnFilters(images, { units: 32, window: 5, steps: 2000 })
console.log(
  `filters [${filters.shape}], ${health.dead.length} dead, ${(100 * health.unitNorm).toFixed(0)} % of rows within 1 % of norm 1`,
)
for (const warning of healthWarnings(health, config)) console.log(`warning: ${warning}`)

const { data } = await filters.read()
const sheet = await filterSheet(data, filters.shape, { dead: health.dead, title: '32 filters of 5 x 5 pixels' })
const file = join(process.argv[2] ?? '.', 'filters.png')
await writeFile(file, sheet.png)
console.log('drawn: filters.png')

/* prints
filters [32,3,5,5], 0 dead, 100 % of rows within 1 % of norm 1
drawn: filters.png
*/
