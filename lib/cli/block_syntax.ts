// How blocks are written on the command line: "W3 K400 n40 pool11/2, W5 K200 n20 pool11/2", a block between commas, in the paper's letters.
import { InvalidArgumentError } from 'commander'
import type { BlockOptions } from '../learn/index.js'
import { type BlockResponse, blockResponse, type ConvBlock } from '../models/index.js'

const letters = {
  W: { option: 'window', example: 'W3 (window)' },
  K: { option: 'units', example: 'K400 (filters)' },
  n: { option: 'power', example: 'n40 (power)' },
  m: { option: 'rank', example: 'm2 (rank)' },
  D: { option: 'antiHebbian', example: 'D0.28 (Delta)' },
  S: { option: 'steps', example: 'S20000 (steps)' },
  keep: { option: 'keep', example: 'keep32 (components of whitened patches)' },
  on: { option: 'on', example: 'on0 (blocks of the trunk under it)' },
} as const
type Letter = keyof typeof letters
type Option = (typeof letters)[Letter]['option']

const responses: readonly BlockResponse[] = blockResponse.options

type Words = { [name in Option]?: number } & {
  response?: BlockResponse
  pool?: { size: number; stride: number; padding?: number }
}

/** What the words of a block may be: letters with a number, a pool, and where there are some a response by its name. */
interface Allowed {
  letters: readonly Letter[]
  responses: readonly BlockResponse[]
}

const of = ({ letters: some, responses }: Allowed): string =>
  [
    ...some.map((letter) => letters[letter].example),
    'pool11/2 (size/stride) or pool11/3+5 (+padding)',
    ...(responses.length > 0 ? [`${responses.join(' or ')} (response)`] : []),
  ].join(', ')

/** Reads a list of blocks; ranges are checked where they are used. */
function parseBlocks(text: string, allowed: Allowed): Words[] {
  return text.split(',').map((part) => {
    const words = part.trim().split(/\s+/).filter(Boolean)
    if (words.length === 0)
      throw new InvalidArgumentError(`expected blocks between commas, each of ${of(allowed)}; one is empty.`)
    const block: Words = {}
    for (const word of words) {
      const pool = /^pool(\d+)\/(\d+)(?:\+(\d+))?$/.exec(word)
      const [, letter, value] = /^([A-Za-z]+?)(\d+(?:\.\d+)?)$/.exec(word) ?? []
      const known = allowed.letters.find((one) => one === letter)
      const response = allowed.responses.find((one) => one === word)
      const name = pool ? 'pool' : response ? 'response' : known && letters[known].option
      if (!name) throw new InvalidArgumentError(`'${word}' is none of ${of(allowed)}.`)
      if (name in block) throw new InvalidArgumentError(`'${word}' is the second of its kind in '${part.trim()}'.`)
      if (pool) block.pool = { size: Number(pool[1]), stride: Number(pool[2]), ...(pool[3] ? { padding: Number(pool[3]) } : {}) }
      else if (response) block.response = response
      else if (known) block[letters[known].option] = Number(value)
    }
    return block
  })
}

const local: Allowed = { letters: ['W', 'K', 'n', 'm', 'D', 'S', 'keep', 'on'], responses }
const conv: Allowed = { letters: ['W', 'K', 'n'], responses: [] }

/** What a block's words may be, with an example of each. */
export const localWords = of(local)
export const convWords = of(conv)

/**
 * Blocks of a local network; what a block leaves out, the options of all blocks say.
 * @throws {InvalidArgumentError} naming the word that is none, or comes twice
 */
export const parseLocalBlocks = (text: string): BlockOptions[] =>
  parseBlocks(text, local).map(({ power, pool, response, on, keep, ...filters }) => ({
    filters: { ...filters, ...(keep === undefined ? {} : { whiten: { keep } }) },
    ...(on === undefined ? {} : { on }),
    ...(power === undefined ? {} : { power }),
    ...(response ? { response } : {}),
    ...(pool ? { pool } : {}),
  }))

/**
 * Blocks of a network that is trained end to end.
 * @throws {InvalidArgumentError} naming the word that is none, or comes twice
 */
export const parseConvBlocks = (text: string): ConvBlock[] => parseBlocks(text, conv)
