#!/usr/bin/env node
// Everything else is loaded from here, so that a package without its addon says so in one sentence.
import { StriateError } from '../errors.js'
import { listenForSignals, printable } from './terminal.js'

listenForSignals()

// A reader that has gone (`| head -1`), or a full disk behind the output, ends what is printed and not the work.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

await import('./program.js').catch((error: unknown) => {
  if (!(error instanceof StriateError)) throw error
  console.error(printable(`striate: ${error.message}`))
  process.exit(1)
})
