import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type * as z from 'zod';
import type { directionLeagueJobSchema } from '../trainer/jobs/kinds/direction_league_job.ts';
import { requestedJobSchema } from '../trainer/jobs/kinds/registry.ts';
import { DIRECTION_SEED } from '../trainer/jobs/kinds/direction_defaults.ts';
import { createRng } from '../shared/rng.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';

// Several walk-forwards, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000 });

const HOURS = 1800;
const LEAGUE = ['league', '--strategy', 'direction', '--data', 'bars', '--symbols', 'BTCUSDT'];
const SMALL = ['--entrants', 'gbdt,gbdt@none,gbdt@mirror'];

let place: Workplace;
beforeAll(() => {
  place = createWorkplace();
  writeHours('bars', 0, HOURS);
  // Leaves of 200 rows split something.
  writeHours('trending', 0.5, 5000);
});
afterAll(() => place.remove());

/** @param memory share of the last move that the next one repeats; 0: a random walk */
function writeHours(folder: string, memory: number, hours: number): void {
  const rng = createRng('direction league');
  let price = 10_000;
  let move = 0;
  const bars = Array.from({ length: hours }, (_, t) => {
    const open = price;
    move = memory * move + 0.006 * rng.normal();
    price *= Math.exp(move);
    const time = 1_600_000_000 - (1_600_000_000 % 3600) + t * 3600;
    return `${time},${open},${Math.max(open, price)},${Math.min(open, price)},${price},1`;
  });
  mkdirSync(join(place.folder, folder));
  writeFileSync(join(place.folder, folder, 'BTCUSDT-1h.csv'), `time,open,high,low,close,volume\n${bars.join('\n')}\n`);
}

interface Figure {
  readonly value: number | null;
  readonly standard_error: number | null;
}

interface Standing {
  readonly behind_best: Figure;
  readonly is_within_error: boolean;
}

interface League {
  readonly best: string;
  readonly simplest_within_error: string;
  readonly market: string;
  readonly look: number | null;
  readonly better: readonly string[];
  readonly failed: readonly { readonly name: string; readonly code: string }[];
  readonly priors: readonly (Standing & { readonly name: string; readonly log_loss: number })[];
  readonly entrants: readonly (Standing & {
    readonly name: string;
    readonly complexity: number;
    readonly metrics: {
      readonly rows: number;
      readonly up_or_down_auc: number;
      readonly up_or_down_error: number;
      readonly log_loss: number;
    };
    readonly against_reference: { readonly mean: number } | null;
    readonly net: { readonly no_edge: boolean };
    readonly log_loss_of_seeds: readonly number[];
    readonly scenarios: Readonly<
      Record<string, { readonly rows: number; readonly log_loss: Figure; readonly up_or_down_auc: number | null }>
    >;
    readonly generated: Readonly<
      Record<string, { readonly rows: number; readonly log_loss: number; readonly mean_probability: readonly number[] }>
    >;
    readonly serving: {
      readonly engine: string;
      readonly bytes: number;
      readonly latency_us: { readonly p50: number; readonly p99: number };
    };
    readonly seconds: number;
    readonly memory_mb: number;
  })[];
}

/** Without what depends on the machine and its load. */
const figuresOf = (entrants: League['entrants']): object[] =>
  entrants.map(({ seconds: _seconds, memory_mb: _memory, serving: { latency_us: _, ...serving }, ...own }) => ({
    ...own,
    serving,
  }));

const looks = (): unknown => {
  const path = join(place.folder, 'home', 'models', 'holdout_looks.json');
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

it('says who is best and who is the simplest within its error, and what each takes and answers by market', async () => {
  const args = [...LEAGUE, '--data', 'trending', '--entrants', 'gbdt,gbdt@none,logistic,random_forest'];
  const [json, told] = await place.runEach([[...args, '--json'], args]);
  expect(json!.code, json!.stderr).toBe(0);
  const { entrants, priors, best, simplest_within_error: simplest } = JSON.parse(json!.stdout) as League;
  const least = entrants.reduce((a, b) => (b.metrics.log_loss < a.metrics.log_loss ? b : a));
  expect(best).toBe(least.name);
  expect(entrants.map(({ name, complexity }) => [name, complexity])).toEqual([
    ['gbdt', 2],
    ['gbdt@none', 2],
    ['random_forest', 3],
    ['logistic', 1],
  ]);
  for (const { name, metrics, behind_best, is_within_error } of entrants) {
    expect(behind_best.value).toBeCloseTo(metrics.log_loss - least.metrics.log_loss, 9);
    expect(is_within_error).toBe(name === best || behind_best.value! <= behind_best.standard_error!);
  }
  const near = entrants.filter(({ is_within_error }) => is_within_error);
  const order = [...near].sort((a, b) => a.complexity - b.complexity || a.metrics.log_loss - b.metrics.log_loss);
  expect(simplest).toBe(order[0]!.name);
  // A move that repeats half of the last one is known better than base rates know it.
  for (const { log_loss, behind_best, is_within_error } of priors) {
    expect(behind_best.value).toBeCloseTo(log_loss - least.metrics.log_loss, 9);
    expect(is_within_error).toBe(false);
  }
  const engines = { gbdt: 'wasm-simd', 'gbdt@none': 'wasm-simd' };
  for (const { name, metrics, scenarios, generated, serving } of entrants) {
    const rows = (names: readonly string[]): number => names.reduce((sum, own) => sum + (scenarios[own]?.rows ?? 0), 0);
    // Each evaluated bar has a trend, as the first third of the bars is not evaluated.
    expect(rows(['bull', 'bear', 'range'])).toBe(metrics.rows);
    expect(rows(['high_volatility', 'low_volatility'])).toBeLessThan(metrics.rows);
    expect(Object.keys(generated)).toEqual(['bull', 'bear', 'range', 'high_volatility', 'low_volatility']);
    for (const { mean_probability, log_loss } of Object.values(generated)) {
      expect(mean_probability.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
      expect(log_loss).toBeGreaterThan(0);
    }
    expect(serving.engine).toBe(engines[name as keyof typeof engines] ?? 'own-graph');
    expect(serving.bytes).toBeGreaterThan(500);
    expect(serving.latency_us.p99).toBeGreaterThanOrEqual(serving.latency_us.p50);
  }
  expect(told!.stdout).toContain(`Best: ${best}. Simplest within its error: ${simplest}.`);
  expect(told!.stdout).toMatch(/^log loss in +bull +bear +range +high_volatility +low_volatility$/m);
  expect(told!.stdout).toMatch(/^generated market: up, down, range +bull/m);
  expect(told!.stdout).toMatch(/^logistic .* own-graph$/m);
});

it('repeats the blocks with several seeds, and says what each entrant takes', async () => {
  const trending = [...LEAGUE, '--data', 'trending', '--entrants', 'gbdt@none', '--json'];
  const { code, stdout, stderr } = await place.call([...trending, '--seeds', '3']);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  const { entrants, look } = JSON.parse(stdout) as League;
  expect(entrants.map(({ name }) => name)).toEqual(['gbdt', 'gbdt@none']);
  for (const { metrics, log_loss_of_seeds: losses, seconds, memory_mb } of entrants) {
    expect(losses[0]).toBe(metrics.log_loss);
    expect(new Set(losses).size).toBe(3);
    expect([seconds > 0, memory_mb > 50]).toEqual([true, true]);
  }
  // Seeds are trials, and no further look.
  expect(look).not.toBeNull();
  const trials = readFileSync(join(place.folder, 'home', 'models', 'direction', 'trials.json'), 'utf8');
  expect(trials).toMatch(/"trials": ?6\b/);
  // A league with the second seed alone gives the log loss of the second repetition.
  const second = await place.call([...trending, '--seed', String(DIRECTION_SEED + 1)]);
  const [own] = (JSON.parse(second.stdout) as League).entrants;
  expect(own!.metrics.log_loss).toBe(entrants[0]!.log_loss_of_seeds[1]);
});

it('is a job on the bars of the installation, as a request queues it: the same figures', async () => {
  const env = { MINUTEHAND_MARKET: 'live' };
  const imported = await place.run(['bars', 'import', join(place.folder, 'bars', 'BTCUSDT-1h.csv')], { env });
  expect(imported.code, imported.stderr).toBe(0);
  const printed = await place.call([...LEAGUE, ...SMALL, '--print-job']);
  const ofFolder = JSON.parse(printed.stdout) as z.input<typeof directionLeagueJobSchema>;
  expect(requestedJobSchema.safeParse(ofFolder).error?.issues[0]).toMatchObject({ path: ['source', 'folder'] });
  const requested = requestedJobSchema.parse({ ...ofFolder, source: { folder: null, series: null } });
  const withSeries = { ...ofFolder, source: { folder: null, series: '/srv/series' } };
  expect(requestedJobSchema.safeParse(withSeries).error?.issues[0]).toMatchObject({ path: ['source', 'series'] });
  const file = join(place.folder, 'requested.json');
  writeFileSync(file, JSON.stringify(requested));
  const ran = await place.run(['job', 'run', file, '--json'], { env });
  expect(ran.code, ran.stderr).toBe(0);
  const figures = (text: string): unknown => figuresOf((JSON.parse(text) as League).entrants);
  const typed = await place.call([...LEAGUE, ...SMALL, '--json']);
  expect(figures(ran.stdout)).toEqual(figures(typed.stdout));
  const listed = await place.run(['jobs', 'list'], { env });
  expect(listed.stdout).toMatch(/direction.league/);
});

it('on a market of coins counts no look, says so, and makes no bundle by any door', async () => {
  const before = looks();
  expect(before).not.toBeNull();
  const coins = [...LEAGUE, '--entrants', 'gbdt,gbdt@none', '--coins', '1'];
  const [told, json, printed] = await place.runEach([coins, [...coins, '--json'], [...coins, '--print-job']]);
  expect([told!.code, told!.stdout]).toEqual([0, expect.stringContaining('PLACEBO')]);
  expect(told!.stdout).not.toContain('Look ');
  expect(JSON.parse(json!.stdout)).toMatchObject({ market: 'coins', look: null, earners_on_placebo: [] });
  expect(looks()).toEqual(before);
  const job = JSON.parse(printed!.stdout) as { parameters: object };
  expect(job).toMatchObject({ kind: 'direction_league', parameters: { coins: 1 } });
  writeFileSync(join(place.folder, 'league.json'), JSON.stringify({ ...job, output: { folder: 'out' } }));
  const train = ['train', '--strategy', 'direction', '--data', 'bars', '--symbols', 'BTCUSDT', '--print-job'];
  const training = JSON.parse((await place.call(train)).stdout) as { parameters: object };
  const parameters = { ...training.parameters, coins: 1 };
  const written = { ...training, parameters, output: { folder: 'out', is_dry_run: false } };
  writeFileSync(join(place.folder, 'written.json'), JSON.stringify(written));
  const [league, refused] = await place.runEach([
    ['job', 'run', 'league.json'],
    ['job', 'run', 'written.json'],
  ]);
  expect([league!.code, league!.stderr]).toEqual([1, expect.stringContaining('output')]);
  expect([refused!.code, refused!.stderr]).toEqual([1, expect.stringContaining('no bundle is made of a market')]);
});

it('names an entrant that is not installed, compares the others, and ends with exit code 3', async () => {
  const env = { MINUTEHAND_XGBOOST_LIBRARY: join(place.folder, 'no.so') };
  const args = [...LEAGUE, '--json', '--entrants'];
  const { code, stdout, stderr } = await place.run([...args, 'gbdt@none,xgboost'], { env });
  expect(code, stderr).toBe(3);
  const { entrants, failed } = JSON.parse(stdout) as League;
  expect(entrants.map(({ name }) => name)).toEqual(['gbdt', 'gbdt@none']);
  expect(failed).toEqual([expect.objectContaining({ name: 'xgboost', code: 'LEARNER_MISSING' })]);
  expect(stderr).toMatch(/^xgboost has no result\. LEARNER_MISSING/m);
  // With nothing to compare it is refused before it learns.
  const alone = await place.run([...args, 'gbdt,xgboost'], { env });
  expect([alone.code, alone.stderr]).toEqual([1, expect.stringContaining('LEARNER_MISSING')]);
});

it.each([
  ['an unknown entrant', ['--entrants', 'gbdt,prior']],
  ['one entrant alone', ['--entrants', 'gbdt']],
  ['more seeds than there may be', ['--entrants', 'gbdt@none', '--seeds', '21']],
  ['the same twice', ['--entrants', 'gbdt,gbdt@none,gbdt@none']],
])('refuses %s', async (_name, flags) => {
  const { code, stderr } = await place.call([...LEAGUE, ...flags]);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^USAGE.*--(?:entrants|seeds)/)]);
});

it('that is killed has kept the entrants that had ended: the same league takes them over, with the same figures', async () => {
  const args = [...LEAGUE, '--entrants', 'gbdt,gbdt@none,random_forest,stacking,bagging', '--seed', '3', '--json'];
  const folder = join(place.home, 'cache', 'league');
  // Beside them may be one that is being written.
  const kept = (): string[] =>
    existsSync(folder) ? readdirSync(folder).filter((name) => /^[0-9a-f]{64}$/.test(name)) : [];
  // A league whose entrant failed has left some.
  const earlier = kept();
  const running = place.start(args);
  await eventually(running.stderr, () => kept().length >= earlier.length + 2);
  running.kill('SIGKILL');
  expect(await running.ended).toBe('SIGKILL');
  const before = looks();

  const resumed = await place.run(args);
  expect(resumed.code, resumed.stderr).toBe(0);
  const league = JSON.parse(resumed.stdout) as League & { readonly taken_over: readonly string[] };
  expect(league.taken_over).toEqual(['gbdt@none', 'random_forest']);
  expect(looks()).toEqual(before);
  // It has ended: nothing is left to be taken over.
  expect(kept()).toEqual(earlier);

  const whole = await place.run([...args, '--no-cache']);
  const uninterrupted = JSON.parse(whole.stdout) as typeof league;
  // The resumed league gives the same figures, those of standings, scenarios and generated markets among them.
  expect(Object.keys(league.entrants[1]!.generated)).toHaveLength(5);
  expect(uninterrupted.taken_over).toEqual([]);
  const figures = ({ entrants, taken_over: _, ...own }: typeof league) => ({
    ...own,
    entrants: figuresOf(entrants),
  });
  expect(figures(league)).toEqual(figures(uninterrupted));
});
