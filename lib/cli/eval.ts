import type { Command } from 'commander'
import { addEvalBehaviour } from './eval_behaviour.js'
import { addEvalClassify } from './eval_classify.js'
import { addEvalEncoding } from './eval_encoding.js'
import { addEvalPls } from './eval_pls.js'
import { addEvalRsa } from './eval_rsa.js'
import { addEvalShadows } from './eval_shadows.js'
import { addEvalTransfer } from './eval_transfer.js'

export function addEval(program: Command): void {
  const evaluate = program.command('eval').description('evaluate a run')
  addEvalShadows(evaluate)
  addEvalClassify(evaluate)
  addEvalEncoding(evaluate)
  addEvalPls(evaluate)
  addEvalRsa(evaluate)
  addEvalBehaviour(evaluate)
  addEvalTransfer(evaluate)
}
