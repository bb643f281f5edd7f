import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { openJournal, type InputRow } from '../../../shared/store/journal.ts';
import { readInUse } from './in_use.ts';

let paths: HomePaths;
beforeEach(() => (paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-in-use-')) })));
afterEach(() => rmSync(paths.home, { recursive: true, force: true }));

/** @param spreads of the bars of each minute; null: the bar quotes none */
function journalOf(spreads: Readonly<Record<string, readonly (number | null)[]>>): void {
  const path = paths.journal('simulated', 'main');
  mkdirSync(dirname(path), { recursive: true });
  const journal = openJournal(path);
  const rows = Object.entries(spreads).flatMap(([symbol, own]) =>
    own.map((spread, minute): InputRow => {
      const time = (minute * 60) as OpenTime;
      const bar = { symbol, time, open: 1, high: 1, low: 1, close: 1, volume: 1, ...(spread !== null && { spread }) };
      return { kind: 'bar', subject: symbol, time, bar, backfill: false };
    }),
  );
  journal.append(rows, []);
  journal.close();
}

it('a symbol quotes its spread although its newest bar came without one, but not for one of hours ago', () => {
  const none = Array.from({ length: 300 }, () => null);
  journalOf({ EURUSD: [0.1, 0.1, null], GBPUSD: [null, null], USDJPY: [0.1, ...none], XAUUSD: [null, 0.2] });
  const settings = loadSettings({ env: { MINUTEHAND_MARKET: 'simulated' } });
  expect(readInUse(settings, paths).quoted_spreads).toEqual(['EURUSD', 'XAUUSD']);
});
