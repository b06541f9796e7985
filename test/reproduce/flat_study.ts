// Flat scenes in place of photos, responses that follow nothing, and a study run on them: what the studies of recordings are tried on.
import { cpu, type Images, labelsOf, type Recording, renderSet, selectImages } from '../../lib/index.js'
import { normals } from '../../lib/random.js'
import { writeStudy } from '../../lib/report/index.js'
import { type PartRecord, runStudy, type Study, type StudyData, studies } from '../../lib/reproduce/index.js'

const options = { quick: true }

/** 240 flat scenes with classes to train on and 80 to test on, and the set that they are of. */
export async function labelledStudy(): Promise<{ set: Images; data: StudyData }> {
  const set = await renderSet({ count: 320, size: 32, seed: 1 })
  const rows = (first: number, count: number) =>
    selectImages(
      set,
      Int32Array.from({ length: count }, (_, i) => first + i),
    )
  return { set, data: { train: await rows(0, 240), test: await rows(240, 80), recordings: [], rdms: [], people: null } }
}

/** 80 images to train on, 30 to test on, which ten people each named too, 40 with responses of three neurons, and dissimilarities of the 30 of two subjects. */
export async function flatStudyData(size: number): Promise<StudyData> {
  const scenes = await renderSet({ count: 150, size, seed: 3 })
  const part = (from: number, to: number) =>
    selectImages(
      scenes,
      Int32Array.from({ length: to - from }, (_, i) => from + i),
    )
  const images = await part(110, 150)
  const [count, targets] = [40, 3]
  const responses: Recording['responses'] = {
    name: 'v4',
    sha256: 'a'.repeat(64),
    images: count,
    targets,
    mean: Float64Array.from(normals(1, count * targets)),
    trials: null,
    groups: null,
    imageNames: null,
    selection: null,
  }
  const test = await part(80, 110)
  const pairs = (seed: number) => Float64Array.from(normals(seed, (30 * 29) / 2), Math.abs)
  const reference = {
    name: 'it.npy',
    images: 30,
    subjects: [pairs(2), pairs(3)],
    halves: null,
    selection: null,
    sha256: 'b'.repeat(64),
  }
  const train = await part(0, 80)
  const { labels, classes } = labelsOf(test) ?? { labels: [], classes: [] }
  // Seven of ten name the class, the others the next ones.
  const counts = Float64Array.from({ length: labels.length * classes.length }, (_, at) => {
    const away = ((at % classes.length) - (labels[Math.floor(at / classes.length)] as number) + classes.length) % classes.length
    return [7, 2, 1][away] ?? 0
  })
  const choices = { name: 'people.npy', images: labels.length, classes: classes.length, counts, sha256: 'c'.repeat(64) }
  return {
    train,
    test,
    recordings: [{ images, responses, set: 'v4' }],
    rdms: [{ images: test, reference }],
    people: { train, test, choices },
  }
}

/** Runs a study in a folder and writes its page; `began` counts the parts that were not there. */
export async function runIn(
  folder: string,
  data: StudyData,
  name: string,
): Promise<{ records: ReadonlyMap<string, PartRecord>; written: { folder: string }; began: number }> {
  const study = studies.find((one) => one.name === name) as Study
  const said: string[] = []
  const records = await runStudy(study, data, options, { out: folder, onPlan: (text) => said.push(text) })
  const written = await writeStudy(study, data, options, records, { out: folder, command: name, device: cpu().toString() })
  return { records, written, began: said.filter((text) => /^part \d+ of/.test(text)).length }
}
