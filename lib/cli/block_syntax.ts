// How blocks are written on the command line: "W3 K400 n40 pool11/2, W5 K200 n20 pool11/2", a block between commas, in the paper's letters.
import { InvalidArgumentError } from 'commander'
import type { BlockOptions } from '../learn/index.js'
import type { ConvBlock } from '../models/index.js'

const letters = {
  W: { option: 'window', example: 'W3 (window)' },
  K: { option: 'units', example: 'K400 (filters)' },
  n: { option: 'power', example: 'n40 (power)' },
  m: { option: 'rank', example: 'm2 (rank)' },
  D: { option: 'antiHebbian', example: 'D0.28 (Delta)' },
  S: { option: 'steps', example: 'S20000 (steps)' },
} as const
type Letter = keyof typeof letters
type Option = (typeof letters)[Letter]['option']

type Words = { [name in Option]?: number } & { pool?: { size: number; stride: number; padding?: number } }

const of = (allowed: readonly Letter[]): string =>
  [...allowed.map((letter) => letters[letter].example), 'pool11/2 (size/stride) or pool11/3+5 (+padding)'].join(', ')

/** Reads a list of blocks; ranges are checked where they are used. */
function parseBlocks(text: string, allowed: readonly Letter[]): Words[] {
  return text.split(',').map((part) => {
    const words = part.trim().split(/\s+/).filter(Boolean)
    if (words.length === 0)
      throw new InvalidArgumentError(`expected blocks between commas, each of ${of(allowed)}; one is empty.`)
    const block: Words = {}
    for (const word of words) {
      const pool = /^pool(\d+)\/(\d+)(?:\+(\d+))?$/.exec(word)
      const [, letter, value] = /^([A-Za-z])(\d+(?:\.\d+)?)$/.exec(word) ?? []
      const known = allowed.find((one) => one === letter)
      const name = pool ? 'pool' : known && letters[known].option
      if (!name) throw new InvalidArgumentError(`'${word}' is none of ${of(allowed)}.`)
      if (name in block) throw new InvalidArgumentError(`'${word}' is the second of its kind in '${part.trim()}'.`)
      if (pool) block.pool = { size: Number(pool[1]), stride: Number(pool[2]), ...(pool[3] ? { padding: Number(pool[3]) } : {}) }
      else if (name !== 'pool') block[name] = Number(value)
    }
    return block
  })
}

const localLetters: readonly Letter[] = ['W', 'K', 'n', 'm', 'D', 'S']
const convLetters: readonly Letter[] = ['W', 'K', 'n']

/** What a block's words may be, with an example of each. */
export const localWords = of(localLetters)
export const convWords = of(convLetters)

/**
 * Blocks of a local network; what a block leaves out, the options of all blocks say.
 * @throws {InvalidArgumentError} naming the word that is none, or comes twice
 */
export const parseLocalBlocks = (text: string): BlockOptions[] =>
  parseBlocks(text, localLetters).map(({ power, pool, ...filters }) => ({
    filters,
    ...(power === undefined ? {} : { power }),
    ...(pool ? { pool } : {}),
  }))

/**
 * Blocks of a network that is trained end to end.
 * @throws {InvalidArgumentError} naming the word that is none, or comes twice
 */
export const parseConvBlocks = (text: string): ConvBlock[] => parseBlocks(text, convLetters)
