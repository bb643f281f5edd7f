import type { TreeModel } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { allowedColumns, checkRequest } from './gbdt_request.ts';
import { learn } from './kernel/boost.ts';
import { prepareFit, type PreparedFit } from './kernel/fit.ts';
import { learnOnThreads } from './kernel/threads.ts';
import { kernelModule } from './kernel/webassembly.ts';
import type { LearnRequest, Learner } from './learner.ts';

/**
 * Our own leaf-wise gradient boosting on histograms, second order (Friedman 2001; Chen & Guestrin 2016; Ke et al. 2017), with LightGBM's
 * defaults and meanings. The same table, parameters and seed give the same bytes on any machine with any number of threads: splits are chosen on
 * exact integer sums, leaf values are float64 sums in the order of rows, exp and ln are our own.
 *
 * Further codes: LEARNER_MEMORY beyond 4 GB (see kernel/memory.ts for bytes per row), KERNEL_MISSING, LEARNER_THREAD.
 */
export const gbdt: Learner = {
  engine: 'gbdt',
  async learn(request) {
    return learnOnThreads(prepare(request), request.onRound);
  },
};

/** `gbdt` on the calling thread, which waits for it. */
export function learnHere(request: LearnRequest): TreeModel {
  return learn(kernelModule(), prepare({ ...request, threads: 1 }), request.onRound);
}

function prepare(request: LearnRequest): PreparedFit {
  checkRequest(request);
  const { task, table, params, stopping, threads } = request;
  return prepareFit({
    objective: task,
    table,
    params,
    columns: allowedColumns(table.x, params),
    stopping,
    threads,
  });
}
