import { describe, expect, it } from 'vitest';
import { encodeInstrumentBody } from '../../../shared/signal/instrument_signal.ts';
import { enterInstrument, idOf, instrumentBodyOf } from '../../../shared/signal/signal.fixture.ts';
import { bodyText, rowOfLine, SIGNAL_COLUMNS, signalLine, signalRow } from './signal_row.ts';

const PUBLISHED = {
  market: 'live',
  generated_at_ms: 1,
  pair_id: 'BTCUSDT@1h',
  boot_id: 'b',
  seq: 1,
  bar_time: 60,
  risk_prob: null,
  features_crc: null,
};

describe('the signal of an instrument in the history', () => {
  it.each([
    ['an entry', enterInstrument(idOf(7))],
    ['without a model', instrumentBodyOf({ ml_up_prob: null, max_age_bars: null, price: null, reason: 'NO_MODEL' })],
  ])('preserves its text, %s, and has every column of a pair', (_, body) => {
    const text = encodeInstrumentBody(body);
    const row = signalRow(text, PUBLISHED);
    expect(bodyText(row)).toBe(text);
    expect(rowOfLine(signalLine(row))).toEqual(row);
    expect(Object.keys(row)).toEqual(expect.arrayContaining(SIGNAL_COLUMNS.map(([name]) => name)));
    const { action, reason, price } = body;
    expect(row).toMatchObject({ action, reason, price_a: price, beta: null, pair_id: 'BTCUSDT@1h' });
  });
});
