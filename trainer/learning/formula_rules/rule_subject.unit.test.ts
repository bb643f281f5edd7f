import { describe, expect, it } from 'vitest';
import type { DirectionModel } from '../../../shared/bundle/direction/direction_model.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../../../shared/core/features/instrument/definitions.ts';
import { parseFormula } from '../../../shared/core/formula/formula.ts';
import { ruleSources } from '../../../shared/core/formula/sources.ts';
import { parseInstrument } from '../../../shared/pair.ts';
import { NO_SERIES } from '../instruments/series_files.ts';
import { answeredAtOnce } from '../strategies/direction/known_answers.ts';
import { FIXTURE_COSTS, randomBars } from './rule_subject.fixture.ts';
import { formulaValues, instrumentSubject } from './rule_subject.ts';

const BARS = 300;
/** The model was trained on bars before this one. */
const TRAINED = 250;

describe('the bars that a rule runs on', () => {
  it('have the answers of a direction model after its training, and none before or without one', () => {
    const bars = randomBars('probabilities', BARS);
    const scored: number[] = [];
    const direction = {
      manifest: { version: 'own', period: { to: new Date(bars.time[TRAINED]! * 1000).toISOString() } },
      infer: (features: Float32Array) => Float64Array.of(0.7, 0.2, 0.1).map((p) => (scored.push(features.length), p)),
    } as unknown as DirectionModel;
    const sources = ruleSources(instrumentDefinitions(INSTRUMENT_WINDOWS));
    const formulas = ['ML_UP_PROB', 'ML_DOWN_PROB', 'ML_RANGE_PROB'].map((name) => parseFormula(name, sources));
    const pair = parseInstrument('BTCUSDT@1h');
    const subject = instrumentSubject({ bars, series: NO_SERIES }, pair, FIXTURE_COSTS, answeredAtOnce(direction));
    expect(subject.direction).toBe('own');
    const known = formulaValues(subject, formulas).map((values) => [...values]);
    expect(known.map((values) => values.findIndex((value) => !Number.isNaN(value)))).toEqual([
      TRAINED,
      TRAINED,
      TRAINED,
    ]);
    expect(known.map((values) => new Set(values.slice(TRAINED)))).toEqual([0.7, 0.2, 0.1].map((p) => new Set([p])));
    const without = instrumentSubject({ bars, series: NO_SERIES }, pair, FIXTURE_COSTS);
    expect(formulaValues(without, formulas).every((values) => values.every(Number.isNaN))).toBe(true);
    const before = scored.length;
    formulaValues(subject, [parseFormula('close', sources)]);
    expect(scored).toHaveLength(before);
  });
});
