import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { readBarFolder, writeBarFile, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { screenBars } from '../../../shared/bar_file/screened_bars.ts';
import { packageRoot } from '../../../shared/root.ts';
import { recordMarket, createSimulatedMarket } from '../../../shared/market/simulated_market.ts';
import { readFolderBars, readSymbol, type SymbolTask } from '../strategies/pair_reversion/dataset/folder_bars.ts';
import { openTaskThreads, runOnThreads } from './thread_tasks.ts';

const NOWHERE = new URL('./nowhere.js', import.meta.url);
const READER = pathToFileURL(
  join(packageRoot(), 'dist/trainer/learning/strategies/pair_reversion/dataset/folder_bars_worker.js'),
);
const folder = mkdtempSync(join(tmpdir(), 'minutehand-threads-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('tasks', () => {
  it('are made when their turn comes, one after the other, urgent ones first', async () => {
    const log: string[] = [];
    const threads = openTaskThreads(2, NOWHERE, async (task: string) => {
      await Promise.resolve();
      log.push(`does ${task}`);
      return task.toUpperCase();
    });
    const run = (task: string, isUrgent = false): Promise<string> =>
      threads.run(() => (log.push(`makes ${task}`), task), { isUrgent });
    expect(await Promise.all([run('a'), run('b'), run('c', true)])).toEqual(['A', 'B', 'C']);
    expect(log).toEqual(['makes a', 'does a', 'makes c', 'does c', 'makes b', 'does b']);
  });

  it('fail alone, and where all belong together with all that wait', async () => {
    const work = (task: number): number => {
      if (task === 1) throw new RangeError('one');
      return task;
    };
    const threads = openTaskThreads(1, NOWHERE, work);
    const done = await Promise.allSettled([0, 1, 2].map((task) => threads.run(() => task)));
    expect(done.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const seen: number[] = [];
    await expect(runOnThreads([0, 1, 2, 3, 4, 5], 0, NOWHERE, work, (task) => seen.push(task))).rejects.toThrow('one');
    expect(seen).not.toContain(5);
  });

  it('of a thread fail with the code, what was seen and the next step, and the thread does the next one', async () => {
    const threads = openTaskThreads<SymbolTask, BarColumns | null>(1, READER, () => expect.fail('the caller works'));
    try {
      const here = { folder: join(folder, 'none'), symbol: 'A', screening: null };
      await expect(threads.run(() => here)).rejects.toMatchObject({
        code: 'DATA_MISSING',
        seen: `no folder ${here.folder}`,
        next: expect.any(String) as string,
      });
      expect(await threads.run(() => ({ ...here, folder }))).toBeNull();
    } finally {
      await threads.close();
    }
  });
});

describe('readFolderBars', () => {
  const start = (Date.parse('2024-01-04T22:00:00Z') / 1000) as OpenTime;
  const symbols = ['XAUUSD', 'XAGUSD', 'NONE'];

  it('reads what a reader of the folder and a screen give, in memory that threads share', async () => {
    const market = recordMarket(createSimulatedMarket({ seed: 3, symbols: ['XAUUSD', 'XAGUSD'], start }), 600);
    for (const columns of market.values()) {
      columns.volume.fill(0);
      columns.high[400]! *= 1.5;
      await writeBarFile(join(folder, `${columns.symbol}.csv`), columns);
    }
    const screening = { sigmas: 20, min_move_bps: 50 };
    const period = { from: (start + 6000) as OpenTime, to: (start + 30_000) as OpenTime };
    const progress: number[][] = [];
    const read = await readFolderBars(folder, symbols, {
      ...period,
      screening,
      workers: 0,
      onProgress: (...done) => progress.push(done),
    });
    const expected = screenBars(await readBarFolder(folder, symbols, period), screening);
    expect([...read.keys()]).toEqual([...expected.keys()]);
    expect([...read.values()]).toEqual([...expected.values()]);
    expect(expected.get('XAUUSD')!.length).toBe(399);
    expect([...read.values()].every(({ close }) => close.buffer instanceof SharedArrayBuffer)).toBe(true);
    // Volumes that the source does not state share one memory.
    expect(new Set(Array.from(read.values(), ({ volume }) => volume.buffer)).size).toBe(1);
    expect(progress).toEqual([1, 2, 3].map((done) => [done, 3]));
    expect(await readSymbol({ folder, symbol: 'NONE', screening: null })).toBeNull();
  });
});
