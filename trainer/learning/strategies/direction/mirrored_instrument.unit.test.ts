import { describe, expect, it } from 'vitest';
import { INSTRUMENT_WINDOWS } from '../../../../shared/core/features/instrument/definitions.ts';
import type { SeriesHistory } from '../../../../shared/core/series/series_cursor.ts';
import { createRng } from '../../../../shared/rng.ts';
import { NO_SERIES } from '../../instruments/series_files.ts';
import { instrumentRows, type Instrument } from './instrument_rows.ts';
import { EVALUATION_LABEL } from './label/direction.ts';
import { mirroredInstrument } from './mirrored_instrument.ts';

const HOUR = 3600;
const START = 1_600_000_000 - (1_600_000_000 % HOUR);

function walk(length: number): Instrument {
  const rng = createRng('mirrored');
  const open = new Float64Array(length);
  const close = new Float64Array(length);
  let price = 100;
  for (let t = 0; t < length; t++) {
    open[t] = price;
    close[t] = price *= Math.exp(0.006 * rng.normal() + 0.0005);
  }
  const time = open.map((_, t) => START + t * HOUR);
  const high = close.map((own, t) => Math.max(own, open[t]!) * Math.exp(0.001 * rng.uniform()));
  const low = close.map((own, t) => Math.min(own, open[t]!) * Math.exp(-0.002 * rng.uniform()));
  const volume = close.map(() => 1 + rng.uniform());
  const takerBuyVolume = volume.map((own) => own * rng.uniform());
  const bars = { symbol: 'BTCUSDT', timeframe: HOUR, length, time, open, high, low, close, volume, takerBuyVolume };
  const of = (value: (t: number) => number): SeriesHistory => ({
    length,
    eventTime: time.map((own) => own + HOUR),
    arrivalTime: time.map((own) => own + HOUR),
    value: time.map((_, t) => value(t)),
  });
  const series = {
    ...NO_SERIES,
    funding_rate: of((t) => 0.0001 * (t % 5)),
    open_interest: of((t) => 1000 + t),
    buy_liquidations: of((t) => t % 7),
    sell_liquidations: of((t) => t % 3),
    order_book_imbalance: of((t) => ((t % 9) - 4) / 10),
    long_short_ratio: of((t) => 1 + (t % 4)),
    sentiment: of((t) => t % 100),
  };
  return { bars, series };
}

describe('the mirrored instrument', () => {
  const own = walk(500);
  const mirrored = mirroredInstrument(own);

  it('falls where the market rises, by the same log return, with high and low exchanged', () => {
    const first = own.bars.open[0]!;
    const image = (price: number): number => (first * first) / price;
    for (let t = 0; t < own.bars.length; t++) {
      expect(mirrored.bars.close[t]! / image(own.bars.close[t]!)).toBeCloseTo(1, 12);
      expect(mirrored.bars.open[t]! / image(own.bars.open[t]!)).toBeCloseTo(1, 12);
      expect(mirrored.bars.high[t]! / image(own.bars.low[t]!)).toBeCloseTo(1, 12);
      expect(mirrored.bars.low[t]! / image(own.bars.high[t]!)).toBeCloseTo(1, 12);
      expect(mirrored.bars.takerBuyVolume[t]! + own.bars.takerBuyVolume[t]!).toBeCloseTo(own.bars.volume[t]!, 12);
    }
    expect([mirrored.bars.time, mirrored.bars.volume]).toEqual([own.bars.time, own.bars.volume]);
  });

  it('is the instrument when it is mirrored again', () => {
    const { bars, series } = mirroredInstrument(mirrored);
    for (const name of ['open', 'high', 'low', 'close', 'takerBuyVolume'] as const)
      bars[name].forEach((value, t) => expect(value).toBeCloseTo(own.bars[name][t]!, 8));
    for (const [name, { value }] of Object.entries(own.series))
      series[name as keyof typeof series].value.forEach((again, i) => expect(again).toBeCloseTo(value[i]!, 12));
  });

  it('has rows with the features of the other side beside those of this one, at the same bars', () => {
    const rows = instrumentRows([own], { windows: INSTRUMENT_WINDOWS, label: EVALUATION_LABEL, mirrored: true });
    const at = (values: Float32Array, row: number, name: string): number =>
      values[row * rows.x.columns + rows.columns.indexOf(name)]!;
    const turned = [
      ...['return_1', 'return_short', 'return_medium', 'ma_distance_long', 'bollinger_position'],
      ...['volume_imbalance', 'volume_imbalance_short', 'funding_rate', 'funding_mean'],
      ...['liquidation_imbalance', 'order_book_imbalance', 'long_short_ratio', 'market_sentiment_score'],
    ];
    const kept = ['volatility_long', 'volatility_spike', 'volume_ratio', 'open_interest_change', 'day_sin'];
    for (let row = 0; row < rows.x.rows; row += 17) {
      const both = (name: string): [number, number] => [
        at(rows.mirrored!.values, row, name),
        at(rows.x.values, row, name),
      ];
      for (const name of turned) {
        const [image, value] = both(name);
        expect(image + value, name).toBeCloseTo(0, 5);
      }
      for (const name of kept) {
        const [image, value] = both(name);
        expect(image, name).toBeCloseTo(value, 5);
      }
      const [image, rsi] = both('rsi');
      expect(image + rsi).toBeCloseTo(1, 5);
      const bought = both('buy_liquidation_ratio');
      const sold = both('sell_liquidation_ratio');
      expect(bought[0]).toBeCloseTo(sold[1], 5);
    }
    expect(instrumentRows([own], { windows: INSTRUMENT_WINDOWS, label: EVALUATION_LABEL }).mirrored).toBeUndefined();
  });
});
