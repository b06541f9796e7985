import type { Command } from 'commander'
import { addEvalClassify } from './eval_classify.js'
import { addEvalShadows } from './eval_shadows.js'

export function addEval(program: Command): void {
  const evaluate = program.command('eval').description('evaluate a run')
  addEvalShadows(evaluate)
  addEvalClassify(evaluate)
}
