import { ln } from '../../../../shared/elementary.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import type { Fitted } from '../../learners/contract/fitted.ts';
import {
  isOfScenario,
  type RowScenarios,
  type Scenario,
  SCENARIOS,
  scenariosOfPrices,
} from '../../splits/scenarios.ts';
import { type EvaluatedAnswers, pickAnswers } from './direction_report.ts';
import { type Instrument, instrumentRows, type InstrumentRows, type RowsPlan } from './instrument_rows.ts';
import { CLASSES } from './walk_forward.ts';
import { createRng } from '../../../../shared/rng.ts';
import { drawBars, generatedPrices } from '../../generated/generated_prices.ts';
import type { InstrumentBars } from '../../instruments/instrument_bars.ts';
import { NO_SERIES } from '../../instruments/series_files.ts';

/** Bars of a generated market. */
const BARS = 1200;
/** Consecutive bars that are drawn together. */
const BLOCK = 24;
const DAY_S = 86_400;
const TREND_DAYS = 30;
/** Of a range, per bar. */
const RETURN_SHARE = 1 / 48;

/**
 * A generated market, made of an instrument's own bars: blocks of a day's moves in random order, with the drift, pull
 * or size of a scenario. Bars keep their volume. It has no series: what a model makes of funding or sentiment is not in
 * it.
 */
export function generatedInstrument({ bars }: Instrument, scenario: Scenario, seed: string): Instrument {
  const { symbol, timeframe } = bars;
  const length = Math.min(BARS, bars.length - 1);
  const rng = createRng(`${seed}/${scenario}/${symbol}`);
  const drawn = drawBars(rng, length, bars.length, BLOCK);
  const trendBars = (TREND_DAYS * DAY_S) / timeframe;
  const generated: InstrumentBars = {
    symbol,
    timeframe,
    length,
    time: Float64Array.from(drawn, (_, t) => bars.time[0]! + t * timeframe),
    ...generatedPrices(bars, drawn, { scenario, trendBars, returnShare: RETURN_SHARE }),
    volume: Float64Array.from(drawn, (own) => bars.volume[own]!),
    takerBuyVolume: Float64Array.from(drawn, (own) => bars.takerBuyVolume[own]!),
  };
  return { bars: generated, series: NO_SERIES };
}

/** Figures of each scenario that has some. */
export type OfScenarios<Figures> = Readonly<Partial<Record<Scenario, Figures>>>;

/** @param figures null: the scenario has none */
export function byScenario<Figures>(figures: (scenario: Scenario) => Figures | null): OfScenarios<Figures> {
  return Object.fromEntries(
    SCENARIOS.flatMap((scenario) => {
      const own = figures(scenario);
      return own === null ? [] : [[scenario, own]];
    }),
  );
}

/** What each row's bar belongs to, by the closes of its instrument. */
export function scenariosOf(rows: InstrumentRows, instruments: readonly Instrument[]): RowScenarios {
  const each = instruments.map(({ bars }) =>
    scenariosOfPrices(
      bars.close.map((close) => ln(close)),
      bars.timeframe,
    ),
  );
  const at = (part: keyof RowScenarios): Int8Array =>
    Int8Array.from(rows.bar, (bar, row) => each[rows.instrument[row]!]![part][bar]!);
  return { trend: at('trend'), volatility: at('volatility') };
}

/** The answers to the rows of a scenario; null where there are none. */
export function answersOfScenario(
  answers: EvaluatedAnswers,
  scenarios: RowScenarios,
  scenario: Scenario,
): EvaluatedAnswers | null {
  const own = Int32Array.from(answers.rows.keys()).filter((i) => isOfScenario(scenarios, answers.rows[i]!, scenario));
  return own.length === 0 ? null : pickAnswers(answers, own);
}

/** What a generated market is made of. */
export interface GeneratedFrom {
  readonly instruments: readonly Instrument[];
  readonly plan: RowsPlan;
  readonly seed: string;
}

/**
 * Rows of a market that is made of the instruments' own moves, without any series; null where their bars are too few to
 * warm the features.
 */
export function generatedRows({ instruments, plan, seed }: GeneratedFrom, scenario: Scenario): InstrumentRows | null {
  try {
    return instrumentRows(
      instruments.map((own) => generatedInstrument(own, scenario, `${seed}/generated`)),
      plan,
    );
  } catch (error) {
    if (error instanceof MinutehandError && error.code === 'DATA_TOO_SHORT') return null;
    throw error;
  }
}

/** Of one model, to all of the rows. */
export function answersOfModel(model: Fitted, rows: InstrumentRows): EvaluatedAnswers {
  return {
    classes: CLASSES,
    probabilities: model.exactAnswers(rows.x),
    labels: rows.evaluation,
    rows: Int32Array.from(rows.time.keys()),
  };
}
