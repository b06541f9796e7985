import { existsSync } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import { type LoadProgress, labelsOf } from '../data/index.js'
import { deviceOf } from '../device.js'
import { OptionError } from '../errors.js'
import { describeWriteError } from '../io/file_errors.js'
import { whole } from '../options.js'
import { writeCatalogue, writeScenePage } from '../report/index.js'
import { startPhase } from '../run/index.js'
import {
  type SceneOptions,
  type SolidObjectsOptions,
  type SolidSceneOptions,
  type SolidScenes,
  sceneOptions,
  scenes,
  solidSceneOptions,
  solidScenes,
  writeScenes,
  writeScenesOptions,
} from '../scene/index.js'
import { addFlags, refuseOthers } from './flags.js'
import { interruptSignal, jsonText, type Output, output, run } from './terminal.js'

interface RenderValues {
  scene: 'flat' | 'solid'
  out: string
  device?: string
  page: boolean
  catalogue?: boolean
  json?: boolean
}

const sharedFlags = z.strictObject({
  count: solidSceneOptions.shape.count.optional(),
  ...solidSceneOptions.pick({ seed: true, first: true }).shape,
  size: whole(4, 4096).optional().describe('side of the image in pixels (default: 32 of flat scenes, 64 of solid ones)'),
})
const shared = Object.keys(sharedFlags.shape)

export function addRender(program: Command): void {
  const command = program
    .command('render')
    .description('labelled scenes with their latent variables, as images in class folders or tar shards with one table')
    .requiredOption('--out <dir>', 'folder to make')
    .addOption(
      new Option('--scene <kind>', 'flat shapes on noise, or solid objects in perspective')
        .choices(['flat', 'solid'])
        .default('flat'),
    )
    .option('--json', jsonText)
  const common = addFlags(command, sharedFlags)
  const written = addFlags(command, writeScenesOptions, { group: 'Files:' })
  command.addOption(
    new Option(
      '--no-page',
      'do not write index.html: images, one object across each variable, and the distributions of all',
    ).helpGroup('Files:'),
  )
  const solid = addFlags(command, solidSceneOptions, { group: 'Solid scenes:', except: [...shared, 'ranges'] })
  command.addOption(
    new Option('--device <name>', 'where solid scenes are rendered: cpu (default), cuda or cuda:1').helpGroup('Solid scenes:'),
  )
  command.addOption(
    new Option(
      '--catalogue',
      'write no scenes, but a page of the objects: those of --categories, --instances and --meshes, or all',
    ).helpGroup('Solid scenes:'),
  )
  const solidRanges = addFlags(command, solidSceneOptions, {
    group: 'Ranges of the variables of solid scenes:',
    only: ['ranges'],
  })
  const flatRanges = addFlags(command, sceneOptions, { group: 'Ranges of the variables of flat scenes:', only: ['ranges'] })
  command
    .addHelpText(
      'after',
      '\nExamples:\n  $ striate render --out scenes --count 1000 --size 64\n  $ striate render --scene solid --out objects --count 1000 --size 256\n  $ striate render --scene solid --catalogue --out catalogue',
    )
    .action((values: RenderValues) =>
      run(
        async () => {
          const say = output(values)
          const signal = interruptSignal()
          const ofSolid = { ...solid(), ...(values.device === undefined ? {} : { device: values.device }), ...solidRanges() }
          const forSolid = { ...ofSolid, ...(values.catalogue ? { catalogue: true } : {}) }
          refuseOtherKind(values.scene, values.scene === 'flat' ? forSolid : flatRanges())
          if (values.catalogue) return await catalogue(command, values, ofSolid, say, signal)
          const { meshes, photos, device: name, ...rest } = ofSolid
          if (common().count === undefined)
            throw new OptionError({
              op: 'render',
              argument: '--count',
              actual: 'missing',
              expected: 'a whole number of at least 1',
            })
          await checkFolder(values.out)
          const device = deviceOf(name ?? 'cpu')
          const counting = progressOf('counting', say)
          const control = { signal, device, onProgress: counting }
          const paths = { ...(meshes && { meshes: resolve(meshes) }), ...(photos && { photos: resolve(photos) }) }
          const set =
            values.scene === 'flat'
              ? scenes({ ...common(), ...flatRanges() } as SceneOptions)
              : await solidScenes({ ...({ ...common(), ...rest } as SolidSceneOptions), ...paths, ...control })
          const settings = written()
          await writeScenes(set, values.out, { ...settings, signal, onProgress: progressOf('writing', say) })
          const page = values.page ? await writeScenePage(set, values.out, { signal, device }) : null
          say.done()
          ;(set as Partial<SolidScenes>).dispose?.()
          const { classes = [] } = labelsOf(set) ?? {}
          const count = set.shape[0]
          const table = `metadata.${settings.metadata ?? 'parquet'}`
          say.line(`written: ${count} scenes of ${classes.length} classes and ${table} in ${values.out}`)
          if (page) say.line(`page: ${page}`)
          say.json({ out: values.out, count, classes, metadata: table, page })
        },
        () => (command.opts<RenderValues>().catalogue ? 'nothing was written' : 'the scenes that were written stay'),
      ),
    )
}

/** Writes the page of the objects that the options choose. */
async function catalogue(
  command: Command,
  { out, device }: RenderValues,
  given: SolidObjectsOptions,
  say: Output,
  signal: AbortSignal,
): Promise<void> {
  const chosen = ['categories', 'instances', 'meshes', 'allowHoles'] as const
  refuseOthers(command, ['scene', 'out', 'json', 'device', 'catalogue', ...chosen], '--catalogue')
  await checkFolder(out)
  const options = Object.fromEntries(chosen.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])))
  const onProgress = progressOf('rendering', say, 'categories')
  const { page, categories, objects } = await writeCatalogue(out, {
    ...options,
    device: deviceOf(device ?? 'cpu'),
    signal,
    onProgress,
  })
  say.done()
  say.line(`written: ${page}, ${objects} objects of ${categories} categories`)
  say.json({ out, page, categories, objects })
}

/** Refuses a folder that cannot be made or written, before the scenes are counted. */
async function checkFolder(folder: string): Promise<void> {
  let there = resolve(folder)
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there)
  try {
    if (!(await stat(there)).isDirectory()) throw Object.assign(new Error('no folder'), { code: 'ENOTDIR' })
    await access(there, constants.W_OK)
  } catch (error) {
    throw describeWriteError(folder, error)
  }
}

/** Reports what is done as a phase of the command. */
function progressOf(phase: string, say: Output, unit = 'images'): (progress: LoadProgress) => void {
  let report: ReturnType<typeof startPhase> | null = null
  return ({ done, total }) => {
    report ??= startPhase(phase, unit, total, 0, (progress) => say.progress(progress))
    report(done)
  }
}

/** Refuses options that the other kind of scenes has. */
function refuseOtherKind(scene: RenderValues['scene'], others: Record<string, unknown>): void {
  const [first] = Object.entries(others).flatMap(([name, value]) =>
    name === 'ranges' ? Object.keys(value as object).map((own) => `ranges ${own}`) : [name],
  )
  if (first === undefined) return
  const flag = `--${first.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replace(' ', '-')}`
  const other = scene === 'flat' ? 'solid' : 'flat'
  throw new OptionError({
    op: 'render',
    argument: flag,
    actual: `given for ${scene} scenes`,
    expected: `it only with --scene ${other}`,
  })
}
