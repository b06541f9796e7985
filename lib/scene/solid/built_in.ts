// The categories that are built in. Their shapes are many: they are loaded when they are first asked for.
import type { Category } from './category.js'

/** Every built-in category, sorted by name. */
export const builtInCategories = async (): Promise<readonly Category[]> => (await import('./categories/index.js')).categories

/** Names of the built-in categories, sorted. */
export const solidCategories = async (): Promise<readonly string[]> => (await builtInCategories()).map(({ name }) => name)
