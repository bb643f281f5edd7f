import type { TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { allowedColumns, checkRequest } from './gbdt_request.ts';
import { learn } from './kernel/boost.ts';
import { prepareFit, type FitRequest, type PreparedFit } from './kernel/fit.ts';
import { learnOnThreads } from './kernel/threads.ts';
import { kernelModule, lendMemory, reserveMemory, type Reserve } from './kernel/webassembly.ts';
import type { LearnRequest, TreeLearner } from './learner.ts';

/**
 * Our own leaf-wise gradient boosting on histograms, second order (Friedman 2001; Chen & Guestrin 2016; Ke et al.
 * 2017), with LightGBM's defaults and semantics. The same table, parameters and seed give the same bytes on any machine
 * with any number of threads: splits are chosen on exact integer sums, leaf values are float64 sums in row order, and
 * exp and ln are our own.
 *
 * With a base, boosting starts from its scores (float64 sums in tree order, as in boosting itself): without sampling, n
 * rounds and then k more on the same table are bit-identical to n + k rounds.
 *
 * Further codes: LEARNER_MEMORY beyond 4 GB (see kernel/memory.ts for bytes per row), KERNEL_MISSING, LEARNER_THREAD.
 */
export const gbdt: TreeLearner = {
  engine: 'gbdt',
  async learn(request) {
    return joined(request, await learnOnThreads(prepare(request), request.onRound));
  },
  learnQuickly: (request) => (isQuick(request) ? learnHere(request) : null),
};

/** `gbdt` on the calling thread, blocking it. */
export function learnHere(request: LearnRequest): TreeModel {
  return lendMemory((reserve) =>
    joined(request, learn(kernelModule(), prepare({ ...request, threads: 1 }, reserve), request.onRound)),
  );
}

/** Units of `isQuick`: about 0.4 s of one thread. Starting threads takes 0.1 s, and they save less than half. */
const QUICK_WORK = 300_000;
/** Reading a leaf's histograms takes as long as adding this many rows to them. */
const ROWS_PER_LEAF = 700;

/** Whether the calling thread alone is faster than starting threads. */
function isQuick({ task, table, params }: LearnRequest): boolean {
  const { rows, columns } = table.x;
  const leaves = Math.min(params.leaves, rows / params.minDataInLeaf);
  const classes = task.kind === 'multiclass' ? task.classes : 1;
  return params.rounds * classes * columns * (rows / ROWS_PER_LEAF + leaves) < QUICK_WORK;
}

function prepare(request: LearnRequest, reserve: Reserve = reserveMemory): PreparedFit {
  checkRequest(request);
  const { task, table, params, stopping, threads, base } = request;
  const fit: FitRequest = {
    objective: task,
    table,
    params,
    columns: allowedColumns(table.x, params),
    stopping,
    threads,
    base: base ?? null,
  };
  return prepareFit(fit, reserve);
}

/** The trees of the base, if any, followed by the new ones, which were grown on its scores. */
function joined({ base }: LearnRequest, grown: TreeModel): TreeModel {
  if (base === undefined || base === null) return grown;
  return {
    link: grown.link,
    ensembles: grown.ensembles.map((own, k) => ({ ...own, trees: [...base.ensembles[k]!.trees, ...own.trees] })),
  };
}
