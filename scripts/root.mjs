import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's own folder, for both module systems (see "imports" in package.json). */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
