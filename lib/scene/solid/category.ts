// What a category of objects is: a noun and a way to build any number of instances that differ in shape.
import { draw, shuffled } from '../../random.js'
import type { Solid } from './kit/solid.js'
import type { Mesh } from './mesh.js'

/** Instances of a category that are standard: those that scenes are made of unless they ask for others. */
export const instances = 5

export interface Category {
  /** An English noun, lower case with underscores: 'dining_table'. */
  readonly name: string
  /** The solid of one instance, its front towards +z, in any unit. */
  build(random: Random): Solid
}

const cycleStream = 0x6379636c
const spreadStream = 0x73707264

/** Shape parameters of instance `instance` of a category: the same numbers in the same order of calls. */
export class Random {
  readonly instance: number
  readonly #seed: number
  #calls = 0

  constructor(name: string, instance: number) {
    this.instance = instance
    // FNV-1a.
    this.#seed = [...name].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0, 0x811c9dc5)
  }

  /** From 0 up to 1. */
  next(): number {
    return draw(this.#calls++, this.instance, this.#seed)[0] / 2 ** 32
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next()
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(list: readonly T[]): T {
    return list[this.whole(0, list.length - 1)]!
  }

  /**
   * The list's items in turn over the instances, in an order of the category's own: any `list.length` successive instances have each item once.
   * Call it before anything that only some instances draw.
   */
  cycle<T>(list: readonly T[]): T {
    return shuffled(list, this.#calls++, cycleStream, this.#seed)[this.instance % list.length]!
  }

  /** Between `low` and `high`, each of the standard instances in a fifth of its own. */
  spread(low: number, high: number): number {
    const call = this.#calls++
    const fifth = shuffled([0, 1, 2, 3, 4], call, spreadStream, this.#seed)[this.instance % instances]!
    return low + ((high - low) * (fifth + draw(call, this.instance, this.#seed)[0] / 2 ** 32)) / instances
  }
}

/** The mesh of instance `instance` of a category, from 0; there is no last one. */
export function buildMesh(category: Category, instance: number): Mesh {
  return category.build(new Random(category.name, instance)).toMesh()
}
