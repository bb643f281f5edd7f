import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { takeInRule } from '../../../shared/bundle/rule/active_rule.ts';
import { ruleVerdicts } from '../../../shared/bundle/rule/rule_verdicts.ts';
import { recordedRuleGates } from '../../../shared/bundle/recorded_gates.ts';
import { createRng } from '../../../shared/rng.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { checkStrategy, readStrategyDocument, type FormulaStrategy } from '../../../shared/policy/strategy_file.ts';
import { genomeOf, strategyOf } from '../../learning/evolve/genome.ts';
import { spaceOf } from '../../learning/evolve/search_space.ts';
import type { EvolveJob } from './evolve_job.ts';
import type { JudgeJob } from './judge_job.ts';
import { jobSchema } from './registry.ts';
import { runEvolve } from './run_evolve.ts';
import { runJudge } from './run_judge.ts';
import { generationsFile } from './kept_generations.ts';
import type { RuleContext } from './rule_candidate.ts';
import { triedBefore } from './trials_of_rule.ts';

const HOUR = 3600;
const BARS = 2000;
const settings = loadSettings({ env: {} });

let folder: string;
let context: RuleContext;
/** Close of every bar. */
const closes: number[] = [];
const isoOf = (bar: number): string => `${new Date(timeOf(bar) * 1000).toISOString().slice(0, 19)}Z`;
const timeOf = (bar: number): number => 1_600_000_000 - (1_600_000_000 % HOUR) + bar * HOUR;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rule-jobs'));
  const rng = createRng('rule jobs');
  let price = 100;
  const bars = Array.from({ length: BARS }, (_, t) => {
    const open = price;
    price *= Math.exp(0.006 * rng.normal());
    closes.push(price);
    return `${timeOf(t)},${open},${Math.max(open, price)},${Math.min(open, price)},${price},1`;
  });
  writeFileSync(join(folder, 'BTCUSDT.csv'), `time,open,high,low,close,volume\n${bars.join('\n')}\n`);
  const home = join(folder, 'home');
  context = { settings, paths: { home, models: join(home, 'models') }, gitCommit: null, onProgress: () => undefined };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const market = () => ({
  market: 'live' as const,
  subject: 'BTCUSDT@1h',
  window: { from: null, to: null },
  source: { folder, series: null },
  direction: null,
  costs: { model: 'profile' as const, fee_bps: 2, slippage_bps: 0 },
  holdout_from: null,
  seed: '0',
  resamples: 100,
  trigger: { code: 'command' as const, values: { command: 'test' } },
});

const searchJob = (output: EvolveJob['output']): EvolveJob => ({
  kind: 'evolve',
  ...market(),
  space: {
    name: 'tiny',
    description: 'a test',
    subject: 'instrument',
    features: [{ formula: 'close / delay(close, n) - 1', windows: [1, 3], thresholds: [-0.005, 0.005] }],
    operators: ['and', 'or'],
    sides: ['long', 'short'],
    max_conditions: 2,
    stop_bps: [null],
    target_bps: [null],
    max_age: [1, 3],
    population: 8,
    generations: 3,
    complexity_penalty: 0,
  },
  output,
});

const judgeJob = (strategy: JudgeJob['strategy'], candidate: boolean): JudgeJob => ({
  kind: 'judge',
  ...market(),
  strategy,
  output: { candidate },
});

/** Runs a search that is cut off in this generation, before that one is kept. */
async function runCutOff(job: EvolveJob, generation: number): Promise<void> {
  const onProgress = (stage: string, done: number): void => {
    if (stage === 'generations' && done === generation) throw new Error('cut off');
  };
  await expect(runEvolve(job, { ...context, onProgress })).rejects.toThrow('cut off');
}

/** Runs a search, and counts the generations that it makes. */
async function runCounted(job: EvolveJob) {
  let made = 0;
  const onProgress = (stage: string): void => {
    if (stage === 'generations') made++;
  };
  const { report } = await runEvolve(job, { ...context, onProgress });
  return { report, made };
}

const anew = (job: EvolveJob): EvolveJob => ({ ...job, cache: false });

it('continues a search that was cut off from the generations of the installation, and ends with the same figures', async () => {
  const job = searchJob({ folder: null, candidate: false });
  const file = generationsFile(job, context.paths);
  const whole = await runEvolve(job, context);
  await runCutOff(anew(job), 5);
  // The fifth generation was not kept yet.
  expect(existsSync(file)).toBe(true);
  const resumed = await runCounted(job);
  expect(resumed.made).toBe(3 * 5 - 4);
  expect(resumed.report).toEqual(whole.report);
});

it('judges a search that has ended again without searching, and searches anew where that is asked for', async () => {
  const job = searchJob({ folder: null, candidate: false });
  const whole = await runCounted(anew(job));
  const again = await runCounted(job);
  const forced = await runCounted(anew(job));
  expect([whole.made, again.made, forced.made]).toEqual([15, 0, 15]);
  expect([again.report, forced.report]).toEqual([whole.report, whole.report]);
});

it('begins anew where the kept generations are of other bars', async () => {
  const job = searchJob({ folder: null, candidate: false });
  const whole = await runEvolve(job, context);
  await runCutOff(anew(job), 2);
  const file = generationsFile(job, context.paths);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"fingerprint":"\w{8}/, '"fingerprint":"00000000'));
  const again = await runCounted(job);
  expect(again.made).toBe(3 * 5);
  expect(again.report).toEqual(whole.report);
});

/** Trials that a models folder has counted, by kind of work. */
function countedTrials(models: string): Record<string, number[]> {
  const ledger = JSON.parse(readFileSync(join(models, 'trials.json'), 'utf8')) as Record<
    string,
    { kind: string; trials: number }[]
  >;
  const counted: Record<string, number[]> = {};
  for (const { kind, trials } of Object.values(ledger).flat()) (counted[kind] ??= []).push(trials);
  return counted;
}

it('counts every rule before its generation is kept, neither lost with a kill nor counted twice', async () => {
  const models = join(folder, 'counted');
  const own = { ...context, paths: { home: join(folder, 'counted home'), models } };
  const job = searchJob({ folder: null, candidate: false });
  const seen: number[] = [];
  const cutOff = (generation: number) => (stage: string, done: number) => {
    if (stage !== 'generations') return;
    if (existsSync(join(models, 'trials.json'))) seen.push(...countedTrials(models)['evolution']!);
    if (done === generation) throw new Error('cut off');
  };
  for (const generation of [4, 9])
    await expect(runEvolve(job, { ...own, onProgress: cutOff(generation) })).rejects.toThrow('cut off');
  const { searches } = JSON.parse(readFileSync(generationsFile(job, own.paths), 'utf8')) as {
    searches: Record<string, { evaluated: { key: string }[] }>;
  };
  const kept = new Set(Object.values(searches).flatMap(({ evaluated }) => evaluated.map(({ key }) => key)));
  expect(countedTrials(models)['evolution']).toEqual([kept.size]);
  const { report } = await runEvolve(job, own);
  expect(countedTrials(models)).toEqual({ evolution: [report.trials] });
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  for (const cache of [true, false]) expect((await runEvolve({ ...job, cache }, own)).report).toEqual(report);
  expect(countedTrials(models)).toEqual({ evolution: [report.trials] });
  // The counts are gone, the generations are not: a search from kept generations counts them.
  rmSync(join(models, 'trials.json'));
  await runEvolve(job, own);
  expect(countedTrials(models)).toEqual({ evolution: [report.trials] });
});

it('counts the rules of a search whose holdout began elsewhere, and refuses one that begins before they were chosen', async () => {
  const own = { ...context, paths: { home: join(folder, 'moved home'), models: join(folder, 'moved') } };
  const search = { ...searchJob({ folder: null, candidate: false }), holdout_from: isoOf(1400) };
  const { report } = await runEvolve(search, own);
  const { trials: _trials, ...copied } = { trials: 0, ...report.proposed!.strategy };
  const judged = (bar: number) =>
    runJudge({ ...judgeJob({ ...copied, name: 'by_hand', max_age: 2 }, false), holdout_from: isoOf(bar) }, own);
  // The key is gone, the name and the rule are others, and so is the holdout.
  expect((await judged(1700)).report.trials).toBe(report.trials + 1);
  const refused = expect.objectContaining({ code: 'HOLDOUT_SEARCHED' }) as unknown;
  await expect(judged(1000)).rejects.toEqual(refused);
  await expect(runEvolve({ ...search, holdout_from: isoOf(1000) }, own)).rejects.toEqual(refused);
  // The same search once more is the same work.
  expect((await runEvolve(search, own)).report).toEqual(report);
});

/** Open interest that is known at the close of every bar, in a folder of series. */
function writeSeries(name: string, valueAt: (bar: number) => number): string {
  const own = join(folder, name);
  mkdirSync(own);
  const rows = closes.map((_, bar) => `${timeOf(bar + 1)},${timeOf(bar + 1)},${valueAt(bar)}`);
  const text = `event_time,arrival_time,value\n${rows.join('\n')}\n`;
  writeFileSync(join(own, 'BTCUSDT.open_interest.csv'), text);
  return own;
}

it('refuses a series that knows what the price does next, in a search and in a judgment', async () => {
  const peeking = writeSeries('peeking', (bar) => 1000 * closes[Math.min(bar + 6, BARS - 1)]!);
  const seen = expect.stringMatching(/^open_interest moves 6 h before BTCUSDT/);
  const search = { ...searchJob({ folder: null, candidate: false }), source: { folder, series: peeking } };
  await expect(runEvolve(search, context)).rejects.toMatchObject({ code: 'SERIES_FORESIGHT', seen });
  const entry_long = 'series("open_interest") > delay(series("open_interest"), 1)';
  const rule = { name: 'interest', description: '', subject: 'instrument' as const, entry_long, max_age: 3 };
  const judged = { ...judgeJob(rule, false), source: { folder, series: peeking } };
  await expect(runJudge(judged, context)).rejects.toMatchObject({ code: 'SERIES_FORESIGHT', seen });
  const honest = { ...judged, source: { folder, series: writeSeries('honest', (bar) => 1000 * closes[bar]!) } };
  const elsewhere = { ...context, paths: { ...context.paths, models: join(folder, 'of series') } };
  expect((await runJudge(honest, elsewhere)).report.trials).toBe(1);
});

it('judges an evolved rule as one of all that its search tried, also a renamed copy of a kept one', async () => {
  const out = join(folder, 'out');
  const { report, candidate } = await runEvolve(searchJob({ folder: out, candidate: true }), context);
  expect(readdirSync(out).sort()).toEqual(['report.json', 'rule.yaml', 'state.json']);
  const { document } = readStrategyDocument(join(out, 'rule.yaml'), settings.minutehand.windows);
  expect(document.trials).toBe(report.trials);
  const judged = await runJudge(judgeJob(document, true), context);
  expect(judged.report.trials).toBe(report.trials);
  const { manifest } = readRuleBundle(judged.candidate!.path);
  expect([manifest.origin, manifest.trials]).toEqual(['evolved', report.trials]);
  expect(recordedRuleGates(manifest).missing.map(({ code }) => code)).toEqual(
    expect.arrayContaining(['rule_overfitting', 'rule_walk_forward']),
  );
  const { trials: _trials, ...unnamed } = document;
  const copied = await runJudge(judgeJob({ ...unnamed, name: 'mine' }, false), context);
  expect([candidate !== null, copied.report.trials]).toEqual([true, report.trials]);
  expect(copied.report.deflated_sharpe).toBe(judged.report.deflated_sharpe);
  const elsewhere = { ...context, paths: { ...context.paths, models: join(folder, 'others') } };
  const alone = await runJudge(judgeJob(unnamed, false), elsewhere);
  expect(alone.report.trials).toBe(1);
  expect(alone.report.deflated_sharpe).toBeGreaterThan(judged.report.deflated_sharpe);
  const other = await runJudge(judgeJob({ ...unnamed, max_age: 2 }, false), context);
  // A rule by hand on bars that a search has seen is one more of its trials.
  expect(other.report.trials).toBe(report.trials + 1);
  expect(other.candidate).toBeNull();
});

it('judges any rule that a search has tried as one of its rules, also when a person writes it anew or changes its numbers', async () => {
  const own = { ...context, paths: { home: join(folder, 'copied home'), models: join(folder, 'copied') } };
  const search = searchJob({ folder: null, candidate: false });
  const generations = 4;
  const cutOff = (stage: string, done: number): void => {
    if (stage === 'generations' && done === generations) throw new Error('cut off');
  };
  await expect(runEvolve(search, { ...own, onProgress: cutOff })).rejects.toThrow('cut off');
  const { searches } = JSON.parse(readFileSync(generationsFile(search, own.paths), 'utf8')) as {
    searches: Record<string, { evaluated: { key: string }[] }>;
  };
  const space = spaceOf(search.space, settings.minutehand.windows, () => '');
  const keys = new Set(Object.values(searches).flatMap(({ evaluated }) => evaluated.map(({ key }) => key)));
  // Also those of the generation that was counted, and not kept.
  const trials = countedTrials(own.paths.models)['evolution']![0]!;
  expect(keys.size).toBeLessThanOrEqual(trials);
  for (const key of keys) {
    const { description: _, ...rule } = strategyOf(genomeOf(key), space, 'my_idea', '');
    const strategy = { description: 'an idea of my own', ...rule };
    expect(triedIn(own.paths.models, strategy)).toEqual({ trials, searched: { match: 'same', trials, searches: 1 } });
    const changed = { ...strategy, max_age: strategy.max_age + 1 };
    const searched = { match: 'near', trials, searches: 1 };
    expect(triedIn(own.paths.models, changed)).toEqual({ trials: trials + 1, searched });
  }
  const found = strategyOf(genomeOf([...keys][0]!), space, 'my_idea', '');
  const judged = await runJudge(judgeJob({ ...found, max_age: 2 }, true), own);
  expect(judged.report).toMatchObject({ origin: 'evolved', trials: trials + 1, searched: { match: 'near' } });
  const model = readRuleBundle(judged.candidate!.path);
  expect([model.manifest.origin, model.manifest.trials]).toEqual(['evolved', trials + 1]);
  const missing = ruleVerdicts(model, own.paths.models).missing.map(({ code }) => code);
  expect(missing).toEqual(['rule_overfitting', 'rule_walk_forward']);
});

const triedIn = (models: string, strategy: JudgeJob['strategy']) =>
  triedBefore(strategy, checkStrategy(strategy, settings.minutehand.windows, () => '') as FormulaStrategy, models);

it('refuses a rule that another installation judged as written by a person, where a search had tried it before', async () => {
  const paths = { home: join(folder, 'lender home'), models: join(folder, 'lender') };
  const search = searchJob({ folder: null, candidate: true });
  const { report, candidate } = await runEvolve(search, { ...context, paths });
  const innocent = { ...context, paths: { home: join(folder, 'innocent home'), models: join(folder, 'innocent') } };
  const copy = { ...report.proposed!.strategy, name: 'my_idea', max_age: 2 };
  const written = await runJudge(judgeJob(copy, true), innocent);
  const model = readRuleBundle(written.candidate!.path);
  expect(model.manifest).toMatchObject({ origin: 'written', trials: 1 });
  expect(ruleVerdicts(model, innocent.paths.models).missing).toEqual([]);
  const missing = (models: string) => ruleVerdicts(model, models).missing.map(({ code }) => code);
  expect(missing(paths.models)).toEqual(['rule_overfitting', 'rule_walk_forward']);
  // The rule that the search proposed takes along what it tried.
  takeInRule(candidate!.path, innocent.paths.models);
  expect(missing(innocent.paths.models)).toEqual(['rule_overfitting', 'rule_walk_forward']);
  expect((await runJudge(judgeJob(copy, false), innocent)).report).toMatchObject({ origin: 'evolved' });
});

it('judges at what an exchange charges where the given fees are none, says so, and serves no rule judged at less', async () => {
  const notes: string[] = [];
  const onNote = (text: string): number => notes.push(text);
  const homeOf = (name: string) => ({ ...context, paths: { home: join(folder, name), models: join(folder, name) } });
  const { report: searched } = await runEvolve(searchJob({ folder: null, candidate: false }), homeOf('searched'));
  const job = judgeJob(searched.proposed!.strategy, false);
  const free = { ...job, costs: { ...job.costs, fee_bps: 0, slippage_bps: 0 } };
  const { report } = await runJudge(free, { ...homeOf('free'), onNote });
  expect(notes).toEqual([
    'BTCUSDT: 0 bps a fill are too small to be its costs (at least 2), and count as unknown: computed with 6.',
  ]);
  const paid = await runJudge({ ...job, costs: { ...job.costs, fee_bps: 5, slippage_bps: 1 } }, homeOf('paid'));
  expect(report).toEqual(paid.report);
  const ofBundle = { gates: [], origin: 'written' as const, instrument: 'BTCUSDT@1h' };
  const judgedAt = (commission_bps: number) =>
    recordedRuleGates({ ...ofBundle, costs: { spread_bps: 0, commission_bps, slippage_bps: 0 } }).failed;
  expect(judgedAt(0)).toMatchObject([{ code: 'costs', evidence: { bps: 0, least: 2 } }]);
  expect(judgedAt(6)).toEqual([]);
});

it('refuses a period with fewer trading days than its blocks need, with what there is', async () => {
  const window = { from: null, to: '2020-09-20T00:00:00Z' };
  const job = { ...searchJob({ folder: null, candidate: false }), window };
  const elsewhere = { ...context, paths: { ...context.paths, models: join(folder, 'short') } };
  await expect(runEvolve(job, elsewhere)).rejects.toMatchObject({ code: 'DATA_TOO_SHORT' });
});

it('has documents that the schema of jobs takes, and refuses fields that would not act', () => {
  const search = searchJob({ folder: null, candidate: true });
  const judge = judgeJob(
    { name: 'a', description: '', subject: 'instrument', entry_long: 'close > 1', max_age: 1 },
    true,
  );
  for (const job of [search, judge]) expect(jobSchema.parse(JSON.parse(JSON.stringify(job)))).toEqual(job);
  expect(jobSchema.safeParse({ ...judge, space: search.space }).success).toBe(false);
  expect(jobSchema.safeParse({ ...search, resources: { workers: 2 } }).success).toBe(false);
});

it('refuses bars of the installation that are said to be of another market', async () => {
  const other = settings.minutehand.market === 'simulated' ? ('live' as const) : ('simulated' as const);
  const source = { folder: null, series: null };
  const job = { ...searchJob({ folder: null, candidate: false }), market: other, source };
  await expect(runEvolve(job, context)).rejects.toMatchObject({ code: 'MODEL_MARKET' });
});
