import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../bar.ts';
import type { GroupBar } from '../core/formula/group_bars.ts';
import { parsePair } from '../pair.ts';
import { openJournal, type InputRow, type JournalFile } from './journal.ts';
import { journaledGroup, journaledGroupInPieces, type GroupQuestion } from './journaled_groups.ts';
import { journaledOthers, journaledOthersInPieces } from './journaled_others.ts';

const START = 60_000;
const at = (minute: number): OpenTime => (60 * (START + minute)) as OpenTime;
const row = (kind: InputRow['kind'], subject: string, minute: number, bar: Bar | null = null): InputRow => ({
  kind,
  subject,
  time: at(minute),
  bar,
  backfill: false,
});
const bar = (symbol: string, minute: number): InputRow =>
  row('bar', symbol, minute, {
    symbol,
    time: at(minute),
    open: minute,
    high: minute,
    low: minute,
    close: minute,
    volume: 1,
  });
const bars = (symbols: string, minutes: readonly number[]): InputRow[] =>
  minutes.flatMap((minute) => [...symbols].map((symbol) => bar(symbol, minute)));

function journalOf(rows: readonly InputRow[]): JournalFile {
  const store = openJournal(':memory:');
  store.append(rows, []);
  return store;
}

/** `<minute> <symbols>` of each bar. */
const shown = (found: readonly GroupBar[]): string[] =>
  found.map(({ time, bars: own }) => `${time / 60 - START} ${[...own.keys()].sort().join('')}`);

const pairs = ['A_B', 'C_D'].map(parsePair);
const question = (own: Partial<GroupQuestion>): GroupQuestion => ({
  pairs,
  symbols: [...'ABCD'],
  first: at(1),
  until: at(9),
  count: 1,
  ...own,
});

/** At once and in pieces. */
async function groupOf(rows: readonly InputRow[], own: Partial<GroupQuestion> = {}): Promise<string[]> {
  const store = journalOf(rows);
  const atOnce = shown(journaledGroup(store, question(own)));
  const inPieces = await journaledGroupInPieces(store, question(own), () => Promise.resolve());
  expect(shown(inPieces)).toEqual(atOnce);
  store.close();
  return atOnce;
}

describe('the bars of a group in a journal', () => {
  it('are those of its symbols, without suspect ones and without minutes that any of its pairs had given up', async () => {
    const rows = [
      ...bars('ABCD', [1]),
      ...bars('ABC', [2]),
      row('others_timeout', 'A_B', 2),
      bar('D', 2),
      ...bars('ABCDX', [3]),
      row('suspect', 'C', 3),
      // Of another pair.
      row('others_timeout', 'E_F', 4),
      ...bars('ABCD', [4]),
    ];
    expect(await groupOf(rows)).toEqual(['1 ABCD', '2 ABC', '3 ABD', '4 ABCD']);
    expect(await groupOf(rows, { until: at(2) })).toEqual(['1 ABCD', '2 ABC']);
  });

  it('lack a minute that came after a later one was given up, also where that is not asked for', async () => {
    const rows = [
      ...bars('ABCD', [1]),
      ...bars('ABC', [2]),
      ...bars('AB', [3]),
      row('others_timeout', 'A_B', 3),
      bar('D', 2),
      ...bars('CD', [3]),
    ];
    expect(await groupOf(rows, { until: at(2) })).toEqual(['1 ABCD', '2 ABC']);
    expect(await groupOf(rows)).toEqual(['1 ABCD', '2 ABC', '3 AB']);
  });

  it('begin where each pair has as many as are wanted, given up ones not counted, or with the first', async () => {
    const rows = [
      ...bars('CD', [1, 2]),
      ...bars('ABCD', [3, 4]),
      ...bars('CD', [5, 6]),
      ...bars('AB', [7]),
      row('others_timeout', 'A_B', 7),
      ...bars('CD', [7]),
      ...bars('ABCD', [8]),
    ];
    expect(await groupOf(rows, { first: at(8), count: 1 })).toEqual(['8 ABCD']);
    expect((await groupOf(rows, { first: at(8), count: 3 }))[0]).toBe('4 ABCD');
    expect((await groupOf(rows, { first: at(8), count: 5 }))[0]).toBe('3 ABCD');
    // Of the last six minutes of the second pair, one is missing in the group; the first pair has no more.
    expect((await groupOf(rows, { first: at(8), count: 6 }))[0]).toBe('1 CD');
    expect((await groupOf(rows, { first: at(8), count: 100 }))[0]).toBe('1 CD');
    expect(await groupOf([...bars('AB', [1, 2])], { first: at(1), count: 5 })).toEqual(['1 AB', '2 AB']);
    expect(await groupOf([], {})).toEqual([]);
  });

  it('are of the timeframe of its pairs, and closed', async () => {
    const own = ['A_B@5m', 'C_D@5m'].map(parsePair);
    const rows = bars('ABCD', [0, 1, 4, 6, 9, 11]);
    expect(await groupOf(rows, { pairs: own, first: at(0), until: at(9) })).toEqual(['4 ABCD', '9 ABCD']);
  });
});

describe('the bars of other symbols in a journal', () => {
  it('lack a minute that came after a later one was given up, also where that is not asked for', async () => {
    const rows = [
      ...bars('ABX', [1]),
      ...bars('AB', [2, 3]),
      row('others_timeout', 'A_B', 3),
      ...bars('X', [2, 3]),
      ...bars('ABX', [4]),
    ];
    const store = journalOf(rows);
    const asked = { pair: pairs[0]!, symbols: ['X'], bars: store.commonBars(pairs[0]!, 9, at(2)) };
    const inPieces = await journaledOthersInPieces(store, asked, () => Promise.resolve());
    for (const othersAt of [journaledOthers(store, asked), inPieces])
      expect([1, 2].map((minute) => othersAt(at(minute)).has('X'))).toEqual([true, false]);
    store.close();
  });
});
