import { describe, expect, it } from 'vitest';
import { emptyColumns, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { featureDefinitions } from '../../../shared/core/features/features.ts';
import type { SeriesHistory } from '../../../shared/core/series/series_cursor.ts';
import { exp } from '../../../shared/elementary.ts';
import { parsePair } from '../../../shared/pair.ts';
import { createRng } from '../../../shared/rng.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { columnsFromOutside } from './columns_later.ts';
import { checkLegSeries, columnsOfSeries, refuseForeseeingFormulas, refuseForeseeingLegs } from './leg_series.ts';

const HOURS = 4000;
const FIRST = 1_735_689_540;
const PAIRS = [parsePair('XAUUSD_XAGUSD'), parsePair('AUDUSD_USDCAD')];
const { windows } = tinySettings().minutehand;

/** One bar an hour, its last minute: a random walk. */
function walk(symbol: string): BarColumns {
  const rng = createRng(`walk of ${symbol}`);
  const columns = { symbol, length: HOURS, ...emptyColumns(HOURS) };
  let level = 0;
  for (let i = 0; i < HOURS; i++) {
    columns.time[i] = FIRST + 3600 * i;
    level += 0.003 * rng.normal();
    const price = 100 * exp(level);
    for (const name of ['open', 'high', 'low', 'close'] as const) columns[name][i] = price;
    columns.spread[i] = NaN;
  }
  return columns;
}

/** Known at the close of every hour. */
function hourly(valueAt: (hour: number) => number): SeriesHistory {
  const eventTime = Float64Array.from({ length: HOURS }, (_, i) => FIRST + 3600 * i + 60);
  return { length: HOURS, eventTime, arrivalTime: eventTime, value: Float64Array.from(eventTime.keys(), valueAt) };
}

const MARKET = new Map(['XAUUSD', 'XAGUSD', 'AUDUSD', 'USDCAD'].map((symbol) => [symbol, walk(symbol)]));

function check(series: BarColumns['series'], formula = 'mood = delta(b.series("sentiment"))'): void {
  const silver = { ...MARKET.get('XAGUSD')!, ...(series && { series }) };
  checkLegSeries(PAIRS, new Map(MARKET).set('XAGUSD', silver), { ...windows, formulas: formula });
}

describe('series of legs in a training', () => {
  it('may say what happened', () => {
    const { close } = MARKET.get('XAGUSD')!;
    const rng = createRng('noise');
    check({ sentiment: hourly((hour) => 100 * (close[hour]! / close[Math.max(0, hour - 6)]! - 1) + rng.normal()) });
  });

  it('are refused when they know what the leg does next', () => {
    const { close } = MARKET.get('XAGUSD')!;
    const next = (hour: number): number => 100 * (close[Math.min(HOURS - 1, hour + 6)]! / close[hour]! - 1);
    expect(() => check({ sentiment: hourly(next) })).toThrow(
      expect.objectContaining({ code: 'SERIES_FORESIGHT', seen: expect.stringMatching(/sentiment .*XAGUSD/) }),
    );
    // No formula reads it.
    check({ sentiment: hourly(next) }, 'momentum = a.close / delay(a.close, 5)');
  });

  it('are refused when no leg has them, by the formula and the symbols', () => {
    const missing = expect.objectContaining({
      code: 'DATA_MISSING',
      seen: 'b.series("sentiment") of the formula mood: no sentiment of XAGUSD, USDCAD',
    });
    expect(() => check(undefined)).toThrow(missing);
    expect(() => check({ funding_rate: hourly(() => 0) })).toThrow(missing);
  });
});

describe('series of the pairs that a formula is for', () => {
  it('are asked of no others', () => {
    const check = (formulas: string): void => checkLegSeries(PAIRS, MARKET, { ...windows, formulas });
    expect(() => check('mood for AUDUSD_USDCAD = b.series("sentiment")')).toThrow(
      expect.objectContaining({ seen: 'b.series("sentiment") of the formula mood: no sentiment of USDCAD' }),
    );
    // Of no pair of this training.
    check('mood for EURUSD_GBPUSD = b.series("sentiment")');
  });
});

describe('series of legs in a backtest, and of a rule', () => {
  const { close } = MARKET.get('XAGUSD')!;
  const foreseeing = hourly((hour) => 100 * (close[Math.min(HOURS - 1, hour + 6)]! / close[hour]! - 1));
  const bars = new Map(MARKET).set('XAGUSD', { ...MARKET.get('XAGUSD')!, series: { sentiment: foreseeing } });
  const refused = expect.objectContaining({ code: 'SERIES_FORESIGHT' });

  it('are refused when they know what the leg does next, and a formula reads them', () => {
    const formulas = 'mood = b.series("sentiment")';
    expect(() => refuseForeseeingFormulas(PAIRS, bars, { ...windows, formulas })).toThrow(refused);
    refuseForeseeingFormulas(PAIRS, bars, { ...windows, formulas: 'mood = a.series("sentiment")' });
    refuseForeseeingFormulas(PAIRS, bars, { ...windows, formulas: 'mood for AUDUSD_USDCAD = b.series("sentiment")' });
    // A bundle may read what these bars do not have: its features are missing then.
    refuseForeseeingFormulas(PAIRS, MARKET, { ...windows, formulas });
  });

  it('are refused whatever a rule reads of them', () => {
    expect(() => refuseForeseeingLegs(['XAUUSD', 'XAGUSD'], bars)).toThrow(refused);
    refuseForeseeingLegs(['XAUUSD', 'AUDUSD'], bars);
  });

  it('make the columns that come one bar later in the test of arrival', () => {
    const formulas = 'mood = b.series("sentiment") + a.series("sentiment")\nmomentum = a.close / delay(a.close, 5)';
    expect(columnsOfSeries({ ...windows, formulas })).toEqual(['mood']);
    const definitions = featureDefinitions({ ...windows, formulas });
    const columns = columnsFromOutside({ definitions, outsideColumns: ['beta'] }, { ...windows, formulas });
    expect(columns).toEqual(['beta', 'mood']);
  });
});
