import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { anySchema } from '../../../shared/bundle/any_schema.fixture.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { writeRandomBundle } from '../../../shared/bundle/random_bundle.fixture.ts';
import { parsePair, symbolsOf } from '../../../shared/pair.ts';
import { packageRoot } from '../../../shared/root.ts';
import type { Trade } from '../trades/backtest.ts';
import { countLook, looksPath } from './holdout_looks.ts';

const HOLDOUT = {
  market: 'live',
  from: '2024-01-01T00:00:00Z',
  to: '2024-02-01T00:00:00Z',
  symbols: ['EURUSD', 'GBPUSD'],
} as const;

const trade = (netBps: number): Trade => ({
  pairId: 'EURUSD_GBPUSD',
  side: 1,
  entryTime: 600 as OpenTime,
  exitTime: 1200 as OpenTime,
  reason: 'Z_EXIT',
  grossBps: netBps + 1,
  netBps,
});

let models: string;
beforeEach(() => (models = mkdtempSync(join(tmpdir(), 'minutehand-looks-'))));
afterEach(() => rmSync(models, { recursive: true, force: true }));

describe('looks at a holdout', () => {
  it('are counted per holdout and by their trades, over restarts', () => {
    expect(countLook(models, HOLDOUT, [trade(1)])).toBe(1);
    expect(countLook(models, HOLDOUT, [trade(2)])).toBe(2);
    expect(countLook(models, HOLDOUT, [trade(1)])).toBe(1);
    expect(countLook(models, HOLDOUT, [trade(1), trade(2)])).toBe(3);
    expect(countLook(models, HOLDOUT, [trade(2), trade(1)])).toBe(3);
    expect(countLook(models, { ...HOLDOUT, market: 'simulated' }, [trade(3)])).toBe(1);
    expect(countLook(models, HOLDOUT, [trade(3)])).toBe(4);
  });

  it('cost their share where the holdout is moved, shortened or lengthened, by however much', () => {
    const at = (from: string, to: string) => ({ ...HOLDOUT, from: `${from}:00Z`, to: `${to}:00Z` });
    const moved = [
      at('2024-01-01T00:01', '2024-02-01T00:00'),
      at('2024-01-02T00:00', '2024-02-02T00:00'),
      at('2024-01-01T00:00', '2024-02-03T00:00'),
      at('2024-01-10T00:00', '2024-01-20T00:00'),
    ];
    expect(countLook(models, HOLDOUT, [trade(0)])).toBe(1);
    // A day in 31, and two in 33, that nobody has evaluated carry the full level.
    expect(moved.map((holdout, i) => countLook(models, holdout, [trade(i + 1)]))).toEqual([2, 3, 3, 5]);
    // A third of it five times, the rest four times.
    expect(countLook(models, HOLDOUT, [trade(9)])).toBe(6);
    // An eighth earlier each time: seven eighths were evaluated before.
    const eighths = Array.from({ length: 10 }, (_, i) => {
      const ms = (day: number): string => new Date(Date.UTC(2025, 0, 80 + day - 8 * i)).toISOString();
      return { ...HOLDOUT, from: ms(0), to: ms(64) };
    });
    expect(eighths.map((holdout, i) => countLook(models, holdout, [trade(i)]))).toEqual([1, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
    // Minutes that nobody has evaluated.
    expect(countLook(models, at('2026-01-01T00:00', '2026-03-01T00:00'), [trade(0)])).toBe(1);
  });

  it('are of the symbols that were evaluated', () => {
    const of = (...symbols: string[]) => ({ ...HOLDOUT, symbols });
    expect(countLook(models, of('EURUSD', 'GBPUSD'), [trade(1)])).toBe(1);
    expect(countLook(models, of('XAUUSD', 'XAGUSD'), [trade(2)])).toBe(1);
    expect(countLook(models, of('GBPUSD', 'EURUSD'), [trade(3)])).toBe(2);
    expect(countLook(models, of('EURUSD'), [trade(4)])).toBe(3);
    // Half of the bars are new: 0.04 and 0.0017, whose mean is above the level of a second evaluation.
    expect(countLook(models, of('EURUSD', 'USDJPY'), [trade(5)])).toBe(2);
  });

  it('count a work that returns on later bars once on each minute, and other works beside it', () => {
    const week = (i: number) => {
      const ms = (day: number): string => new Date(Date.UTC(2024, 0, 1 + 7 * i + day)).toISOString();
      return { ...HOLDOUT, from: ms(0), to: ms(56) };
    };
    const weekly = { work: 'a'.repeat(64) };
    const looks = Array.from({ length: 52 }, (_, i) => countLook(models, week(i), [trade(i)], weekly));
    expect([looks[0], Math.max(...looks)]).toEqual([1, 2]);
    // Somebody else is the second, and not the ninth.
    expect(countLook(models, week(51), [trade(-1)])).toBe(2);
    expect(countLook(models, week(51), [trade(-2)])).toBe(3);
  });

  it('are one ledger for processes that count at the same time', async () => {
    const counting = `
      import { countResult } from ${JSON.stringify(join(packageRoot(), 'dist/trainer/learning/backtest/holdout_looks.js'))};
      const [models, name] = process.argv.slice(1);
      const looks = Array.from({ length: 20 }, (_, i) => countResult(models, ${JSON.stringify(HOLDOUT)}, name + i));
      console.log(looks.join(' '));`;
    const run = promisify(execFile);
    const printed = await Promise.all(
      ['a', 'b'].map((name) => run(process.execPath, ['--input-type=module', '-e', counting, models, name])),
    );
    const looks = printed.flatMap(({ stdout }) => stdout.trim().split(' ').map(Number));
    expect(looks.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });

  it('of versions that did not keep symbols count for all', () => {
    const { market, from, to } = HOLDOUT;
    const entries = [1, 2].map((look) => ({ trades: String(look).repeat(64), look }));
    writeFileSync(looksPath(models), JSON.stringify({ [`${market} ${from} ${to}`]: entries }));
    expect(countLook(models, { ...HOLDOUT, symbols: ['BTCUSDT'] }, [trade(1)])).toBe(3);
    const other = join(models, 'other');
    mkdirSync(other);
    expect(countLook(other, HOLDOUT, [trade(1)], { earlier: [models] })).toBe(3);
  });

  it('are those of the bundles in the folder, where the file is lost or bundles came from elsewhere', () => {
    const path = writeRandomBundle(models, { schema: anySchema(3), trees: 1, leaves: 2, seed: 'looks' });
    const manifest = join(path, 'manifest.json');
    const own = JSON.parse(readFileSync(manifest, 'utf8')) as Manifest;
    const symbols = symbolsOf(own.pairs.map(parsePair));
    const holdout = { market: own.market, from: own.period.holdout_from, to: own.period.to, symbols };
    writeFileSync(manifest, JSON.stringify({ ...own, holdout_look: { look: 4, level: 0.01 / 12 } }));
    expect(countLook(models, holdout, [trade(1)])).toBe(5);
    rmSync(looksPath(models));
    expect(countLook(models, holdout, [trade(1)])).toBe(5);
    expect(countLook(models, HOLDOUT, [trade(1)])).toBe(1);
  });

  it('are not lost with a damaged file, which is refused and kept', () => {
    countLook(models, HOLDOUT, [trade(1)]);
    for (const damaged of ['{', '[]', '{"a": [{"trades": 1, "look": 1}]}']) {
      writeFileSync(looksPath(models), damaged);
      expect(() => countLook(models, HOLDOUT, [trade(2)])).toThrow(expect.objectContaining({ code: 'LOOKS_FORMAT' }));
      expect(readFileSync(looksPath(models), 'utf8')).toBe(damaged);
    }
  });
});
