import type { ServingCost } from '../../league/serving_cost.ts';
import { takeRows } from '../../learners/contract/fit_rows.ts';
import { classMetrics } from '../../measures/class_metrics.ts';
import { classLosses } from '../../measures/multiclass.ts';
import { type Scenario, SCENARIOS } from '../../splits/scenarios.ts';
import { type Figure, figureByDays } from '../../statistics/standings.ts';
import { calibratedModel } from './direction_learner.ts';
import { answersOfBlocks, type EvaluatedAnswers, upOrDownAuc } from './direction_report.ts';
import {
  answersOfModel,
  answersOfScenario,
  byScenario,
  type GeneratedFrom,
  generatedRows,
  type OfScenarios,
  scenariosOf,
} from './direction_scenarios.ts';
import type { InstrumentRows } from './instrument_rows.ts';
import type { CalibratedBlock } from './walk_forward.ts';
import { chooseScoring, type ChosenScoring } from '../../../../shared/bundle/direction/choose_scoring.ts';
import {
  type DirectionInference,
  inferenceOf,
  ownInference,
} from '../../../../shared/bundle/direction/direction_inference.ts';
import { openDirectionSession } from '../../../../shared/bundle/direction/direction_scoring.ts';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { RowShape } from '../../../../shared/bundle/scorer.ts';
import { sha256Hex } from '../../../../shared/sha256.ts';
import { SERVED_SUBJECTS, servingLatency } from '../../league/serving_latency.ts';
import { barsOf, type Fitted } from '../../learners/contract/fitted.ts';
import { modelInputs } from '../../learners/contract/past_rows.ts';

/**
 * What a direction model costs the daemon: it is scored by what the daemon would choose for its file, after the same
 * comparison with onnxruntime, and asked for ten instruments at once, answers checked. onnxruntime is asked row by row.
 * @param model calibrated
 * @param x at least one row
 * @throws MinutehandError MODEL_LOAD
 */
export async function directionServing(model: Fitted, x: Matrix): Promise<ServingCost> {
  const bytes = model.toOnnx({ metadata: {} });
  const rows = takeRows(
    x,
    Array.from({ length: SERVED_SUBJECTS }, (_, row) => row % x.rows),
  );
  const bars = barsOf(model);
  // A model of single bars gets these alone in a league whose rows have sequences, too.
  const features = bars > 1 ? modelInputs(rows, 0, SERVED_SUBJECTS) : rows.values;
  const shape: RowShape = { columns: rows.columns, bars };
  const graph = { bytes, shape, path: model.learner, seed: sha256Hex(bytes), rows: () => features };
  const { scoring } = await chooseScoring(graph);
  const inference = await openInference(scoring, shape, model.learner);
  try {
    const latency = await servingLatency(() => inference.infer(features, SERVED_SUBJECTS));
    return { engine: scoring.engine, bytes: bytes.length, latency_us: latency };
  } finally {
    await inference.release();
  }
}

async function openInference(
  scoring: ChosenScoring['scoring'],
  shape: RowShape,
  name: string,
): Promise<DirectionInference> {
  const options = { name, maxRows: SERVED_SUBJECTS };
  if (scoring.engine !== 'onnxruntime-node') return ownInference(scoring, options);
  return inferenceOf(await openDirectionSession(scoring.bytes, shape, name), options);
}

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
