import type { TrainingWarning } from '../../../shared/bundle/training_warning.ts';
import { meanOf } from '../../../shared/statistics.ts';
import type { Dataset, LabeledRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import type { LearnedModel } from '../calibrate/calibrate_model.ts';
import { rateThreshold } from '../measures/confusion.ts';
import { detailedMetrics, type DetailedMetrics } from '../measures/model_metrics.ts';
import { namedMembers } from '../learners/mixture/member_reports.ts';
import { outOfFold, splitOfTime, testedScores, type FoldModel } from '../learners/cross_validation.ts';
import { constantAnswersWarnings } from './constant_answers.ts';
import { IMPORTANCE_DEFAULTS, permutationImportance, type ImportanceReport } from './importance.ts';
import { trendRegimes, zScores } from '../splits/regime.ts';
import type { ModelMarkets } from '../generated/generated_pairs.ts';
import { marketWarnings, SCENARIOS, scenariosOfRows } from '../splits/scenarios.ts';
import {
  partMetrics,
  validationReport,
  type EvaluatedRows,
  type PartMetrics,
  type ValidationReport,
} from './report.ts';
import { isHard, pick, positions } from '../dataset/rows.ts';
import { splitShares, type SplitShares } from './split_shares.ts';

/** The full report of one model, on rows it was not trained on. Plain JSON. */
export interface ModelValidation {
  /** Purged k-fold inside the training period. */
  readonly out_of_fold: ValidationReport;
  /** Each block of the training period by a model of its past. */
  readonly walk_forward: ValidationReport;
  /** The published model on the holdout, which no choice has used. */
  readonly holdout: ValidationReport;
  /** Of an ensemble: each member alone on the holdout, at the share of positive answers of the ensemble. */
  readonly members?: Readonly<Record<string, DetailedMetrics>>;
  /**
   * Answers of the published model in markets made of the pairs' own bars, by scenario: what it says in such a market.
   * Their labels are no evidence for an edge. Empty where a model has columns that the bars do not give.
   */
  readonly generated: Readonly<Record<string, GeneratedMetrics>>;
  /** On out-of-fold rows. */
  readonly importance: ImportanceReport;
  /** Of the splits of `out_of_fold` and `walk_forward`, in their order. */
  readonly class_shares: Readonly<Record<'out_of_fold' | 'walk_forward', readonly SplitShares[]>>;
  /** Of the published model, and of the rows that it learned from. */
  readonly warnings: readonly TrainingWarning[];
}

/** Measures of a generated market. */
export interface GeneratedMetrics extends PartMetrics {
  readonly answer_mean: number;
}

/** The validation of one model. */
export interface Validated {
  readonly report: ModelValidation;
  /** Its answers to the holdout, [rows]. */
  readonly holdoutScores: Float64Array;
  /** Ids of the pairs that its rows name. */
  readonly pairs: readonly string[];
  /** Share of positive answers: that of positive labels out of fold. */
  readonly rate: number;
}

export interface ValidationContext {
  readonly dataset: Pick<Dataset, 'histories' | 'definitions'>;
  /** Generated ones of this model. */
  readonly markets: ModelMarkets;
  readonly seed: string;
}

/** What the market was at each row, [rows]. */
type Places = Required<Pick<EvaluatedRows, 'regime' | 'scenarios' | 'z'>>;

/** Rows with their out-of-fold scores; split −1 and a score of NaN without one. */
interface Evaluated {
  readonly rows: LabeledRows;
  readonly scores: Float64Array;
  readonly split: Int32Array;
}

/**
 * @param trained the rows the models learned from
 * @param evaluated the rows of the training period for evaluation: the same, or those of AI1's evaluation label
 * @param holdout the rows of the holdout
 */
export function validateModel(
  learned: LearnedModel,
  rows: { readonly trained: LabeledRows; readonly evaluated: LabeledRows; readonly holdout: LabeledRows },
  { dataset, markets, seed }: ValidationContext,
): Validated {
  const { trained, evaluated, holdout } = rows;
  const crossValidated = answerAll(learned.folds, trained, evaluated);
  const walkForward = answerAll(learned.walkForward, trained, evaluated);
  const holdoutScores = learned.model.answers(holdout.x);
  const rate = positiveShare(crossValidated);
  const placesOf = (of: LabeledRows): Places => ({
    regime: trendRegimes(of, dataset.histories),
    scenarios: scenariosOfRows(of, dataset.histories),
    z: zScores(of, dataset.histories),
  });
  const evaluatedPlaces = placesOf(evaluated);
  const learnedScenarios =
    trained === evaluated ? evaluatedPlaces.scenarios : scenariosOfRows(trained, dataset.histories);
  const pairs = dataset.histories.map(({ pair }) => pair.id);
  const report = (of: LabeledRows, places: Places, scores: Float64Array, split?: Int32Array): ValidationReport =>
    validationReport({
      scores,
      y: of.y,
      time: of.time,
      pair: of.pair,
      pairs,
      ...places,
      threshold: rateThreshold(
        scores.filter((score) => !Number.isNaN(score)),
        rate,
      ),
      ...(split === undefined ? {} : { split }),
    });
  return {
    report: {
      out_of_fold: report(evaluated, evaluatedPlaces, crossValidated.scores, crossValidated.split),
      walk_forward: report(evaluated, evaluatedPlaces, walkForward.scores, walkForward.split),
      holdout: report(holdout, placesOf(holdout), holdoutScores),
      ...memberMetrics(learned, holdout, rate),
      generated: generatedMetrics(learned, markets, rateThreshold(holdoutScores, rate)),
      importance: permutationImportance(trained, learned.folds, {
        ...IMPORTANCE_DEFAULTS,
        task: { kind: 'binary' },
        names: dataset.definitions.map(({ name }) => name),
        seed,
      }),
      class_shares: {
        out_of_fold: learned.folds.map((fold) => splitShares(fold, trained)),
        walk_forward: learned.walkForward.map((fold) => splitShares(fold, trained)),
      },
      warnings: [...constantAnswersWarnings(holdoutScores), ...marketWarnings(learnedScenarios.trend)],
    },
    holdoutScores,
    pairs,
    rate,
  };
}

function memberMetrics({ model }: LearnedModel, { x, y }: LabeledRows, rate: number): Pick<ModelValidation, 'members'> {
  const members = namedMembers(model).map(({ name, member }) => {
    const scores = member.answers(x);
    return [name, detailedMetrics(scores, y, rateThreshold(scores, rate))] as const;
  });
  return members.length === 0 ? {} : { members: Object.fromEntries(members) };
}

/** Scenarios without a row are left out. */
function generatedMetrics(
  { model }: LearnedModel,
  markets: ModelMarkets,
  threshold: number,
): Record<string, GeneratedMetrics> {
  const found: Record<string, GeneratedMetrics> = {};
  for (const scenario of SCENARIOS) {
    const parts = (markets[scenario] ?? []).filter(({ y }) => y.length > 0);
    if (parts.length === 0) continue;
    const scores = Float64Array.from(parts.flatMap(({ x }) => [...model.answers(x)]));
    const y = Float64Array.from(parts.flatMap((part) => [...part.y]));
    const answer_mean = meanOf(scores);
    found[scenario] = { answer_mean, ...partMetrics({ scores, y, threshold }) };
  }
  return found;
}

function answerAll(models: readonly FoldModel[], trained: LabeledRows, evaluated: LabeledRows): Evaluated {
  if (evaluated === trained) return { rows: evaluated, ...testedScores(models, evaluated.y.length) };
  return { rows: evaluated, scores: outOfFold(models, evaluated), split: splitOfTime(models, evaluated.time) };
}

/** Share of positive labels; ½ where labels are soft or there are none. */
function positiveShare({ rows, split }: Evaluated): number {
  const labels = pick(
    rows.y,
    positions(split.length, (row) => split[row]! >= 0),
  );
  if (labels.length === 0 || !isHard(labels)) return 0.5;
  return meanOf(labels);
}
