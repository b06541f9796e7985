// Names of layers, and what is said when there is none of a name.
import { OptionError } from '../errors.js'
import type { Layer } from './layer.js'

/** Every layer in order of computing, those within first. */
export function everyLayer(layers: readonly Layer[]): Layer[] {
  return layers.flatMap((layer) => [...everyLayer(layer.children), layer])
}

/** Whether `frozen` or the like names a layer: by its own name or by one under which it stands. */
export const covers = (stem: string, name: string): boolean => name === stem || name.startsWith(`${stem}.`)

/** An error that names the nearest of the names there are. */
export function noSuchLayer(op: string, argument: string, name: string, names: readonly string[]): OptionError {
  const nearest = [...names].sort((a, b) => distance(name, a) - distance(name, b)).slice(0, 3)
  return new OptionError({
    op,
    argument,
    actual: `'${name}', no layer`,
    expected: `a layer of the network, such as ${nearest.join(', ')}`,
  })
}

/** Letters to insert, take out or exchange between two words (Levenshtein); parts of a name that are there count half. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)),
      )
    row = next
  }
  const edits = row.at(-1) as number
  return b.includes(a) || a.includes(b) ? edits / 2 : edits
}
