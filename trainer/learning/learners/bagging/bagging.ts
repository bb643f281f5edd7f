import { type LearnerDefinition, refuseEnsemble } from '../contract/learner.ts';
import { withStoppingRows } from '../contract/stopping_rows.ts';
import { type EnsembleSetup, memberSeed } from '../mixture/ensemble_parameters.ts';
import { fittedMixture, mixtureOf } from '../mixture/fitted_mixture.ts';
import { fitMembers } from '../mixture/member_fits.ts';
import { areMarginTrees } from '../mixture/merged_trees.ts';
import { widthOf } from '../mixture/mixture.ts';
import { createRng } from '../../../../shared/rng.ts';
import type { FitRows } from '../contract/fit_rows.ts';

const SECONDS_PER_DAY = 86_400;
/** A block is shorter than a day where the rows span less than so many days. */
const LEAST_BLOCKS = 100;

/**
 * A bootstrap sample of blocks of time (Efron 1979; blocks after Künsch 1989): UTC days, since labels of neighboring
 * rows overlap and a sample of single rows would hold nearly every row's twin. A row that is drawn twice has twice its
 * weight.
 * @param subset rows to draw from, ascending
 * @param fraction blocks to draw, as a share of all of them
 * @returns the drawn rows of the subset, and the rows with their weights; those outside the subset keep theirs
 */
export function blockBootstrap(
  rows: FitRows,
  subset: Int32Array,
  { fraction, seed }: { readonly fraction: number; readonly seed: string },
): { readonly rows: FitRows; readonly subset: Int32Array } {
  const blockOf = blocksOf(rows.time, subset);
  const blocks = [...new Set(blockOf)].sort((a, b) => a - b);
  const rng = createRng(seed);
  const times = new Map<number, number>();
  for (let draw = 0; draw < Math.max(1, Math.round(fraction * blocks.length)); draw++) {
    const block = blocks[rng.integer(blocks.length)]!;
    times.set(block, (times.get(block) ?? 0) + 1);
  }
  const weights = rows.weights.slice();
  const drawn = subset.filter((row, i) => {
    const count = times.get(blockOf[i]!) ?? 0;
    weights[row] = rows.weights[row]! * count;
    return count > 0;
  });
  return { rows: { ...rows, weights }, subset: drawn };
}

/** The number of the block of each row of the subset. */
function blocksOf(time: Float64Array, subset: Int32Array): Float64Array {
  let first = Infinity;
  let last = -Infinity;
  for (const row of subset) {
    first = Math.min(first, time[row]!);
    last = Math.max(last, time[row]!);
  }
  const seconds = Math.min(SECONDS_PER_DAY, Math.max(1, (last - first) / LEAST_BLOCKS));
  return Float64Array.from(subset, (row) => Math.floor(time[row]! / seconds));
}

/**
 * Bagging (Breiman 1996): the same learner, or several in turn, each on its own bootstrap sample of the days. All
 * members stop on the same rows, from which none learns. Boosted trees are averaged by their logits, or the margins of
 * their classes, so that the bag is one model of trees; other members by their probabilities.
 */
export const BAGGING: LearnerDefinition<EnsembleSetup> = {
  name: 'bagging',
  complexity: 5,
  family: 'ensemble',
  // Of its least deterministic member.
  determinism: 'same_environment',
  supports: { stopping: true, continuing: false, tasks: ['binary', 'multiclass'] },
  refuseMissing: () => undefined,
  open: ({ ensembles: { bagging }, openMember }) => ({
    name: BAGGING.name,
    supports: BAGGING.supports,
    refuse: (request) => refuseEnsemble(BAGGING, bagging.members.map(openMember), request),
    async fit(request) {
      refuseEnsemble(BAGGING, bagging.members.map(openMember), request);
      const { budget, rows } = request;
      const like = budget.kind === 'like' ? mixtureOf(budget.model).members : null;
      const { budget: ofAll, subset } = withStoppingRows(request);
      const members = await fitMembers(
        request,
        bagging.members.map((name, member) => {
          const seed = `${memberSeed(request.seed, bagging.seed)}/${member}/${name}`;
          return {
            learner: openMember(name),
            changes: {
              ...blockBootstrap(rows, subset, { fraction: bagging.fraction, seed: `${seed}/days` }),
              budget: like === null ? ofAll : { kind: 'like', model: like[member]! },
              seed,
            },
          };
        }),
      );
      const weights = new Float64Array(members.length).fill(1 / members.length);
      const isOfMargins = areMarginTrees(members);
      return fittedMixture({
        learner: BAGGING.name,
        members,
        weights,
        of: isOfMargins ? 'logit' : 'probability',
        intercept: isOfMargins ? Array.from({ length: widthOf({ members }) }, () => 0) : null,
      });
    },
  }),
};
