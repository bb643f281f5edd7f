import { isoMinute } from '../../../../shared/bar.ts';
import type { TrainingWarning } from '../../../../shared/bundle/training_warning.ts';
import { DIRECTIONS } from './label/direction.ts';
import { takeRows } from '../../learners/contract/fit_rows.ts';
import type { Fitted } from '../../learners/contract/fitted.ts';
import { namedMembers } from '../../learners/mixture/member_reports.ts';
import { classMetrics } from '../../measures/class_metrics.ts';
import { classShares, classTable, type ClassTable } from '../../measures/class_table.ts';
import { marketWarnings, type Scenario } from '../../splits/scenarios.ts';
import { constantAnswersWarnings } from '../../validate/constant_answers.ts';
import { IMPORTANCE_DEFAULTS, permutationImportance, type ImportanceReport } from '../../validate/importance.ts';
import { spreadOverFolds, type Spread } from '../../validate/report.ts';
import { calibratedModel } from './direction_learner.ts';
import { answersOfBlocks, classAucs, upOrDownAuc, type EvaluatedAnswers } from './direction_report.ts';
import { answersOfModel, answersOfScenario, byScenario, generatedRows, scenariosOf } from './direction_scenarios.ts';
import type { Instrument, InstrumentRows, RowsPlan } from './instrument_rows.ts';
import { CLASSES, type CalibratedBlock } from './walk_forward.ts';

/** Rows of all blocks and permutations of a column: a minute of work for a usual training. */
const IMPORTANCE = { ...IMPORTANCE_DEFAULTS, maxRows: 6000, repeats: 2 };
/** So many rows tell whether a model gives different ones different answers. */
const SAMPLED_ROWS = 1000;

/** Figures of a set of answers, on the evaluation label. Arrays: up, down, range. */
export interface ClassFigures extends ClassTable {
  readonly rows: number;
  readonly log_loss: number;
  readonly brier: number;
  readonly class_wise_ece: number;
  readonly auc: readonly (number | null)[];
  /** Of the rows that left the range; null where one side is missing. */
  readonly up_or_down_auc: number | null;
  readonly mean_probability: readonly number[];
}

/** A block of the walk-forward: learned before `from`, answered from there to `until`. */
export interface SplitReport extends ClassFigures {
  readonly split: string;
  readonly from: string;
  /** null: the end of the bars. */
  readonly until: string | null;
  readonly train_rows: number;
  /** Share of each class, on the evaluation label, where the block learned; `class_shares`: where it answers. */
  readonly train_class_shares: readonly number[];
}

/** The full report of a direction model on rows that it did not learn from. Plain JSON. */
export interface DirectionValidation {
  readonly pooled: ClassFigures;
  readonly splits: readonly SplitReport[];
  /** Of an ensemble: each member alone on the rows of all blocks, by the models of the blocks; not calibrated. */
  readonly members?: Readonly<Record<string, ClassFigures>>;
  /** Mean, variance, extremes and coefficient of variation over the splits, of every measure. */
  readonly stability: Readonly<Record<string, Spread>>;
  readonly scenarios: {
    /** Evaluated rows, by what the market had done up to them; without those that have none. */
    readonly history: Readonly<Partial<Record<Scenario, ClassFigures>>>;
    /**
     * Answers of the published model in markets made of the instruments' own moves, without any series. They show what
     * it says in such a market; their labels are no evidence for an edge.
     */
    readonly generated: Readonly<Partial<Record<Scenario, ClassFigures>>>;
  };
  /** Loss of each column's information on the evaluated rows, with its bootstrap. */
  readonly importance: ImportanceReport;
  /** Of the published model, and of the rows that it learned from. */
  readonly warnings: readonly TrainingWarning[];
}

export interface ValidatedDirection {
  readonly rows: InstrumentRows;
  readonly instruments: readonly Instrument[];
  readonly plan: RowsPlan;
  /** The evaluated blocks. */
  readonly blocks: readonly CalibratedBlock[];
  /** The published model, calibrated. */
  readonly model: Fitted;
  readonly seed: string;
}

export function validateDirection(validated: ValidatedDirection): DirectionValidation {
  const { rows, instruments, blocks, seed } = validated;
  const answers = answersOfBlocks(rows, blocks);
  const scenarios = scenariosOf(rows, instruments);
  const splits = blocks.map((block) => splitReport(rows, block));
  return {
    pooled: figuresOf(rows, answers),
    splits,
    ...memberFigures(rows, blocks),
    stability: spreadOverFolds(splits.map(measuresOf)),
    scenarios: {
      history: byScenario((scenario) => {
        const own = answersOfScenario(answers, scenarios, scenario);
        return own === null ? null : figuresOf(rows, own);
      }),
      generated: byScenario((scenario) => {
        const generated = generatedRows(validated, scenario);
        return generated === null ? null : figuresOf(generated, answersOfModel(validated.model, generated));
      }),
    },
    importance: permutationImportance(
      { x: rows.x, y: rows.evaluation, time: rows.time, labelEnd: rows.labelEnd, pair: rows.instrument },
      blocks.map(({ model, scaling, split }) => ({
        model: calibratedModel(model, scaling),
        test: split.test,
      })),
      {
        ...IMPORTANCE,
        task: { kind: 'multiclass', classes: CLASSES },
        names: rows.columns,
        seed: `${seed}/importance`,
      },
    ),
    warnings: [...constantAnswersWarnings(sampledAnswers(validated), CLASSES), ...marketWarnings(scenarios.trend)],
  };
}

function memberFigures(rows: InstrumentRows, blocks: readonly CalibratedBlock[]): Pick<DirectionValidation, 'members'> {
  const names = namedMembers(blocks[0]!.model).map(({ name }) => name);
  if (names.length === 0) return {};
  const figures = names.map((name, i) => {
    const own = blocks.map(({ split, model }) => ({
      split,
      probabilities: namedMembers(model)[i]!.member.answers(takeRows(rows.x, split.test)),
    }));
    return [name, figuresOf(rows, answersOfBlocks(rows, own))] as const;
  });
  return { members: Object.fromEntries(figures) };
}

/** Answers of the published model to rows that are spread evenly over all, [rows × classes]. */
function sampledAnswers({ rows, model }: ValidatedDirection): Float64Array {
  const count = Math.min(SAMPLED_ROWS, rows.x.rows);
  const sampled = Int32Array.from({ length: count }, (_, i) => Math.floor((i * rows.x.rows) / count));
  return model.exactAnswers(takeRows(rows.x, sampled));
}

function splitReport(rows: InstrumentRows, block: CalibratedBlock): SplitReport {
  const { name, train, from, until } = block.split;
  const learned = Float64Array.from(train, (row) => rows.evaluation[row]!);
  return {
    split: name,
    from: isoMinute(from),
    until: until === Infinity ? null : isoMinute(until),
    train_rows: train.length,
    train_class_shares: classShares(learned, CLASSES),
    ...figuresOf(rows, answersOfBlocks(rows, [block])),
  };
}

function figuresOf(rows: Pick<InstrumentRows, 'time'>, answers: EvaluatedAnswers): ClassFigures {
  const { log_loss, brier, class_wise_ece, mean_probability } = classMetrics(answers);
  return {
    rows: answers.labels.length,
    log_loss,
    brier,
    class_wise_ece,
    auc: classAucs(answers),
    up_or_down_auc: upOrDownAuc(rows, answers)?.auc ?? null,
    mean_probability,
    ...classTable(answers),
  };
}

/**
 * The measures of a split whose spread over the splits is reported: single numbers, and those of each class under its
 * name.
 */
function measuresOf({ auc, precision, recall, f1, class_shares, answer_shares, ...report }: SplitReport): object {
  const { log_loss, brier, class_wise_ece, up_or_down_auc } = report;
  const { accuracy, balanced_accuracy, macro_precision, macro_recall, macro_f1 } = report;
  const ofClasses = { auc, precision, recall, f1, class_share: class_shares, answer_share: answer_shares };
  const each = Object.entries(ofClasses).flatMap(([name, values]) =>
    values.map((value, k) => [`${name}_${DIRECTIONS[k]}`, value] as const),
  );
  return {
    log_loss,
    brier,
    class_wise_ece,
    up_or_down_auc,
    accuracy,
    balanced_accuracy,
    macro_precision,
    macro_recall,
    macro_f1,
    ...Object.fromEntries(each),
  };
}
