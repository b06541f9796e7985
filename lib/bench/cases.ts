// What `striate bench` measures.
import { covarianceStream, eigenvectors, gemm64 } from './algebra_cases.js'
import { partialLeastSquares, ridgeLeaveOneOut } from './alignment_cases.js'
import type { BenchCase } from './case.js'
import { conv } from './conv_cases.js'
import { gemm, hebbian, learn, nnl, readout, rectified } from './kernel_cases.js'
import { render } from './render_cases.js'
import { trainConvNet, trainResNet18 } from './training_cases.js'
import { waveletBlock, waveletMaps, waveletStatistics } from './wavelet_cases.js'

/** Every case that is compared with a limit and a peer. */
export const cases: readonly BenchCase[] = [
  hebbian(1000, 48, 400, 2, { ratio: 2.5, share: 0.7 }, { ratio: 3, share: 0.8 }),
  hebbian(1000, 108, 400, 2, { ratio: 2, share: 0.7 }, { ratio: 2.4, share: 0.8 }),
  hebbian(1000, 192, 400, 2, { ratio: 1.6, share: 0.7 }, { ratio: 1.9, share: 0.8 }),
  hebbian(100, 48, 400, 2, { ratio: 2 }, { ratio: 2.5 }),
  hebbian(100, 192, 400, 2, { ratio: 2 }, { ratio: 2.5 }),
  // Their ratio is the peer's search for the seventh: what the arithmetic allows is the same as of rank 2.
  hebbian(1000, 48, 400, 7, { share: 0.6 }, { share: 0.75 }),
  hebbian(1000, 192, 400, 7, { share: 0.7 }, { share: 0.8 }),
  learn(1000, 4, 400),
  learn(100, 4, 400),
  nnl(100, { ratio: 2.8, share: 0.6 }, { ratio: 3.5, share: 0.75 }),
  nnl(250, { ratio: 2.8, share: 0.6 }, { ratio: 3.5, share: 0.75 }),
  nnl(100, { ratio: 2.8, share: 0.6 }, { ratio: 3.5, share: 0.75 }, { bytes: true }),
  nnl(100, { ratio: 2.8 }, { ratio: 3.5 }, { bytes: true, bothSigns: true }),
  rectified(10_000_000, 40, { ratio: 0.9 }, { ratio: 1.3 }),
  gemm([64, 64, 64], { ratio: 0.9 }),
  gemm([128, 128, 128], { ratio: 0.9 }),
  gemm([1, 4096, 4096], { ratio: 0.9 }),
  gemm([100, 40_000, 10], { ratio: 0.9 }),
  gemm([1000, 48, 400], { ratio: 0.9 }),
  gemm([1000, 192, 1024], { ratio: 0.9 }),
  gemm([512, 512, 512], { ratio: 0.95 }, { ratio: 1.05 }),
  gemm([2048, 2048, 2048], { ratio: 0.95 }, { ratio: 1.05 }),
  gemm64(1024),
  covarianceStream(4000, 512),
  covarianceStream(4000, 2048),
  eigenvectors(243, 'f64'),
  eigenvectors(1200, 'f64'),
  eigenvectors(576, 'f32'),
  ridgeLeaveOneOut(),
  partialLeastSquares(25),
  readout(40_000, { ratio: 1.2 }, { ratio: 2 }),
  render(64, 64),
  render(256, 16),
  conv({ batch: 64, from: 64, to: 64, side: 16, window: 3, stride: 1 }, 'float32'),
  conv({ batch: 64, from: 64, to: 64, side: 16, window: 3, stride: 1 }, 'bfloat16'),
  conv({ batch: 64, from: 256, to: 256, side: 8, window: 3, stride: 1 }, 'float32'),
  conv({ batch: 64, from: 256, to: 256, side: 8, window: 3, stride: 1 }, 'bfloat16'),
  conv({ batch: 16, from: 64, to: 64, side: 56, window: 3, stride: 1 }, 'float32'),
  conv({ batch: 16, from: 256, to: 64, side: 56, window: 1, stride: 1 }, 'float32'),
  conv({ batch: 16, from: 64, to: 256, side: 56, window: 1, stride: 1 }, 'float32'),
  conv({ batch: 64, from: 64, to: 64, side: 16, window: 1, stride: 1 }, 'float32'),
  conv({ batch: 16, from: 64, to: 128, side: 56, window: 1, stride: 2 }, 'float32'),
  conv({ batch: 64, from: 64, to: 128, side: 16, window: 1, stride: 2 }, 'float32'),
  conv({ batch: 8, from: 3, to: 64, side: 224, window: 7, stride: 2 }, 'float32'),
  conv({ batch: 64, from: 3, to: 64, side: 64, window: 7, stride: 2 }, 'float32'),
  waveletMaps(4, 64, 56),
  waveletStatistics(4, 64, 56),
  waveletBlock(4, 64, 64, 56, 1),
  waveletBlock(4, 64, 64, 56, 2),
  waveletBlock(4, 256, 256, 28, 1),
  waveletBlock(16, 512, 512, 6, 2),
  trainConvNet({ ratio: 1 }, { ratio: 1.2 }),
  trainResNet18(64, 32, { ratio: 1 }, { ratio: 1.2 }),
  trainResNet18(224, 8, { ratio: 1 }, { ratio: 1.2 }),
]

/** What is run with one thread and with several, with the other cores free and with one of them busy. */
export const scalingCases: readonly BenchCase[] = [
  learn(1000, 4, 400),
  learn(100, 4, 400),
  nnl(100),
  gemm([2048, 2048, 2048]),
  readout(40_000),
]
