import type { Command } from 'commander'
import { addTrainLocal } from './train_local.js'
import { addTrainSupervised } from './train_supervised.js'
import { addTrainWavelet } from './train_wavelet.js'

export function addTrain(program: Command): void {
  const train = program.command('train').description('train a model')
  addTrainSupervised(train)
  addTrainLocal(train)
  addTrainWavelet(train)
}
