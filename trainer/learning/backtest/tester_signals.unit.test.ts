import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { TESTER_COLUMNS, testerSignals } from './tester_signals.ts';

const HEADER =
  'model_version,published,pair_id,side,entry_signal,entry_time,entry_price_a,entry_price_b,exit_signal,exit_time,' +
  'exit_price_a,exit_price_b,reason,beta,position_scale,gross_bps';

interface Row {
  readonly model?: string;
  readonly published?: 0 | 1;
  readonly pair?: string;
  readonly from: string;
  readonly to: string;
  /** The bars ended while it was open. */
  readonly isOpen?: boolean;
}

function rowOf({ model = 'one', published = 1, pair = 'AAA_BBB', from, to, isOpen = false }: Row): string {
  const entry = `2026-01-05T${from}:00Z`;
  const exit = `2026-01-05T${to}:00Z`;
  const left = `${isOpen ? '' : exit},${exit},1.1,2.2,${isOpen ? 'END' : 'Z_EXIT'}`;
  return `${model},${published},${pair},-1,${entry},${entry},1,2,${left},0.8,0.5,3`;
}

const file = (...rows: readonly Row[]): string => `${[HEADER, ...rows.map(rowOf)].join('\n')}\n`;
const secondsOf = (clock: string): number => Date.parse(`2026-01-05T${clock}:00Z`) / 1000;

function ordersOf(text: string): Record<string, string>[] {
  const [, columns, ...lines] = text.trimEnd().split('\n');
  return lines
    .slice(0, -1)
    .map((line) => Object.fromEntries(line.split(',').map((cell, at) => [columns!.split(',')[at]!, cell])));
}

describe('signals for the strategy tester', () => {
  it('open and close each trade at its signals, closes of a minute first, with a checksum over all lines', () => {
    const csv = file({ from: '10:00', to: '10:30' }, { pair: 'CCC_DDD', from: '10:30', to: '11:00', isOpen: true });
    const { text, trades, first, last, pairs } = testerSignals(csv, { view: 'edge_pairs' });
    const lines = text.split('\n');
    expect(lines[0]).toBe('minutehand.tester/1,model=one,view=edge_pairs,trades=2');
    expect(lines[1]).toBe(TESTER_COLUMNS.join(','));
    const orders = ordersOf(text);
    expect(orders.map(({ time, order, pair_id }) => [Number(time), order, pair_id])).toEqual([
      [secondsOf('10:00'), 'OPEN', 'AAA_BBB'],
      [secondsOf('10:30'), 'CLOSE', 'AAA_BBB'],
      [secondsOf('10:30'), 'OPEN', 'CCC_DDD'],
      [secondsOf('11:00'), 'CLOSE', 'CCC_DDD'],
    ]);
    expect(orders[0]).toMatchObject({
      target: '-1',
      beta: '0.8',
      position_scale: '0.5',
      price_a: '1',
      reason: 'ENTRY',
    });
    expect(orders[1]).toMatchObject({ trade: orders[0]!['trade'], price_a: '1.1', price_b: '2.2', reason: 'Z_EXIT' });
    expect(orders[0]!['trade']).toMatch(/^[0-9a-f]{32}$/);
    expect(orders[2]!['trade']).not.toBe(orders[0]!['trade']);
    const covered = text.slice(0, text.lastIndexOf('crc32,'));
    expect(lines.at(-2)).toBe(`crc32,${crc32(covered).toString(16).padStart(8, '0')}`);
    expect([trades, first, last, pairs]).toEqual([2, secondsOf('10:00'), secondsOf('11:00'), ['AAA_BBB', 'CCC_DDD']]);
  });

  it('leave out what NO_EDGE prevented unless all pairs are asked for, and count it', () => {
    const csv = file({ from: '10:00', to: '10:30', published: 0 }, { pair: 'CCC_DDD', from: '10:00', to: '10:10' });
    expect(testerSignals(csv, { view: 'edge_pairs' })).toMatchObject({ trades: 1, unpublished: 1, pairs: ['CCC_DDD'] });
    expect(testerSignals(csv, { view: 'all_pairs' })).toMatchObject({ trades: 2, unpublished: 0 });
    const one = { view: 'edge_pairs', pairs: ['AAA_BBB'] } as const;
    expect(testerSignals(csv, one)).toMatchObject({ trades: 0, unpublished: 1, first: null });
  });

  it('are of one model: that of the file, or the named one', () => {
    const csv = file({ from: '10:00', to: '10:30' }, { model: 'two', from: '10:00', to: '10:20' });
    expect(() => testerSignals(csv, { view: 'edge_pairs' })).toThrow(
      expect.objectContaining({ code: 'MODEL_MISSING' }),
    );
    expect(testerSignals(csv, { view: 'edge_pairs', model: 'two' })).toMatchObject({ model: 'two', trades: 1 });
    expect(() => testerSignals(csv, { view: 'edge_pairs', model: 'x' })).toThrow(/one, two/);
  });

  it.each([
    ['another table', 'time,open\n1,2\n'],
    ['an empty file', ''],
    ['a row that is cut off', `${HEADER}\none,1,AAA_BBB\n`],
    ['a time that is none', file({ from: '99:00', to: '10:30' })],
  ])('are refused of %s', (_, csv) => {
    expect(() => testerSignals(csv, { view: 'all_pairs' })).toThrow(expect.objectContaining({ code: 'DATA_FORMAT' }));
  });
});
