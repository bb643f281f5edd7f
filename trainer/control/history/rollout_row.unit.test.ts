import { expect, it } from 'vitest';
import { encodeBody } from '../../../shared/signal/encode.ts';
import { bodyOf } from '../../../shared/signal/signal.fixture.ts';
import { rowOfLine, signalLine, signalRow } from './signal_row.ts';

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
