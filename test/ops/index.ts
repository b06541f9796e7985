// Collects the proofs: every file beside this one exports `proofs`.
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Proof } from './proof.js'

const here = dirname(fileURLToPath(import.meta.url))

export async function allProofs(): Promise<Proof[]> {
  const proofs: Proof[] = []
  for (const file of readdirSync(here).sort()) {
    if (/\.test\.ts$|^(index|proof)\.ts$/.test(file)) continue
    const module = (await import(join(here, file))) as { proofs?: Proof[] }
    proofs.push(...(module.proofs ?? []))
  }
  return proofs
}
