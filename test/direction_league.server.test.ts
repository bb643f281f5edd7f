import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';

// Several walk-forwards, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000 });

const HOURS = 1800;
const LEAGUE = ['league', '--strategy', 'direction', '--data', 'bars', '--symbols', 'BTCUSDT'];
const SMALL = ['--entrants', 'gbdt,gbdt@none,gbdt@mirror'];

let place: Workplace;
beforeAll(() => {
  place = createWorkplace();
  const rng = createRng('direction league');
  let price = 100;
  const bars = Array.from({ length: HOURS }, (_, t) => {
    const open = price;
    price *= Math.exp(0.006 * rng.normal());
    const time = 1_600_000_000 - (1_600_000_000 % 3600) + t * 3600;
    return `${time},${open},${Math.max(open, price)},${Math.min(open, price)},${price},1`;
  });
  mkdirSync(join(place.folder, 'bars'));
  writeFileSync(join(place.folder, 'bars', 'BTCUSDT-1h.csv'), `time,open,high,low,close,volume\n${bars.join('\n')}\n`);
});
afterAll(() => place.remove());

interface League {
  readonly market: string;
  readonly look: number | null;
  readonly better: readonly string[];
  readonly priors: readonly { readonly name: string }[];
  readonly entrants: readonly {
    readonly name: string;
    readonly metrics: { readonly rows: number; readonly up_or_down_auc: number; readonly up_or_down_error: number };
    readonly against_reference: { readonly mean: number } | null;
    readonly net: { readonly no_edge: boolean };
  }[];
}

const looks = (): unknown => {
  const path = join(place.folder, 'home', 'models', 'direction', 'holdout_looks.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
};

it('measures the entrants on the same bars, beside base rates, and writes no bundle; all of it is one look', async () => {
  const { code, stdout, stderr } = await place.call([...LEAGUE, ...SMALL, '--json']);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  const league = JSON.parse(stdout) as League;
  expect(league).toMatchObject({ market: 'recorded', look: 1 });
  expect(league.entrants.map(({ name }) => name)).toEqual(['gbdt', 'gbdt@none', 'gbdt@mirror']);
  expect(new Set(league.entrants.map(({ metrics }) => metrics.rows)).size).toBe(1);
  expect(league.entrants.map(({ against_reference }) => against_reference === null)).toEqual([true, false, false]);
  expect(league.priors.map(({ name }) => name)).toEqual(['prior', 'prior by instrument']);
  // A random walk has no direction to know.
  for (const { metrics, net } of league.entrants) {
    expect(Math.abs(metrics.up_or_down_auc - 0.5)).toBeLessThan(4 * metrics.up_or_down_error);
    expect(net.no_edge).toBe(true);
  }
});

it('on a market of coins counts no look, says so, and makes no bundle by any door', async () => {
  const before = looks();
  expect(before).not.toBeNull();
  const coins = [...LEAGUE, '--entrants', 'gbdt,gbdt@none', '--coins', '1'];
  const [told, json, printed] = await place.runEach([coins, [...coins, '--json'], [...coins, '--print-job']]);
  expect([told!.code, told!.stdout]).toEqual([0, expect.stringContaining('PLACEBO')]);
  expect(told!.stdout).not.toContain('Look ');
  expect(JSON.parse(json!.stdout)).toMatchObject({ market: 'coins', look: null });
  expect(looks()).toEqual(before);
  const job = JSON.parse(printed!.stdout) as { output: object; parameters: object };
  expect(job).toMatchObject({ kind: 'direction', output: { is_dry_run: true }, parameters: { coins: 1 } });
  writeFileSync(
    join(place.folder, 'written.json'),
    JSON.stringify({ ...job, output: { folder: 'out', is_dry_run: false } }),
  );
  const written = await place.call(['job', 'run', 'written.json']);
  expect([written.code, written.stderr]).toEqual([1, expect.stringContaining('no bundle is made of a market')]);
});

it.each([
  ['an unknown entrant', ['--entrants', 'gbdt,logistic']],
  ['one entrant alone', ['--entrants', 'gbdt']],
  ['the same twice', ['--entrants', 'gbdt,gbdt@none,gbdt@none']],
])('refuses %s', async (_name, flags) => {
  const { code, stderr } = await place.call([...LEAGUE, ...flags]);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^USAGE.*--entrants/)]);
});
