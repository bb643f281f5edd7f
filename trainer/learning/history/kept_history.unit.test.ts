import { expect, it } from 'vitest';
import { historiesInTurn, partOfHistory, pricesOf, wholeHistory, type StoredHistory } from './kept_history.ts';
import { randomHistory } from './pair_history.fixture.ts';
import { HISTORY_COLUMNS, type PairHistory } from './pair_history.ts';

const histories = [randomHistory('one', 40, 1), randomHistory('two', 30, -1)];

/** The history as if it were in a file; `asked` receives what is read. */
function stored(history: PairHistory, asked: string[], spaces: unknown[] = []): StoredHistory {
  const { pair, length, rows } = history;
  return {
    pair,
    length,
    rows,
    read: (parts, space) => (asked.push(`${length}: ${parts.join()}`), spaces.push(space), history),
  };
}

it('a history in memory is itself, of a stored one nothing is read but what is asked for', () => {
  const [history] = histories;
  expect(partOfHistory(history!, 'z')).toBe(history);
  expect(wholeHistory(history!)).toBe(history);
  const asked: string[] = [];
  const { z, length } = partOfHistory(stored(history!, asked), 'z', 'time');
  expect(z).toBe(history!.z);
  expect(length).toBe(40);
  pricesOf(stored(history!, asked));
  expect(wholeHistory(stored(history!, asked))).toEqual(history);
  const columns = HISTORY_COLUMNS.join();
  expect(asked).toEqual(['40: z,time', `40: ${columns}`, `40: ${columns},row,features`]);
});

it('rows in order of pairs read each history once, all of them into the same memory', () => {
  const asked: string[] = [];
  const spaces: unknown[] = [];
  const historyOf = historiesInTurn(
    histories.map((history) => stored(history, asked, spaces)),
    'lnA',
  );
  const seen = [0, 0, 0, 1, 1].map((pair, row) => historyOf(pair).lnA[row]);
  expect(seen).toEqual([0, 0, 0, 1, 1].map((pair, row) => histories[pair]!.lnA[row]));
  expect(asked).toEqual(['40: lnA', '30: lnA']);
  expect(spaces).toEqual([expect.any(Map), expect.any(Map)]);
  expect(spaces[1]).toBe(spaces[0]);
  partOfHistory(stored(histories[0]!, asked, spaces), 'lnA');
  expect(spaces[2]).toBeUndefined();
});
