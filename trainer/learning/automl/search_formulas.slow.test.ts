import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { horizonSeconds } from '../../../shared/policy/policy.ts';
import { IS_WEEKLY } from '../../../test/weekly.ts';
import { tinyBars, tinySettings, tinyTraining } from '../../../test/tiny_models.ts';
import { pruneFolder } from '../dataset/cache_folder.ts';
import { openFitPool, type FitPool } from '../learners/trees/fit_pool.ts';
import type { FitTask } from '../learners/trees/fit.ts';
import { outlineTraining } from '../training/pipeline.ts';
import { isSure, searchFormulas, type AutomlOptions, type AutomlOutcome } from './search_formulas.ts';

const settings = tinySettings();
/** Days of the placebo: signs of whole days are flipped, and so many can be flipped in many ways. */
const PLACEBO_DAYS = 28;
const PLACEBO: AutomlOptions = {
  generators: ['windows', 'calendar'],
  windowBars: [30],
  candidates: 1000,
  most: 8,
  mostOf: {},
  level: 0.05,
  parts: 3,
  memoryGb: null,
  limitMs: null,
  nowMs: () => 0,
  cache: null,
  isShuffled: true,
};

describe('a search of formulas whose labels are exchanged, at a level that lets chance pass', () => {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-search-'));
  const fits: FitTask[] = [];
  let found: AutomlOutcome;
  beforeAll(async () => {
    const pool = openFitPool(0);
    const watched: FitPool = {
      ...pool,
      fit(task, ...others) {
        fits.push(task);
        return pool.fit(task, ...others);
      },
    };
    found = await searchFormulas(
      tinyTraining(folder, { settings, bars: tinyBars(settings, 9000) }),
      {
        generators: ['windows', 'calendar'],
        windowBars: [15, 60],
        candidates: 24,
        most: 8,
        mostOf: {},
        level: 1000,
        parts: 2,
        memoryGb: null,
        // The clock stands still: no candidate is left untested.
        limitMs: 1,
        nowMs: () => 0,
        cache: null,
        isShuffled: true,
      },
      watched,
    );
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('learns from no row that it confirms on, nor from one whose label reaches there', () => {
    const { screened, confirmed } = found.rows;
    expect([found.chosen.length > 0, found.judged.length]).toEqual([true, 24]);
    const whole = fits.map(({ rows }) => rows).filter(({ time }) => time.length > screened);
    // The models without and with the chosen ones, which are compared on the rows behind the border.
    expect(whole.length).toBeGreaterThan(1);
    const { time } = whole[0]!;
    const border = Float64Array.from(time).sort()[Math.floor(0.75 * time.length)]!;
    expect(time.filter((at) => at >= border)).toHaveLength(confirmed);
    const horizonS = horizonSeconds(settings.minutehand);
    for (const { rows, subset } of fits)
      expect(Math.max(...subset.map((row) => rows.labelEnd[row]!)) + horizonS).toBeLessThan(border);
  });

  it('judges the present columns, and compares the model without the idle ones on the same later rows', () => {
    const { columns, without_idle: without, untested } = found;
    expect([columns.length, untested]).toEqual([36, 0]);
    const idle = columns.filter(({ is_idle }) => is_idle);
    expect(idle.length).toBeGreaterThan(18);
    expect(without).toMatchObject({ days: expect.any(Number) as number, auc_before: found.confirmation!.auc_before });
  });

  it('does not confirm what chance chose', () => {
    expect(isSure(found)).toBe(false);
  });
});

describe('a search that was ended', () => {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-search-'));
  const cacheFolder = join(folder, 'cache');
  const pool = openFitPool(0);
  const bars = tinyBars(settings, 9000);
  /** Datasets that were made. */
  let outlines = 0;
  const outline: typeof outlineTraining = (...given) => {
    outlines++;
    return outlineTraining(...given);
  };
  const search = async ({ seed = 1, code = 'a', isKept = true, batches = Infinity } = {}): Promise<AutomlOutcome> => {
    let batch = 0;
    outlines = 0;
    const options: AutomlOptions = {
      ...PLACEBO,
      windowBars: [15],
      candidates: 6,
      level: 1000,
      parts: 2,
      // One candidate at a time.
      memoryGb: 1e-9,
      limitMs: 1,
      // The first look at the clock is the start of the search.
      nowMs: () => (batch++ > batches ? 1 : 0),
      cache: isKept ? { folder: cacheFolder, maxBytes: 1e9, code } : null,
    };
    return await searchFormulas({ ...tinyTraining(folder, { settings, bars }), seed }, options, pool, outline);
  };
  let whole: AutomlOutcome;
  beforeAll(async () => {
    whole = await search({ isKept: false });
  }, 120_000);
  afterAll(async () => {
    await pool.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('goes on where it was, and finds what one search finds', async () => {
    expect(await search({ batches: 4 })).toMatchObject({ untested: 2, reused: 0 });
    expect(await search()).toEqual({ ...whole, reused: 4 });
    const before = outlines;
    expect(await search()).toEqual({ ...whole, reused: 6 });
    // Without the two datasets that had been left.
    expect(outlines).toBe(before - 2);
  }, 120_000);

  it('uses no scores of another seed or program, nor damaged ones', async () => {
    expect(await search({ seed: 2 })).toMatchObject({ reused: 0 });
    expect(await search({ code: 'b' })).toEqual(whole);
    for (const name of readdirSync(cacheFolder)) truncateSync(join(cacheFolder, name), 40);
    expect(await search()).toEqual(whole);
  }, 120_000);

  it('keeps scores of the newest candidates that fit', async () => {
    const bytes = Math.max(...readdirSync(cacheFolder).map((name) => statSync(join(cacheFolder, name)).size));
    pruneFolder(cacheFolder, 2 * bytes);
    expect(await search()).toEqual({ ...whole, reused: 2 });
  }, 120_000);
});

const SEARCHES = IS_WEEKLY ? 100 : 3;
const MOST_CHOOSING = IS_WEEKLY ? 5 : 1;

it(`of ${SEARCHES} searches on exchanged labels, at most ${MOST_CHOOSING} choose anything`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-placebo-'));
  const pool = openFitPool(0);
  const training = tinyTraining(folder, { settings, bars: tinyBars(settings, PLACEBO_DAYS * 1440) });
  // The candidates are the same in every search, and so are the rows.
  const outlines = new Map<string, ReturnType<typeof outlineTraining>>();
  const outline: typeof outlineTraining = (options, ...others) => {
    const key = JSON.stringify(options.settings.minutehand.windows);
    const known = outlines.get(key) ?? outlineTraining(options, ...others);
    outlines.set(key, known);
    return known;
  };
  const choosing: number[] = [];
  const smallest: number[] = [];
  for (let seed = 1; seed <= SEARCHES; seed++) {
    const { chosen, judged } = await searchFormulas({ ...training, seed }, PLACEBO, pool, outline);
    if (chosen.length > 0) choosing.push(seed);
    smallest.push(Math.min(...judged.map(({ score }) => score.p)));
  }
  expect(choosing.length).toBeLessThanOrEqual(MOST_CHOOSING);
  // The tests could have found something: p values are as small as chance makes them.
  expect(smallest.filter((p) => p < 0.05).length).toBeGreaterThan(SEARCHES / 2);
  await pool.close();
  rmSync(folder, { recursive: true, force: true });
}, 3_600_000);

it('a gain is sure from two standard errors on', () => {
  const confirmed = (gain: number): boolean => isSure({ confirmation: { gain, standard_error: 1 } });
  expect([1.9, 2, 2.1, -3].map(confirmed)).toEqual([false, false, true, false]);
  expect(isSure({ confirmation: null })).toBe(false);
});
