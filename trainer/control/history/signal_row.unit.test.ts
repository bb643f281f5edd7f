import { describe, expect, it } from 'vitest';
import { encodeBody } from '../../../shared/signal/encode.ts';
import { bodyOf, enterInstrument, idOf, instrumentBodyOf } from '../../../shared/signal/signal.fixture.ts';
import { bodyText, rowOfLine, SIGNAL_COLUMNS, signalLine, signalRow } from './signal_row.ts';
import { encodeInstrumentBody } from '../../../shared/signal/instrument_signal.ts';

it('a signal with a novelty is stored in its columns, without its text', () => {
  const body = encodeBody(bodyOf({ novelty: 0.25 }));
  const published = {
    market: 'live',
    generated_at_ms: 1,
    pair_id: bodyOf().pair_id,
    boot_id: 'b',
    seq: 1,
    bar_time: 60,
    risk_prob: 0.5,
    features_crc: null,
  };
  const row = signalRow(body, published);
  expect(row).toMatchObject({ novelty: 0.25, body: null });
  expect(rowOfLine(signalLine(row))).toEqual(row);
  expect(signalRow(encodeBody(bodyOf()), published)).toMatchObject({ novelty: null, body: null });
});

it('the archive reproduces a signal of a rollout byte for byte', () => {
  const body = encodeBody(bodyOf({ arm: 'challenger', rollout: '20261120T080000' }));
  const published = {
    market: 'live',
    generated_at_ms: 1,
    pair_id: bodyOf().pair_id,
    boot_id: 'b',
    seq: 1,
    bar_time: 60,
    risk_prob: 0.5,
    features_crc: null,
  };
  const row = signalRow(body, published);
  expect(Object.keys(row)).not.toContain('rollout');
  const line = signalLine(row);
  expect(line.startsWith(body)).toBe(true);
  expect(signalLine(rowOfLine(line))).toBe(line);
});

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
