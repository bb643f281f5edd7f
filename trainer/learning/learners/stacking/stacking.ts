import { type FitRows, takeLabels, takeRows } from '../contract/fit_rows.ts';
import type { Fitted } from '../contract/fitted.ts';
import { type FitRequest, type Learner, type LearnerDefinition, refuseEnsemble } from '../contract/learner.ts';
import { type EnsembleSetup, memberSeed, type StackingParameters } from '../mixture/ensemble_parameters.ts';
import { fittedMixture, mixtureOf } from '../mixture/fitted_mixture.ts';
import { fitMembers } from '../mixture/member_fits.ts';
import { type FittedMixture, type Mixture, widthOf } from '../mixture/mixture.ts';
import { type AnsweredRows, logitsOf } from './answered_rows.ts';
import { MIN_ROWS } from '../contract/stopping_rows.ts';
import { fitLogistic } from '../linear/logistic.ts';
import { fitConditionalLogit } from './conditional_logit.ts';
import { greedyWeights } from './greedy_weights.ts';

type LearnedMeta = Pick<Mixture, 'weights' | 'of' | 'intercept'>;

/** Weighs all members alike. @param probabilities whether the mean is of probabilities, or of their logits */
function equalMeta(members: readonly Fitted[], probabilities: boolean): LearnedMeta {
  const weights = new Float64Array(members.length).fill(1 / members.length);
  return { weights, ...meanOf(widthOf({ members }), probabilities) };
}

/** Weights of a mean, chosen greedily and shrunk halfway to equal ones. */
function greedyMeta(rows: AnsweredRows, probabilities: boolean): LearnedMeta {
  return { weights: greedyWeights(rows, probabilities), ...meanOf(rows.width, probabilities) };
}

/**
 * Ridge logistic regression on the answers, as coefficients of the answers themselves; of classes a conditional one,
 * which has a coefficient for each member and an intercept for each class.
 */
export function logisticMeta(rows: AnsweredRows, probabilities: boolean): LearnedMeta {
  const values = probabilities ? rows.answers : rows.answers.map((own) => logitsOf(own, rows.width));
  const of = probabilities ? 'probability' : 'logit';
  if (rows.width > 1) return { of, ...fitConditionalLogit({ ...rows, values, classes: rows.width }) };
  return { of, ...binaryLogit(rows, values) };
}

function binaryLogit(
  { labels, weights }: AnsweredRows,
  answers: readonly Float64Array[],
): Pick<LearnedMeta, 'weights' | 'intercept'> {
  const columns = answers.length;
  const values = new Float32Array(labels.length * columns);
  answers.forEach((own, column) => own.forEach((value, row) => (values[row * columns + column] = value)));
  const rows = { x: { rows: labels.length, columns, values }, y: labels, weights };
  const { scaling, coefficients, intercept } = fitLogistic(rows, Int32Array.from(labels.keys()), [...answers.keys()]);
  const own = coefficients.map((coefficient, i) => coefficient * scaling.inverse[i]!);
  return { weights: own, intercept: [own.reduce((sum, weight, i) => sum - weight * scaling.mean[i]!, intercept)] };
}

function meanOf(width: number, probabilities: boolean): Pick<LearnedMeta, 'of' | 'intercept'> {
  if (probabilities) return { of: 'probability', intercept: null };
  return { of: 'logit', intercept: Array.from({ length: width }, () => 0) };
}

/** Rows of a block of time, and the rows whose label was known before it began. */
interface LaterBlock {
  readonly before: Int32Array;
  readonly block: Int32Array;
}

/**
 * The time of the subset in `blocks` + 1 parts of about equal size, all but the first of which are answered by models
 * of the time before. Rows whose label reaches into a block are not learned from.
 * @returns null if a block or what is before it has too few rows
 */
export function laterBlocks(
  { time, labelEnd }: Pick<FitRows, 'time' | 'labelEnd'>,
  subset: Int32Array,
  blocks: number,
): LaterBlock[] | null {
  const ordered = Float64Array.from(subset, (row) => time[row]!).sort();
  const starts = Array.from(
    { length: blocks },
    (_, block) => ordered[Math.floor((ordered.length * (block + 1)) / (blocks + 1))]!,
  );
  const found = starts.map((from, block): LaterBlock => {
    const until = starts[block + 1] ?? Infinity;
    return {
      before: subset.filter((row) => labelEnd[row]! < from),
      block: subset.filter((row) => time[row]! >= from && time[row]! < until),
    };
  });
  return found.every(({ before, block }) => Math.min(before.length, block.length) >= MIN_ROWS) ? found : null;
}

/**
 * Stacking (Wolpert 1992): what the members are worth is learned from their answers to blocks of time that came after
 * all that they had learned from; then the members learn all rows. A model like another one has its meta-learner.
 */
export const STACKING: LearnerDefinition<EnsembleSetup> = {
  name: 'stacking',
  complexity: 6,
  family: 'ensemble',
  // Of its least deterministic member.
  determinism: 'same_environment',
  supports: { stopping: true, continuing: false, tasks: ['binary', 'multiclass'] },
  refuseMissing: () => undefined,
  open: ({ ensembles: { stacking }, openMember }) => ({
    name: STACKING.name,
    supports: STACKING.supports,
    refuse: (request) => refuseEnsemble(STACKING, stacking.members.map(openMember), request),
    async fit(request) {
      const learners = stacking.members.map(openMember);
      refuseEnsemble(STACKING, learners, request);
      const seed = memberSeed(request.seed, stacking.seed);
      const { budget, rows, subset } = request;
      if (budget.kind === 'like') {
        const base = mixtureOf(budget.model);
        const members = await fitMembers(
          request,
          learners.map((learner, i) => ({
            learner,
            changes: { budget: { kind: 'like', model: base.members[i]! }, seed: `${seed}/${learner.name}` },
          })),
        );
        return stack(members, base);
      }
      const blocks = budget.kind === 'fixed' ? null : laterBlocks(rows, subset, stacking.blocks);
      const { members, answered } = await fitAround(request, { learners, blocks: blocks ?? [], seed });
      const meta = answered === null ? equalMeta(members, stacking.probabilities) : learnMeta(answered, stacking);
      return stack(members, meta);
    },
  }),
};

function stack(members: readonly Fitted[], { weights, of, intercept }: LearnedMeta): FittedMixture {
  return fittedMixture({ learner: STACKING.name, members, weights, of, intercept });
}

function learnMeta(rows: AnsweredRows, { meta, probabilities }: StackingParameters): LearnedMeta {
  return meta === 'greedy' ? greedyMeta(rows, probabilities) : logisticMeta(rows, probabilities);
}

interface Stacked {
  readonly learners: readonly Learner[];
  readonly blocks: readonly LaterBlock[];
  readonly seed: string;
}

/**
 * The members of all rows, and the answers of such of the rows before a block to that block.
 * @returns answered null without blocks
 */
async function fitAround(
  request: FitRequest,
  { learners, blocks, seed }: Stacked,
): Promise<{ readonly members: readonly Fitted[]; readonly answered: AnsweredRows | null }> {
  const { rows } = request;
  const fitted = await fitMembers(request, [
    ...learners.map((learner) => ({ learner, changes: { seed: `${seed}/${learner.name}` } })),
    ...blocks.flatMap(({ before }, block) =>
      learners.map((learner) => ({
        learner,
        changes: {
          subset: before,
          budget: { kind: 'early_stopping', stopping: null } as const,
          seed: `${seed}/block ${block + 1}/${learner.name}`,
        },
      })),
    ),
  ]);
  const members = fitted.slice(0, learners.length);
  const earlier = fitted.slice(learners.length);
  if (blocks.length === 0) return { members, answered: null };
  const of = (member: number, block: number): Fitted => earlier[block * learners.length + member]!;
  return { members, answered: answersOf(rows, blocks, learners.length, of) };
}

function answersOf(
  rows: FitRows,
  blocks: readonly LaterBlock[],
  members: number,
  of: (member: number, block: number) => Fitted,
): AnsweredRows {
  const answered = Int32Array.from(blocks.flatMap(({ block }) => [...block]));
  const parts = blocks.map(({ block }) => takeRows(rows.x, block));
  return {
    width: of(0, 0).width,
    answers: Array.from({ length: members }, (_, member) =>
      Float64Array.from(parts.flatMap((x, block) => [...of(member, block).answers(x)])),
    ),
    labels: takeLabels(rows.y, answered),
    weights: takeLabels(rows.weights, answered),
  };
}
