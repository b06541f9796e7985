// A misspelt option is refused by its name, at every depth, by everything that is exported and takes options.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JobOptions, type JobRun, runBench, runJob } from '../lib/bench/index.js'
import * as striate from '../lib/index.js'
import * as ops from '../lib/ops/index.js'
import * as plot from '../lib/plot/index.js'
import { type CatalogueControl, type ScenePageControl, writeCatalogue, writeScenePage, writeStudy } from '../lib/report/index.js'
import * as reproduce from '../lib/reproduce/index.js'
import { exportedOptions } from './exported_options.js'

const { Tensor } = striate

/** Takes an object of options; their least form in which every object within them is there. */
interface Taker {
  call: (options: never) => unknown
  options: object
}
const takes = <T extends object>(call: (options: T) => unknown, options: T): Taker => ({ call, options })

const t = (...shape: number[]) => Tensor.from(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5), { shape })
const bytes = (...shape: number[]) => Tensor.from(new Uint8Array(shape.reduce((a, b) => a * b, 1)), { shape })
const wide = (...shape: number[]) => Tensor.zeros(shape, { dtype: 'f64' })
const labels = (n: number) => Tensor.from(new Int32Array(n))

const images = striate.scenes({ count: 16, size: 8 })
const data = { train: images, test: images, recordings: [], rdms: [], people: null }
const network = {
  kind: 'network' as const,
  name: 'small',
  channels: 3,
  image: [8, 8] as [number, number],
  layers: [
    { kind: 'nnl_conv' as const, name: 'blocks.0', units: 4, window: 3, pool: { size: 3, stride: 3 } },
    { kind: 'flatten' as const },
    { kind: 'linear' as const, units: 8 },
  ],
  heads: [{ name: 'class', loss: 'softmax' as const, classes: [...striate.shapeNames], outputs: striate.shapeNames.length }],
}
const net = new striate.Network(network)
const hierarchy = striate.waveletNet({ image: [8, 8], units: [4], orientations: 1 })
const waves = { subsample: 2 } as const
const folder = mkdtempSync(join(tmpdir(), 'striate-options-'))
const file = join(folder, 'model.safetensors')
beforeAll(() => net.save(file))
afterAll(() => {
  net.dispose()
  rmSync(folder, { recursive: true })
})

const trials = { images: 16, targets: 1, repeats: 2, data: new Float64Array(32).map((_, i) => i) }
const responses = striate.responsesFrom({ name: 'v4', images: 16, targets: 1, trials })
const rdms = { name: 'it', images: 16, subjects: [new Float64Array(120)], halves: null, selection: null, sha256: '' }
const choices = { name: 'people', images: 16, classes: 4, counts: new Float64Array(64).fill(1), sha256: '' }

const study = reproduce.studies[0] as reproduce.Study
const axis = { label: 'x' }
const readout = { w: t(2, 4), b: t(2), mw: t(2, 4), vw: t(2, 4), mb: t(2), vb: t(2) }
const pool = { size: 2, stride: 1 }
const rows = new Float32Array(24)
const run = { device: striate.cpu() }

const int = (shape: number[]) => striate.Tensor.from(new Int32Array(shape.reduce((a, b) => a * b)), { shape })
const rendered: ops.SceneTensors = {
  vertices: t(3, 6),
  triangles: int([1, 4]),
  meshes: int([1, 4]),
  textures: striate.Tensor.from(new Uint8Array(ops.textureBytes), { shape: [1, ops.textureBytes] }),
  materials: t(1, 12),
  places: int([1, 1, 2]),
  poses: t(1, 1, 14),
  worlds: t(1, 50),
}

const takers: Record<string, Taker> = {
  // Networks
  'new Network(config)': takes((o: striate.NetworkConfigInput) => new striate.Network(o), network),
  'new Network(options)': takes((o: striate.NetworkOptions) => new striate.Network(network, o), {}),
  'Network.load(options)': takes((o: { device?: striate.Device }) => striate.Network.load(file, o), {}),
  'Network#forward(options)': takes((o: { training?: boolean }) => net.forward(t(1, 3, 8, 8), o), {}),
  'Network#features(options)': takes((o: { at: string[] }) => net.features(t(1, 3, 8, 8), o), { at: ['blocks.0'] }),
  'loadNetwork(options)': takes((o: { device?: striate.Device }) => striate.loadNetwork(file, o), {}),
  'layerExtents(config)': takes((o: striate.NetworkConfigInput) => striate.layerExtents(o), network),
  'cutAt(given)': takes((o: striate.NetworkConfigInput) => striate.cutAt(o, 'blocks.0'), network),
  'withReadout(given)': takes((o: striate.NetworkConfigInput) => striate.withReadout(o, ['a', 'b']), network),
  'withPools(given)': takes((o: striate.NetworkConfigInput) => striate.withPools(o, { power: 2 }), network),
  'withPools(change)': takes((o: striate.PoolChange) => striate.withPools(network, o), { power: 2 }),
  'convNet(options)': takes(striate.convNet, {
    channels: 3,
    image: [8, 8],
    classes: ['a', 'b'],
    blocks: [{ pool: { size: 2 } }],
  }),
  'waveletNet(options)': takes(striate.waveletNet, { image: [8, 8], units: [4] }),
  'resNet18(options)': takes(striate.resNet18, {
    image: [64, 64],
    heads: [{ name: 'x', target: 'x', loss: 'mse', outputs: 1 }],
  }),
  'localNet(options)': takes(striate.localNet, {
    channels: 3,
    image: [8, 8],
    trunk: [{ window: 3, units: 4, power: 2, pool }],
    blocks: [{ window: 3, units: 4, power: 2, pool }],
  }),
  'networkShapes(options)': takes(striate.networkShapes, {
    channels: 3,
    image: [8, 8],
    trunk: [{ window: 3, units: 4, power: 2, pool }],
  }),
  'trunkNet(options)': takes(striate.trunkNet, {
    channels: 3,
    image: [8, 8],
    trunk: [{ window: 3, units: 4, power: 2, pool }],
  }),
  'buildNetwork(options)': takes(
    (o: striate.BuilderOptions) => striate.buildNetwork(o, { channels: 3, image: [8, 8], classes: ['a', 'b'] }),
    { kind: 'conv-net', blocks: [{ pool: { size: 2 } }] },
  ),

  'fitComponents(config)': takes((o: striate.NetworkConfigInput) => striate.fitComponents(images, o), hierarchy),
  'fitComponents(options)': takes((o: striate.ComponentOptions) => striate.fitComponents(images, hierarchy, o), {}),
  'fitComponents(run)': takes((o: striate.RunOptions) => striate.fitComponents(images, hierarchy, {}, o), run),

  // Images
  'ahead(options)': takes((o: striate.AheadOptions) => striate.ahead(images, [Int32Array.of(0)], o), {}),
  'openImages(options)': takes((o: striate.OpenImagesOptions) => striate.openImages(folder, o), {}),
  'loadCifar(options)': takes((o: striate.CifarOptions) => striate.loadCifar(folder, o), {}),
  'loadFolder(options)': takes((o: striate.FolderOptions) => striate.loadFolder(folder, o), {}),
  'loadIdx(options)': takes((o: striate.IdxOptions) => striate.loadIdx(folder, o), {}),
  'loadShards(options)': takes((o: striate.ShardOptions) => striate.loadShards(folder, o), {}),
  'loadParquet(options)': takes((o: striate.ParquetOptions) => striate.loadParquet(folder, o), {}),
  'selectImages(options)': takes((o: { name?: string }) => striate.selectImages(images, [0], o), {}),
  'imagesFrom(given)': takes(striate.imagesFrom, { pixels: new Uint8Array(3), shape: [1, 3, 1, 1] }),
  'imagesFrom(options)': takes(
    (o: { signal?: AbortSignal }) => striate.imagesFrom({ pixels: new Uint8Array(3), shape: [1, 3, 1, 1] }, o),
    {},
  ),
  'inMemory(control)': takes((o: striate.LoadControl) => striate.inMemory(images, o), {}),
  'channelStatistics(options)': takes((o: { signal?: AbortSignal }) => striate.channelStatistics(images, o), {}),

  // Scenes and light
  'scenes(options)': takes(striate.scenes, { count: 1, ranges: { x: [0.4, 0.5] } }),
  'renderSet(options)': takes(striate.renderSet, { count: 1, ranges: { x: [0.4, 0.5] } }),
  'sampleLatents(options)': takes((o: { seed?: number; ranges?: object }) => striate.sampleLatents(0, o), {
    ranges: { x: [0.4, 0.5] },
  }),
  'render(options)': takes((o: { size?: number }) => striate.render(striate.sampleLatents(0), o), {}),
  'writeScenes(options)': takes(
    (o: striate.WriteScenesOptions & striate.LoadControl) => striate.writeScenes(images, join(folder, 'scenes'), o),
    {},
  ),
  'solidScenes(options)': takes(striate.solidScenes, { count: 1, categories: ['amphora'], ranges: { aimPitchDeg: [0, 0] } }),
  'applyLight(light)': takes((o: striate.Light) => striate.applyLight(images, o), { kind: 'contrast', strength: 0.5 }),
  'applyLight(options)': takes((o: { seed?: number }) => striate.applyLight(images, { kind: 'contrast', strength: 0.5 }, o), {}),
  'applyShadow(options)': takes((o: striate.ShadowOptions) => striate.applyShadow(images, o), {}),
  'checkLight(light)': takes((o: striate.Light) => striate.checkLight('a test', o), { kind: 'contrast', strength: 0.5 }),
  'new LightField(light)': takes((o: { kind: striate.LightKind }) => new striate.LightField(o, [1, 3, 2, 2]), { kind: 'smooth' }),
  'new LightField(options)': takes((o: { seed?: number }) => new striate.LightField({ kind: 'smooth' }, [1, 3, 2, 2], o), {}),

  // Recipes and evaluation
  'filterConfig(options)': takes(striate.filterConfig, {}),
  'learnFilters(options)': takes((o: striate.FilterOptions) => striate.learnFilters(images, o), {}),
  'learnFilters(run)': takes((o: striate.FilterRun) => striate.learnFilters(images, {}, o), run),
  'trainLocal(options)': takes((o: striate.LocalOptions) => striate.trainLocal(images, o), {
    filters: {},
    trunk: [{ filters: {}, pool: {} }],
    blocks: [{ filters: {}, pool: {} }],
    readout: {},
  }),
  'trainLocal(run)': takes((o: striate.RunOptions) => striate.trainLocal(images, {}, o), run),
  'trainReadout(options)': takes((o: striate.ReadoutOptions) => striate.trainReadout(net, images, o), {}),
  'trainReadout(run)': takes((o: striate.RunOptions) => striate.trainReadout(net, images, {}, o), run),
  'trainSupervised(network)': takes((o: striate.NetworkConfigInput) => striate.trainSupervised(images, o), network),
  'trainSupervised(options)': takes((o: striate.SupervisedOptions) => striate.trainSupervised(images, network, o), {
    optimiser: { kind: 'sgd' },
    schedule: {},
    augment: {},
  }),
  'trainSupervised(run)': takes((o: striate.SupervisedRun) => striate.trainSupervised(images, network, {}, o), run),
  'computeWhitening(options)': takes((o: striate.WhiteningOptions) => striate.computeWhitening(images, o), {}),
  'dataPatches(options)': takes((o: striate.PatchOptions) => striate.dataPatches(images, 4, o), {}),
  'classify(options)': takes((o: striate.ClassifyOptions) => striate.classify(net, images, o), {}),
  'gaborNet(options)': takes(striate.gaborNet, { image: [64, 64] }),
  'openMeshes(options)': takes((o: striate.OpenMeshesOptions) => striate.openMeshes(folder, o), {}),
  'solidScenesAt(options)': takes(striate.solidScenesAt, {
    scenes: [{ category: 'amphora' }],
    ranges: { aimPitchDeg: [0, 0] },
  }),
  'solidObjects(options)': takes(striate.solidObjects, { categories: ['amphora'] }),
  'writeScenePage(control)': takes((o: ScenePageControl) => writeScenePage(images, folder, o), {}),
  'writeCatalogue(options)': takes(
    (o: striate.SolidObjectsOptions & CatalogueControl) => writeCatalogue(join(folder, 'objects'), o),
    { categories: ['amphora'], instances: [0] },
  ),
  'openScenes(control)': takes((o: object) => striate.openScenes(file, o), {}),
  'transfer(options)': takes((o: striate.TransferOptions) => striate.transfer(net, images, o), {}),
  'targetHeads(options)': takes((o: striate.TargetHeadOptions) => striate.targetHeads(images, o), { targets: ['class'] }),
  'predict(options)': takes((o: striate.PredictOptions) => striate.predict(net, images, o), {}),
  'transform(options)': takes((o: striate.TransformOptions) => striate.transform(net, images, o), {}),
  'writeFeatures(options)': takes(
    (o: striate.TransformOptions) => striate.writeFeatures(net, images, join(folder, 'x.npy'), o),
    {},
  ),
  'encode(options)': takes((o: striate.EncodeOptions) => striate.encode(net, images, responses, o), {}),
  'epochScores(options)': takes((o: striate.EncodeOptions) => striate.epochScores(net, [{ images, responses }], o), {}),
  'pls(options)': takes((o: striate.PlsOptions) => striate.pls(net, images, responses, o), {}),
  'rsa(options)': takes((o: striate.RsaOptions) => striate.rsa(net, images, rdms, o), {}),
  'responseRdms(options)': takes((o: { distance?: 'euclidean' }) => striate.responseRdms(responses, o), {}),
  'crossnobis(options)': takes((o: { noise?: 'none' }) => striate.crossnobis(trials, o), {}),
  'behaviour(options)': takes((o: striate.BehaviourOptions) => striate.behaviour(net, images, choices, o), {}),
  'noiseCeiling(options)': takes((o: striate.NoiseCeilingOptions) => striate.noiseCeiling(responses, o), {}),
  'openRecording(options)': takes((o: striate.RecordingOptions) => striate.openRecording(folder, o), {}),
  'openRecordings(options)': takes((o: striate.RecordingsOptions) => striate.openRecordings([folder], o), {}),
  'openNsd(options)': takes((o: striate.NsdOptions) => striate.openNsd(folder, o), { subject: 1 }),
  'openNsdImages(options)': takes((o: striate.NsdImagesOptions) => striate.openNsdImages(file, [0], o), {}),
  'openBrainScore(options)': takes(
    (o: striate.BrainScoreOptions) => striate.openBrainScore({ assembly: file, stimuli: file, images: folder }, o),
    {},
  ),
  'openTrialTable(files)': takes(striate.openTrialTable, { images: folder, responses: file }),
  'openTrialTable(options)': takes(
    (o: striate.TrialTableOptions) => striate.openTrialTable({ images: folder, responses: file }, o),
    {},
  ),
  'responsesFrom(given)': takes(striate.responsesFrom, { name: 'v4', images: 1, targets: 1, mean: Float64Array.of(1) }),
  'shadows(options)': takes((o: striate.ShadowsOptions) => striate.shadows(net, images, o), { lights: [{ kind: 'smooth' }] }),

  // Studies and pages
  'recipe(own)': takes((o: striate.LocalOptions) => striate.trainLocal(images, reproduce.recipe('quick', o)), {
    filters: {},
    blocks: [{ filters: {}, pool: {} }],
    readout: {},
  }),
  'runDemo(options)': takes(reproduce.runDemo, {}),
  'runDemo(run)': takes((o: striate.RunOptions) => reproduce.runDemo({}, o), run),
  'openStudyData(options)': takes((o: { quick?: boolean }) => reproduce.openStudyData(study.needs, folder, o), {}),
  'scaleOf(options)': takes(reproduce.scaleOf, {}),
  'studyCost(options)': takes((o: reproduce.StudyOptions) => reproduce.studyCost(study, o), {}),
  'partsOf(options)': takes((o: reproduce.StudyOptions) => reproduce.partsOf(study, o), {}),
  'listParts(options)': takes((o: reproduce.StudyOptions) => reproduce.listParts(study, folder, o), {}),
  'runStudy(options)': takes((o: reproduce.StudyOptions) => reproduce.runStudy(study, data, o, { out: folder }), {}),
  'runStudy(run)': takes((o: reproduce.StudyRun) => reproduce.runStudy(study, data, {}, o), { ...run, out: folder }),
  'writeStudy(options)': takes(
    (o: reproduce.StudyOptions) => writeStudy(study, data, o, new Map(), { out: folder, command: '', device: '' }),
    {},
  ),
  'runBench(options)': takes(runBench, {}),
  'runJob(options)': takes((o: JobOptions) => runJob(images, images, o), {}),
  'runJob(run)': takes((o: JobRun) => runJob(images, images, {}, o), {}),
  'runBench(run)': takes((o: { signal?: AbortSignal }) => runBench({}, o), {}),

  // Figures
  'lineChart(options)': takes(plot.lineChart, {
    title: 'a',
    x: axis,
    y: axis,
    series: [{ name: 'a', x: [1, 2], y: [1, 2] }],
    references: [{ label: 'a', value: 1 }],
  }),
  'barChart(options)': takes(plot.barChart, {
    title: 'a',
    categories: ['a'],
    x: axis,
    y: axis,
    series: [{ name: 'a', values: [1] }],
    references: [{ label: 'a', value: 1 }],
  }),
  'histogram(options)': takes(plot.histogram, {
    title: 'a',
    x: axis,
    values: { edges: [0, 1], counts: [1] },
    expected: { label: 'a', counts: [1] },
    references: [{ label: 'a', value: 1 }],
  }),
  'filterSheet(options)': takes((o: plot.FilterSheetOptions) => plot.filterSheet(rows, [2, 3, 2, 2], o), {}),
  'orderFilters(options)': takes((o: { dead?: Iterable<number> }) => plot.orderFilters(rows, [2, 3, 2, 2], o), {}),
  'imageSheet(options)': takes(
    (o: plot.ImageSheetOptions) => plot.imageSheet([{ label: 'a', images: new Uint8Array(12) }], [1, 3, 2, 2], o),
    { title: 'a' },
  ),
  'renderPage(page)': takes(plot.renderPage, {
    title: 'a',
    summary: [{ label: 'a', value: 1 }],
    sections: [
      {
        heading: 'a',
        blocks: [
          { kind: 'text', text: 'a' },
          { kind: 'figures', figures: [{ image: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>', alt: 'a' }] },
          { kind: 'table', caption: 'a', columns: [{ label: 'a' }], rows: [['a']] },
        ],
      },
    ],
    provenance: [{ label: 'a', value: 'a' }],
  }),

  // Tensors, files and random numbers
  'Tensor.from(options)': takes((o: striate.TensorOptions) => Tensor.from(rows, o), {}),
  'Tensor.zeros(options)': takes((o: Omit<striate.TensorOptions, 'shape'>) => Tensor.zeros([2], o), {}),
  'writeSafetensors(options)': takes((o: object) => striate.writeSafetensors(join(folder, 'x.safetensors'), {}, o), {}),
  'normals(options)': takes((o: { first?: number }) => striate.normals(0, 4, o), {}),

  // Ops
  'adam(options)': takes((o: object) => ops.adam(t(2), t(2), t(2), t(2), o), {}),
  'adamw(options)': takes((o: object) => ops.adamw(t(2), t(2), t(2), t(2), o), {}),
  'sgd(options)': takes((o: object) => ops.sgd(t(2), t(2), t(2), o), {}),
  'avgPool(options)': takes((o: object) => ops.avgPool(t(1, 1, 4, 4), o), { size: 2, stride: 1 }),
  'avgPoolGrad(options)': takes((o: { height: number; width: number }) => ops.avgPoolGrad(t(1, 1, 3, 3), o), {
    size: 2,
    stride: 1,
    height: 4,
    width: 4,
  }),
  'maxPool(options)': takes((o: object) => ops.maxPool(t(1, 1, 4, 4), o), { size: 2, stride: 1 }),
  'maxPoolGrad(options)': takes((o: object) => ops.maxPoolGrad(t(1, 1, 4, 4), t(1, 1, 3, 3), o), { size: 2, stride: 1 }),
  'renderScenes(scenes)': takes((o: ops.SceneTensors) => ops.renderScenes(o), rendered),
  'renderScenes(options)': takes((o: ops.RenderScenesOptions) => ops.renderScenes(rendered, o), {}),
  'batchNorm(options)': takes(
    (o: object) => ops.batchNorm(t(2, 3, 2, 2), { gamma: t(3), beta: t(3), mean: t(3), variance: t(3) }, o),
    {},
  ),
  'competition(options)': takes((o: object) => ops.competition(t(2, 4), o), {}),
  'competitiveStep(options)': takes((o: object) => ops.competitiveStep(t(2, 3), t(2, 4), t(2, 4), t(4, 3), o), {}),
  'competitiveUpdate(options)': takes((o: object) => ops.competitiveUpdate(t(2, 3), t(2, 4), t(2, 4), t(4, 3), o), {}),
  'competitiveLearn(options)': takes((o: object) => ops.competitiveLearn(bytes(1, 1, 4, 4), t(4, 16), o), {
    whitening: { z: t(16, 16), offset: t(16) },
  }),
  'ojaLearn(options)': takes((o: object) => ops.ojaLearn(bytes(1, 1, 4, 4), t(4, 16), o), {
    whitening: { z: t(16, 16), offset: t(16) },
  }),
  'conv2d(options)': takes((o: object) => ops.conv2d(t(1, 1, 4, 4), t(1, 1, 2, 2), o), {}),
  'conv2dGrad(options)': takes((o: object) => ops.conv2dGrad(t(1, 1, 4, 4), t(1, 1, 2, 2), t(1, 1, 3, 3), o), {}),
  'waveletBank(options)': takes(ops.waveletBank, { orientations: 1 }),
  'waveletFilters(options)': takes(ops.waveletFilters, { orientations: 1 }),
  'waveletConv(options)': takes((o: ops.WaveletOptions) => ops.waveletConv(t(1, 1, 4, 4), t(3, 3, 3), o), waves),
  'waveletConvGrad(options)': takes(
    (o: ops.WaveletOptions) => ops.waveletConvGrad(t(1, 1, 4, 4), t(3, 3, 3), t(1, 2, 2, 2), o),
    waves,
  ),
  'waveletMoments(options)': takes((o: ops.WaveletOptions) => ops.waveletMoments(t(1, 1, 4, 4), t(3, 3, 3), o), waves),
  'waveletMix(options)': takes((o: ops.WaveletMixOptions) => ops.waveletMix(t(1, 1, 4, 4), t(3, 3, 3), t(1, 2), o), waves),
  'waveletMixWithNorms(options)': takes(
    (o: ops.WaveletOptions) => ops.waveletMixWithNorms(t(1, 1, 4, 4), t(3, 3, 3), t(1, 2), o),
    waves,
  ),
  'waveletMixGrad(options)': takes(
    (o: Parameters<typeof ops.waveletMixGrad>[4] & object) =>
      ops.waveletMixGrad(t(1, 1, 4, 4), t(3, 3, 3), t(1, 2), t(1, 1, 2, 2), o),
    { ...waves, saved: { y: t(1, 1, 2, 2), norms: t(1, 2, 2) } },
  ),
  'nnlConv(options)': takes((o: ops.NnlConvOptions) => ops.nnlConv(t(1, 1, 4, 4), t(1, 1, 2, 2), o), { pool }),
  'nnlConvWithIndex(options)': takes((o: ops.NnlConvOptions) => ops.nnlConvWithIndex(t(1, 1, 4, 4), t(1, 1, 2, 2), o), { pool }),
  'nnlConvGrad(options)': takes((o: ops.NnlConvOptions) => ops.nnlConvGrad(t(1, 1, 4, 4), t(1, 1, 2, 2), t(1, 1, 2, 2), o), {
    pool,
  }),
  'covariance(options)': takes((o: object) => ops.covariance(t(2, 3), o), {}),
  'covarianceOf(options)': takes((o: object) => ops.covarianceOf(ops.covariance(t(2, 3)), o), {}),
  'eigh(options)': takes((o: object) => ops.eigh(t(1, 1), o), {}),
  'leftOutScores(options)': takes((o: object) => ops.leftOutScores(wide(2, 3), wide(2, 3), wide(1, 3), o), {}),
  'linearGrad(options)': takes((o: object) => ops.linearGrad(t(2, 3), t(4, 3), t(2, 4), o), {}),
  'matmul(options)': takes((o: object) => ops.matmul(t(2, 3), t(3, 2), o), {}),
  'plsComponents(options)': takes((o: object) => ops.plsComponents(wide(2, 3), wide(2, 1), wide(2, 1), o), {}),
  'reduce(options)': takes((o: object) => ops.reduce(t(2, 3), o), {}),
  'scale(options)': takes((o: object) => ops.scale(t(2), o), {}),
  'sparseProjection(options)': takes((o: object) => ops.sparseProjection(labels(1), o), {}),
  'subtractRow(options)': takes((o: object) => ops.subtractRow(t(2, 3), t(3), o), {}),
  'toF32(options)': takes((o: object) => ops.toF32(bytes(2), o), {}),
  'copyRows(options)': takes((o: object) => ops.copyRows(t(1, 3), t(2, 3), o), {}),
  'copyColumns(options)': takes((o: object) => ops.copyColumns(t(2, 1), t(2, 3), o), {}),
  'sliceColumns(options)': takes((o: object) => ops.sliceColumns(t(2, 3), o), {}),
  'gatherPatches(options)': takes((o: object) => ops.gatherPatches(bytes(1, 1, 4, 4), o), {}),
  'hebbianStep(options)': takes((o: object) => ops.hebbianStep(t(2, 3), t(4, 3), o), {}),
  'hebbianUpdate(options)': takes((o: object) => ops.hebbianUpdate(t(2, 3), t(4, 3), o), {}),
  'hebbianLearn(options)': takes((o: object) => ops.hebbianLearn(bytes(1, 1, 4, 4), t(4, 16), o), {
    whitening: { z: t(16, 16), offset: t(16) },
  }),
  'readoutLearn(options)': takes((o: object) => ops.readoutLearn(t(2, 4), labels(2), readout, o), {}),
  'whitenedResponses(options)': takes(
    (o: object) =>
      striate.whitenedResponses(
        bytes(1, 1, 4, 4),
        { window: 1, channels: 1, after: 'norm', matrix: new Float32Array(1), offset: new Float32Array(1) },
        t(1, 1, 1, 1),
        o as never,
      ),
    {},
  ),
}

/** Objects with optional parts that are no options: records that are shown, and arrays with what they are made of. */
const records = [
  'describeBench(report)',
  'describeJob(report)',
  'formatJob(report)',
  'markdownBench(report)',
  'encodeNpy(source)',
  'writeNpy(source)',
  'lightName(options)',
  'writeLayerScores(found)',
]

/** The options with a misspelt one in each of the objects that they are made of. */
function misspelt(options: object, path = ''): { where: string; options: object }[] {
  const copies: { where: string; options: object }[] = [{ where: path || 'top', options: { ...options, sise: 1 } }]
  for (const [name, value] of Object.entries(options)) {
    const inside = (inner: unknown, put: (changed: object) => object): void => {
      if (typeof inner !== 'object' || inner === null || ![Object.prototype, null].includes(Object.getPrototypeOf(inner))) return
      for (const copy of misspelt(inner, `${path}${name}.`)) copies.push({ where: copy.where, options: put(copy.options) })
    }
    if (Array.isArray(value))
      value.forEach((inner, i) => {
        inside(inner, (changed) => ({ ...options, [name]: value.map((other, j) => (i === j ? changed : other)) }))
      })
    else inside(value, (changed) => ({ ...options, [name]: changed }))
  }
  return copies
}

const refusal = ({ call }: Taker, wrong: object): Promise<string> =>
  Promise.resolve()
    .then(() => call(wrong as never))
    .then(
      () => 'nothing was refused',
      (error: Error) => `${error.name}: ${error.message}`,
    )

describe('options', () => {
  const found = exportedOptions()

  it('of everything that is exported are tried here', () => {
    expect(found.size).toBeGreaterThan(90)
    const untried = [...found.keys()].filter((name) => !(name in takers) && !records.includes(name))
    expect(untried).toEqual([])
  })

  it.each(Object.entries(takers))('%s', async (name, taker) => {
    for (const { where, options } of misspelt(taker.options)) expect(await refusal(taker, options), where).toMatch(/\bsise\b/)
    // What stops and watches work is known by its name.
    for (const control of (found.get(name) ?? []).filter((option) => /^(signal|on[A-Z])/.test(option)))
      expect(await refusal(taker, { ...taker.options, [control]: 5 })).toMatch(new RegExp(`^OptionError: .*\\b${control}\\b`))
  })
})
