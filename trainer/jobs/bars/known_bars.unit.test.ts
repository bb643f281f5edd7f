import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clipBars, columnsOf } from '../../../shared/bar_file/bar_file.ts';
import { at, bar } from '../../../shared/store/journal_conformance.fixture.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { openStore } from '../../store/store.ts';
import { readKnownBars, type KnownBarsOptions } from './known_bars.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-known-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A journal of gold bars of these minutes, all with this close. */
function journalOf(name: string, minutes: readonly number[], close: number): string {
  const path = join(folder, name);
  const journal = openJournal(path);
  journal.append(
    minutes.map((minute) => bar('XAUUSD', minute, { close, high: Math.max(close, 1.3) })),
    [],
  );
  journal.close();
  return path;
}

describe('readKnownBars', () => {
  it('joins journaled and imported bars, and prefers the daemon’s where both have a minute', async () => {
    const journals = [journalOf('a.db', [10, 11, 12], 1.1), journalOf('b.db', [12, 13], 1.15)];
    const store = await openStore(join(folder, 'trainer.db'));
    const imported = [8, 9, 10, 13, 14].map((minute) => bar('XAUUSD', minute, { close: 1.2 }).bar!);
    await store.bars.put('live', columnsOf('XAUUSD', imported));
    const told: [number, number][] = [];
    const options: KnownBarsOptions = {
      symbols: ['XAUUSD', 'XAGUSD'],
      market: 'live',
      screening: null,
      journals,
      store,
      onProgress: (done, total) => told.push([done, total]),
    };
    try {
      const known = await readKnownBars(options);
      expect([...known.keys()]).toEqual(['XAUUSD']);
      const { time, close } = known.get('XAUUSD')!;
      expect([...time]).toEqual([8, 9, 10, 11, 12, 13, 14].map(at));
      expect([...close]).toEqual([1.2, 1.2, 1.1, 1.1, 1.1, 1.15, 1.2]);
      expect(told.at(-1)).toEqual([6, 6]);
      const part = await readKnownBars({ ...options, from: at(9), to: at(12) });
      expect([...part.get('XAUUSD')!.time]).toEqual([9, 10, 11].map(at));
      expect((await readKnownBars({ ...options, market: 'simulated', journals: [] })).size).toBe(0);
    } finally {
      await store.close();
    }
  });

  it('does not join histories that do not touch where it is asked to tell: the longer one counts, for all symbols', async () => {
    const year = 365 * 1440;
    const journals = [journalOf('a.db', [year, year + 1, year + 2], 1.1)];
    const store = await openStore(join(folder, 'trainer.db'));
    try {
      const options = { symbols: ['XAUUSD'], market: 'live' as const, screening: null, journals, store };
      const known = async (minutes: readonly number[]) => {
        await store.bars.put(
          'live',
          columnsOf(
            'XAUUSD',
            minutes.map((minute) => bar('XAUUSD', minute).bar!),
          ),
        );
        const notes: string[] = [];
        const read = { ...options, onProgress: () => undefined };
        const told = (await readKnownBars({ ...read, onNote: (text) => notes.push(text) })).get('XAUUSD')!;
        const all = (await readKnownBars(read)).get('XAUUSD')!;
        return { bars: told.length, all: all.length, notes: notes.join() };
      };
      expect(await known([0, 1])).toMatchObject({
        bars: 3,
        all: 5,
        notes: expect.stringContaining('XAUUSD: 2 imported'),
      });
      expect(await known([2, 3])).toMatchObject({ bars: 4, all: 7, notes: expect.stringContaining('3 received bars') });
      // Four days before the first one: a long weekend.
      expect(await known([year - 4 * 1440])).toEqual({ bars: 8, all: 8, notes: '' });
    } finally {
      await store.close();
    }
  });

  it('reads only the period’s bars of a journal, equal to those of the whole journal', async () => {
    const minutes = Array.from({ length: 60 }, (_, minute) => minute * 3);
    const options = {
      symbols: ['XAUUSD'],
      market: 'live' as const,
      screening: null,
      journals: [journalOf('a.db', minutes, 1.1), journalOf('b.db', [10, 11, 12, 300], 1.2)],
      store: null,
      onProgress: () => undefined,
    };
    const whole = (await readKnownBars(options)).get('XAUUSD')!;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -5, max: 310 }), fc.integer({ min: -5, max: 310 }), async (from, to) => {
        const part = (await readKnownBars({ ...options, from: at(from), to: at(to) })).get('XAUUSD');
        const wanted = clipBars(whole, at(from), at(to));
        if (wanted.length === 0) expect(part).toBeUndefined();
        else expect(part).toEqual(wanted);
      }),
      { numRuns: 40 },
    );
  });

  it('excludes bars that the daemon holds back as suspect, across journals and store', async () => {
    const calm = Array.from({ length: 60 }, (_, minute) => minute);
    const journals = [journalOf('a.db', calm, 1.1), journalOf('b.db', [60], 1100), journalOf('c.db', [61, 62], 1.1)];
    const options = {
      symbols: ['XAUUSD'],
      market: 'live' as const,
      journals,
      store: null,
      onProgress: () => undefined,
    };
    const timesOf = async (screening: KnownBarsOptions['screening']): Promise<number[]> => [
      ...(await readKnownBars({ ...options, screening })).get('XAUUSD')!.time,
    ];
    expect(await timesOf(null)).toEqual([...calm, 60, 61, 62].map((minute) => minute * 60));
    expect(await timesOf({ sigmas: 3, min_move_bps: 50 })).toEqual([...calm, 61, 62].map((minute) => minute * 60));
  });

  it('needs no store', async () => {
    const journals = [journalOf('a.db', [1, 2], 1.1)];
    const known = await readKnownBars({
      symbols: ['XAUUSD'],
      market: 'live',
      screening: null,
      journals,
      store: null,
      onProgress: () => undefined,
    });
    expect(known.get('XAUUSD')!.length).toBe(2);
  });
});
