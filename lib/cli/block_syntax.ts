// How blocks are written on the command line: "W3 K400 n40 pool11/2, W5 K200 n20 pool11/2", a block between commas, in the paper's letters.
import { InvalidArgumentError } from 'commander'
import type { BlockOptions, FilterOptions } from '../learn/index.js'

/** What a block's words may be, with an example of each. */
export const blockWords =
  'W3 (window), K400 (filters), n40 (power), pool11/2 (size/stride) or pool11/3+5 (+padding), m2 (rank), D0.28 (Delta), S20000 (steps)'

const filterWords: Record<string, keyof FilterOptions> = { W: 'window', K: 'units', m: 'rank', D: 'antiHebbian', S: 'steps' }

/**
 * Reads a list of blocks; what a block leaves out, the options of all blocks say. Ranges are checked where they are used.
 * @throws {InvalidArgumentError} naming the word that is none, or comes twice
 */
export function parseBlocks(text: string): BlockOptions[] {
  return text.split(',').map((part) => {
    const words = part.trim().split(/\s+/).filter(Boolean)
    if (words.length === 0) throw new InvalidArgumentError(`expected blocks between commas, each of ${blockWords}; one is empty.`)
    const filters: Record<string, number> = {}
    const block: BlockOptions = {}
    for (const word of words) {
      const pool = /^pool(\d+)\/(\d+)(?:\+(\d+))?$/.exec(word)
      const other = /^([WKnmDS])(\d+(?:\.\d+)?)$/.exec(word)
      const name = pool ? 'pool' : other?.[1] === 'n' ? 'power' : filterWords[other?.[1] ?? '']
      if (!name) throw new InvalidArgumentError(`'${word}' is none of ${blockWords}.`)
      if (name in filters || name in block)
        throw new InvalidArgumentError(`'${word}' is the second of its kind in '${part.trim()}'.`)
      if (pool) block.pool = { size: Number(pool[1]), stride: Number(pool[2]), ...(pool[3] ? { padding: Number(pool[3]) } : {}) }
      else if (name === 'power') block.power = Number(other?.[2])
      else filters[name] = Number(other?.[2])
    }
    return { ...block, filters }
  })
}
