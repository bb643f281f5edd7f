import '../../../shared/low_priority.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { MinutehandError } from '../../../shared/errors.ts';
import { tryFormula, type FormulaTask } from './try_formula.ts';
import type { TrialMessage } from './try_thread.ts';

const port = parentPort!;
const send = (message: TrialMessage): void => port.postMessage(message);

/** One trial: its task in, its result or its refusal out. */
try {
  send({ tried: await tryFormula(workerData as FormulaTask) });
} catch (error) {
  if (!(error instanceof MinutehandError)) throw error;
  const { code, seen, expected, next } = error;
  send({ refused: { code, seen, expected, next } });
}
