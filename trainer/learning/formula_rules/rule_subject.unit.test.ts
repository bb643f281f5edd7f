import { describe, expect, it } from 'vitest';
import type { DirectionModel } from '../../../shared/bundle/direction/direction_model.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../../../shared/core/features/instrument/definitions.ts';
import { parseFormula } from '../../../shared/core/formula/formula.ts';
import { ruleSources } from '../../../shared/core/formula/sources.ts';
import { parseInstrument } from '../../../shared/pair.ts';
import { NO_SERIES } from '../instruments/series_files.ts';
import { answeredAtOnce, answeredBefore, type KnownDirection } from '../strategies/direction/known_answers.ts';
import { laterSeries } from './later_series.ts';
import { FIXTURE_COSTS, randomBars, subjectOfBars } from './rule_subject.fixture.ts';
import { formulaValues, instrumentSubject, type RuleSubject } from './rule_subject.ts';
import { instrumentSchema } from '../../../shared/bundle/feature_schema.ts';

const BARS = 300;
/** The model was trained on bars before this one. */
const TRAINED = 250;

describe('the bars that a rule runs on', () => {
  it('give formulas behind a hole, to the bit, the values that the bars behind it give alone', () => {
    const bars = randomBars('holed', BARS);
    const cut = 140;
    const time = bars.time.map((open, t) => open + (t >= cut ? 30 * 86_400 : 0));
    const part = (from: number, to: number): RuleSubject => {
      const columns = ['open', 'high', 'low', 'close', 'volume', 'takerBuyVolume'] as const;
      const own = Object.fromEntries(columns.map((name) => [name, bars[name].slice(from, to)]));
      return subjectOfBars({ ...bars, ...own, length: to - from, time: time.slice(from, to) });
    };
    const sources = ruleSources(instrumentDefinitions(INSTRUMENT_WINDOWS));
    const formulas = ['close / delay(close, 30)', 'mean(high - low, 50)'].map((text) => parseFormula(text, sources));
    const [first, second] = [part(0, cut), part(cut, BARS)].map((subject) => formulaValues(subject, formulas));
    formulaValues(part(0, BARS), formulas).forEach((values, i) =>
      expect([...values]).toEqual([...first![i]!, ...second![i]!]),
    );
    expect(second!.map((values) => values.findIndex((value) => !Number.isNaN(value)))).toEqual([30, 49]);
  });

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

  it.each([1, 4])(
    'have the same answers of a model of %s bars that answers by a promise, series a bar later as well',
    async (together) => {
      const bars = randomBars('promises', BARS);
      const times = bars.time.map((open) => open + bars.timeframe);
      const funding = {
        length: BARS,
        eventTime: times,
        arrivalTime: times,
        value: bars.close.map((close) => close / 1000),
      };
      const series = { ...NO_SERIES, funding_rate: funding };
      const windows = together === 1 ? INSTRUMENT_WINDOWS : { ...INSTRUMENT_WINDOWS, sequence: together };
      const schema = instrumentSchema(windows, bars.timeframe);
      // Every number of the row counts, and none as another one does.
      const answer = (row: Float32Array): Float64Array => {
        const sum = row.reduce((all, value, i) => all + (Number.isNaN(value) ? 0 : Math.sin(i + value)), 0);
        const up = 1 / (1 + Math.exp(-sum / row.length));
        return Float64Array.of(up / 2, (1 - up) / 2, 0.5);
      };
      const model = {
        manifest: { version: 'own', period: { to: new Date(bars.time[TRAINED]! * 1000).toISOString() } },
        ...(together > 1 && { rowSchema: schema }),
        infer: (features: Float32Array) => answer(features),
      } as unknown as DirectionModel;
      const promising = {
        ...model,
        infer: (features: Float32Array) => Promise.resolve(answer(features)),
      } as unknown as DirectionModel;
      expect(() => answeredAtOnce(promising).answer(0, new Float32Array(1), 'known')).toThrow(TypeError);
      const pair = parseInstrument('BTCUSDT@1h');
      const sources = ruleSources(instrumentDefinitions(INSTRUMENT_WINDOWS));
      const formulas = ['ML_UP_PROB', 'ML_DOWN_PROB'].map((name) => parseFormula(name, sources));
      const later = laterSeries(series, bars.timeframe);
      const known = await answeredBefore(promising, bars, { known: series, later });
      const subjectOf = (direction: KnownDirection): RuleSubject =>
        instrumentSubject({ bars, series }, pair, FIXTURE_COSTS, direction);
      const atOnce = subjectOf(answeredAtOnce(model));
      const before = subjectOf(known);
      const valuesOf = (subject: RuleSubject) => formulaValues(subject, formulas).map((values) => [...values]);
      const expected = valuesOf(atOnce);
      expect(new Set(expected[0]!.slice(TRAINED)).size).toBe(BARS - TRAINED);
      expect(valuesOf(before)).toEqual(expected);
      const delayed = valuesOf(atOnce.withSeriesLater!());
      expect(delayed).not.toEqual(expected);
      expect(valuesOf(before.withSeriesLater!())).toEqual(delayed);
    },
  );
});
