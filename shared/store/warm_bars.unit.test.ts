import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyBars, tinySettings } from '../../test/tiny_settings.ts';
import { SECONDS_PER_BAR, type OpenTime } from '../bar.ts';
import { minutes } from '../bar_file/bar_file.ts';
import { parsePair } from '../pair.ts';
import { openJournal, type InputRow, type JournalFile } from './journal.ts';
import { journaledBars, journaledBarsInPieces } from './warm_bars.ts';

const MINUTES = 4000;
let folder = '';
let store: JournalFile;
let last: OpenTime;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-warm-'));
  store = openJournal(join(folder, 'journal.db'));
  const rows: InputRow[] = [];
  let minute = 0;
  for (const { time, bars } of minutes(tinyBars(tinySettings(), MINUTES))) {
    minute++;
    // A market that rests, a leg that came too late, and a suspect bar.
    if (minute % 900 > 850) continue;
    for (const bar of bars) rows.push({ kind: 'bar', subject: bar.symbol, time, bar, backfill: false });
    if (minute % 37 === 0) rows.push({ kind: 'timeout', subject: 'XAUUSD_XAGUSD', time, bar: null, backfill: false });
    if (minute % 53 === 0) rows.push({ kind: 'suspect', subject: 'XAGUSD', time, bar: null, backfill: false });
    last = time;
  }
  store.append(rows, [], []);
});
afterAll(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

describe('journaledBarsInPieces', () => {
  it.each(['XAUUSD_XAGUSD', 'XAUUSD_XAGUSD@5m', 'XAUUSD_XAGUSD@1h'])(
    'reads the bars of %s that are read at once, with pauses between',
    async (id) => {
      const pair = parsePair(id);
      const barSeconds = pair.barSeconds ?? SECONDS_PER_BAR;
      for (const count of [1, 7, Math.floor(0.6 * MINUTES * (SECONDS_PER_BAR / barSeconds)), 2 * MINUTES])
        for (const until of [last, (last - 20_000) as OpenTime, 0 as OpenTime]) {
          let pauses = 0;
          const pause = (): Promise<void> => Promise.resolve(void pauses++);
          const bars = await journaledBarsInPieces(store, pair, count, until, pause);
          expect(bars).toEqual(journaledBars(store, pair, count, until));
          expect(bars.length).toBeLessThanOrEqual(count);
          if (until === last) expect(bars.length).toBeGreaterThan(0);
          expect(pauses).toBeGreaterThanOrEqual(Math.max(1, Math.floor(bars.length / 1000)));
        }
    },
  );
});
