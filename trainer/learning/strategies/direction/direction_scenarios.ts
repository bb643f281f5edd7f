import { ln } from '../../../../shared/elementary.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import type { Fitted } from '../../learners/contract/fitted.ts';
import {
  isOfScenario,
  SCENARIOS,
  scenariosOfPrices,
  type RowScenarios,
  type Scenario,
} from '../../splits/scenarios.ts';
import { pickAnswers, type EvaluatedAnswers } from './direction_report.ts';
import { generatedInstrument } from './generated_markets.ts';
import { instrumentRows, type Instrument, type InstrumentRows, type RowsPlan } from './instrument_rows.ts';
import { CLASSES } from './walk_forward.ts';

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
