import { draw } from '../../lib/random.js'
import { type Case, type Expected, f32, type Host, i32, type Proof } from './proof.js'

const stream = 0x70726f6a

/** Bounds in 32 bits, as an i32 tensor holds them. */
const bits = (bounds: readonly number[]): Host =>
  i32(
    [bounds.length],
    bounds.map((v) => v | 0),
  )

/** Gaps of one and more, each time longer with this probability. */
const geometric = (longer: number, count: number): Host =>
  bits(Array.from({ length: count }, (_, i) => Math.floor(2 ** 32 * longer ** (i + 1))))

const make = (name: string, bounds: Host, rows: number, width: number, room: number, seed = 1, value = 0.3): Case => ({
  name,
  inputs: [bounds],
  options: { rows, width, room, seed, value },
})

// One stretch of entries (1,024 and 12,288) and more, ends within a counter; rows without entries; a room that is just enough.
const cases: Case[] = [
  make('[1,1], an entry', bits([0]), 1, 1, 2),
  make('[4,3], all entries', bits([0]), 4, 3, 13),
  make('[7,5], no entry', bits([2 ** 32 - 1, 2 ** 32 - 1, ...Array(40).fill(2 ** 32 - 1)]), 7, 5, 1),
  make('[31,67] of half the entries', geometric(0.5, 40), 31, 67, 1200, 5),
  make('[300,11], rows without entries', geometric(0.98, 900), 300, 11, 200, 2 ** 53 - 1),
  make('[257,1031] of an eighth', geometric(0.875, 160), 257, 1031, 34000, 2 ** 40 + 3, -2),
]

function reference({ inputs, options }: Case): Expected {
  const bounds = inputs[0]!.data.map((v) => v >>> 0)
  const { rows, width, room, seed, value } = options as Record<string, number>
  const [values, columns] = [new Float64Array(room!), new Float64Array(room!)]
  const offsets = new Float64Array(rows! + 1).fill(Number.NaN)
  for (let i = 0, place = -1; i < room!; ++i) {
    const words = draw(Math.floor(i / 3), stream, seed!)
    const word = words[i % 3]!
    const first = Math.floor(place / width!) + 1
    place += 1 + bounds.filter((bound) => bound > word).length
    const row = Math.floor(place / width!)
    for (let r = first; r <= Math.min(row, rows!); ++r) offsets[r] = i
    if (row >= rows!) break
    columns[i] = place % width!
    values[i] = (words[3] >>> (i % 3)) & 1 ? value! : -value!
  }
  return { values: f32([room!], values), columns: i32([room!], columns), offsets: i32([rows! + 1], offsets) }
}

export const proofs: Proof[] = [
  {
    op: 'sparse_projection',
    cases,
    reference,
    budget: () => 0, // nothing is computed but rounded
    refusals: [
      {
        name: 'more entries than there is room for',
        inputs: [bits([0])],
        options: { rows: 4, width: 3, room: 12 },
        error: 'DataError',
        argument: 'room',
        late: true,
      },
      { name: 'no room', inputs: [bits([0])], options: { room: 0 }, error: 'OptionError', argument: 'room' },
    ],
  },
]
