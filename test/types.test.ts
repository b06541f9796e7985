// A strict TypeScript project that installs the package compiles against its declarations, those of its dependencies included, without a browser's.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { extract } from 'tar'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'

let project: string
beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'striate-types-'))
  const packed = spawnSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  expect(packed.status, packed.stderr).toBe(0)
  const modules = join(project, 'node_modules')
  mkdirSync(modules)
  await extract({ file: join(project, packed.stdout.trim()), cwd: modules })
  renameSync(join(modules, 'package'), join(modules, 'striate'))
  // What npm would install beside it, and nothing of what only this checkout has.
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>
  }
  for (const [path, { dev }] of Object.entries(packages)) {
    const isTop = /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path)
    if (!isTop || dev || !existsSync(join(root, path))) continue
    mkdirSync(dirname(join(project, path)), { recursive: true })
    symlinkSync(join(root, path), join(project, path), 'junction')
  }
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }')
}, 300_000)
afterAll(() => rmSync(project, { recursive: true }))

/** What newcomers write first, with the parts of the package that the README names. */
const usage = `
import { readFile } from 'node:fs/promises'
import { classify, cpu, loadNetwork, openImages, predict, renderSet, scope, Tensor, trainLocal, transform, writeFeatures } from 'striate'
import type { Images, LocalOptions, Prediction, ReadoutOptions, SupervisedOptions } from 'striate'
import { runBench } from 'striate/bench'
import { matmul } from 'striate/ops'
import { lineChart } from 'striate/plot'
import * as report from 'striate/report'
import { studies } from 'striate/reproduce'

const options: LocalOptions = { filters: { units: 64, rule: 'soft-wta' }, readout: { poolSize: 9, poolStrides: [5] } }
const readout: ReadoutOptions = { epochs: 2 }
const supervised: SupervisedOptions = { optimiser: { kind: 'adamw' } }

export async function use(): Promise<void> {
  const images: Images = await openImages('photos', { size: [32, 32] })
  const { net, record } = await trainLocal(images, options, { device: cpu(), onProgress: ({ done, total }) => done / total })
  const deadUnits: number = record.blocks[0]?.health.dead.length ?? 0
  const share: number = (await classify(net, await renderSet({ count: 8 }))).score.value
  const one: Prediction = await predict(net, await readFile('photo.jpg'))
  const many: Prediction[] = await predict(net, images, { batch: 8 })
  const { data, shape } = await transform(net, images, { at: 'features' })
  const first: number = data[0] ?? 0
  await writeFeatures(await loadNetwork('model.safetensors'), images, 'features.npy')
  const product = scope(() => matmul(Tensor.zeros([2, 3]), Tensor.zeros([3, 4])))
  const value: number = (await product.read()).get(0, 0)
  const svg: string = await lineChart({ title: 'a', x: { label: 'x' }, y: { label: 'y' }, series: [{ name: 'a', x: [0], y: [1] }] })
  console.log(deadUnits, share, one.class, many.length, shape, first, value, svg, readout, supervised, report, studies, runBench)
  // @ts-expect-error an option that there is not
  await predict(net, images, { sise: 1 })
  // @ts-expect-error a rule that there is not
  await trainLocal(images, { filters: { rule: 'soft-wtb' } })
}
`

describe('declarations', () => {
  it.each([
    ['nodenext, as ES modules and as CommonJS', 'nodenext', 'nodenext', ['mts', 'cts']],
    ['a bundler', 'esnext', 'bundler', ['mts']],
  ])(
    'compile in a strict project: %s',
    (_, module, moduleResolution, endings) => {
      const [, code] = /```ts\n([\s\S]+?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8')) as RegExpExecArray
      // A CommonJS module has no await at its top.
      const readme = (code as string).replace(/^((?:import .+\n)+)([\s\S]+)$/, '$1export async function readme() {\n$2}\n')
      for (const ending of endings) {
        writeFileSync(join(project, `use.${ending}`), usage)
        writeFileSync(join(project, `readme.${ending}`), readme)
      }
      const compilerOptions = {
        target: 'es2022',
        lib: ['es2023', 'esnext.disposable'],
        module,
        moduleResolution,
        strict: true,
        exactOptionalPropertyTypes: true,
        // Node's types come with the package, whatever a project includes by itself.
        types: [],
        skipLibCheck: false,
        noEmit: true,
        // What is linked here must not find what the checkout has beside it.
        preserveSymlinks: true,
      }
      const config = join(project, `tsconfig.${module}.json`)
      const files = endings.flatMap((ending) => [`use.${ending}`, `readme.${ending}`])
      writeFileSync(config, JSON.stringify({ compilerOptions, files }))
      const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
      const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', config], { cwd: project, encoding: 'utf8' })
      expect(stdout).toBe('')
      expect(status).toBe(0)
    },
    300_000,
  )
})
