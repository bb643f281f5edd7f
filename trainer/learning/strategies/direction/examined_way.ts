import type { ServingCost } from '../../league/serving_cost.ts';
import { takeRows } from '../../learners/contract/fit_rows.ts';
import { classMetrics } from '../../measures/class_metrics.ts';
import { classLosses } from '../../measures/multiclass.ts';
import { SCENARIOS, type Scenario } from '../../splits/scenarios.ts';
import { figureByDays, type Figure } from '../../statistics/standings.ts';
import { calibratedModel } from './direction_learner.ts';
import { answersOfBlocks, upOrDownAuc, type EvaluatedAnswers } from './direction_report.ts';
import {
  answersOfModel,
  answersOfScenario,
  byScenario,
  generatedRows,
  scenariosOf,
  type GeneratedFrom,
  type OfScenarios,
} from './direction_scenarios.ts';
import { directionServing } from './direction_serving.ts';
import type { InstrumentRows } from './instrument_rows.ts';
import type { CalibratedBlock } from './walk_forward.ts';

/** The evaluated rows of one scenario of history. */
export interface ScenarioOfWay {
  readonly rows: number;
  /** Its error is by days. */
  readonly log_loss: Figure;
  /** Of the rows that left the range; null where one side is missing. */
  readonly up_or_down_auc: number | null;
}

/** Answers in a generated market: what a model says there. Their labels are no evidence for an edge. */
export interface GeneratedOfWay {
  readonly rows: number;
  readonly log_loss: number;
  readonly up_or_down_auc: number | null;
  /** Up, down, range. */
  readonly mean_probability: readonly number[];
  /** Share of each class among the labels, in the same order. */
  readonly base_rate: readonly number[];
}

/** What a league says of a way to learn beside its measures. */
export interface ExaminedWay {
  /** Log loss of each evaluated row, nats; the same rows in the same order for every way. */
  readonly losses: Float64Array;
  readonly scenarios: OfScenarios<ScenarioOfWay>;
  /** Of the model of the last block: see `wayExaminer`. */
  readonly generated: OfScenarios<GeneratedOfWay>;
  /** Of the same model. */
  readonly serving: ServingCost;
}

export interface ExaminedFrom extends GeneratedFrom {
  readonly rows: InstrumentRows;
}

/**
 * Examines ways to learn on the same rows. A way of a league has one model for each block and none of all rows, which
 * only the reference of a training has. So that all are asked alike, generated markets and serving cost are of the
 * calibrated model of the last block, of the reference too: it has learned from all rows before that block.
 * @returns examines one way by its evaluated blocks, the earliest first; throws MinutehandError as `directionServing`
 */
export function wayExaminer(from: ExaminedFrom): (blocks: readonly CalibratedBlock[]) => Promise<ExaminedWay> {
  const { rows, instruments } = from;
  const scenarios = scenariosOf(rows, instruments);
  let generated: ReadonlyMap<Scenario, InstrumentRows | null> | null = null;
  return async (blocks) => {
    const answers = answersOfBlocks(rows, blocks);
    const { model: raw, scaling, split } = blocks.at(-1)!;
    const model = calibratedModel(raw, scaling);
    generated ??= new Map(SCENARIOS.map((scenario) => [scenario, generatedRows(from, scenario)]));
    const markets = generated;
    return {
      losses: classLosses(answers),
      scenarios: byScenario((scenario) => {
        const own = answersOfScenario(answers, scenarios, scenario);
        return own === null ? null : historyFigures(rows, own);
      }),
      generated: byScenario((scenario) => {
        const market = markets.get(scenario) ?? null;
        return market === null ? null : generatedFigures(market, answersOfModel(model, market));
      }),
      serving: await directionServing(model, takeRows(rows.x, split.test)),
    };
  };
}

function historyFigures(rows: InstrumentRows, answers: EvaluatedAnswers): ScenarioOfWay {
  return {
    rows: answers.rows.length,
    log_loss: figureByDays(
      classLosses(answers),
      Float64Array.from(answers.rows, (row) => rows.time[row]!),
    ),
    up_or_down_auc: upOrDownAuc(rows, answers)?.auc ?? null,
  };
}

function generatedFigures(market: InstrumentRows, answers: EvaluatedAnswers): GeneratedOfWay {
  const { rows, log_loss, mean_probability, base_rate } = classMetrics(answers);
  const upOrDown = upOrDownAuc(market, answers)?.auc ?? null;
  return { rows, log_loss, up_or_down_auc: upOrDown, mean_probability, base_rate };
}
