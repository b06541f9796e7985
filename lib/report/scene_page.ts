// The page of a rendered set: some of its images, one object across each variable, and how all variables are distributed.
import { join } from 'node:path'
import { type LoadControl, labelsOf } from '../data/index.js'
import { classCounts } from '../data/targets.js'
import type { Device } from '../device.js'
import { removeUnfinished } from '../io/atomic.js'
import { writeAtomic } from '../io/index.js'
import { takeLock } from '../io/lock.js'
import { refuseUnknown } from '../options.js'
import { type Block, renderPage } from '../plot/index.js'
import type { Scenes, SolidScenes } from '../scene/index.js'
import { version } from '../version.js'
import { distributionSections, distributionsOf } from './scene_distributions.js'
import { contactSheet, shownRows } from './scene_sheets.js'
import { flatSweepSection, solidSweepSection } from './scene_sweeps.js'

/** What `writeScenePage` takes beside the set. */
export interface ScenePageControl extends Pick<LoadControl, 'signal'> {
  /** Where the set's scenes are rendered; `cpu()` by default. */
  device?: Device | undefined
}

const isSolid = (set: Scenes | SolidScenes): set is SolidScenes => set.origin.kind === 'solid'

/** Images of each class, and of each object where they are told apart. */
function balance(set: Scenes | SolidScenes): Block {
  const rows = Object.entries(set.targets).flatMap(([name, column]) => {
    if (column.kind !== 'class') return []
    const there = classCounts(column).filter((count) => count > 0)
    return [[name, column.classes.length, there.length, Math.min(...there), Math.max(...there)] as const]
  })
  return {
    kind: 'table',
    caption: 'Images of each category and object',
    columns: ['Target', 'There are', 'In the set', 'Least images', 'Most images'],
    rows,
  }
}

/**
 * Writes index.html, the page of a set of scenes: images of up to 40 categories, one object across each variable, and every variable's distribution
 * beside the expected one.
 * @returns the path of the page
 * @throws {Locked} while another process writes there; {DataError} naming the file that cannot be written
 */
export async function writeScenePage(set: Scenes | SolidScenes, folder: string, control: ScenePageControl = {}): Promise<string> {
  const op = 'writeScenePage'
  refuseUnknown(op, control, ['signal', 'device'])
  const { signal, device } = control
  const [count, , size] = set.shape
  const distributions = distributionsOf(set)
  const { classes } = labelsOf(set) as { classes: readonly string[] }
  const shown = shownRows(set)
  const figures = await contactSheet(set, shown, signal)
  const sweeps = isSolid(set)
    ? await solidSweepSection(set, distributions, { signal, device })
    : await flatSweepSection(set, distributions)
  const page = renderPage({
    title: isSolid(set) ? 'Scenes of solid objects' : 'Scenes of flat shapes',
    lead: 'Rendered images whose variables are known: some of them, what each variable does, and how all are distributed.',
    summary: [
      { label: 'Images', value: count, note: `${size} x ${size} pixels, from number ${set.first} on` },
      { label: 'Categories', value: classes.length },
      { label: 'Seed', value: set.origin.seed },
    ],
    sections: [
      {
        heading: 'Images',
        blocks: [
          {
            kind: 'text',
            text: `The first images of ${shown.length < classes.length ? `${shown.length} of the ${classes.length} categories` : 'each category'}.`,
          },
          { kind: 'figures', compact: true, figures },
          balance(set),
        ],
      },
      sweeps,
      ...(await distributionSections(set, distributions)),
    ],
    provenance: [
      { label: 'Striate', value: version },
      { label: 'Set', value: set.name },
      { label: 'SHA-256 of what it is made from', value: set.sha256 ?? '', code: true },
    ],
  })
  const file = join(folder, 'index.html')
  const release = await takeLock(folder, op, 'scenes')
  try {
    // Of a process that was killed while it wrote one.
    await removeUnfinished(folder)
    await writeAtomic(file, page)
  } finally {
    await release()
  }
  return file
}
