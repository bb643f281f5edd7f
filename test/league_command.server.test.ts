import { SCENARIOS } from '../trainer/learning/splits/scenarios.ts';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { leagueJobSchema } from '../trainer/jobs/kinds/league_job.ts';
import type { Increment } from '../trainer/learning/league/increments.ts';
import type { LeagueOutcome } from '../trainer/jobs/kinds/run_league.ts';
import { NETWORKS_PYTHON } from '../shared/policy/environment.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { sequenceModel } from '../shared/bundle/sequence_bundle.fixture.ts';
import { DEFAULT_SEQUENCE_BARS } from '../trainer/learning/learners/networks/network_parameters.ts';
import { FAKE_PYTHON_NOTE, fakeSequencePython } from './networks_python.ts';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 240_000 });

let place: Workplace;
let data: string;
beforeAll(async () => {
  place = createWorkplace();
  data = await place.writeBars('bars', tinyBars(place.settings));
});
afterAll(() => place.remove());

async function league(...args: string[]): Promise<LeagueOutcome> {
  const { code, stdout, stderr } = await place.run(['league', '--data', data, ...args, '--json']);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as LeagueOutcome;
}

const readLooks = (): string => {
  const path = join(place.models, 'holdout_looks.json');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};

/** Without times of this machine and the count of looks. */
const figures = ({ entrants, best, simplest_within_error }: LeagueOutcome) => ({
  best,
  simplest_within_error,
  entrants: entrants.map(({ seconds: _seconds, memory_mb: _memory, serving, ...own }) => ({
    ...own,
    engine: serving!.engine,
    bytes: serving!.bytes,
  })),
});

describe('minutehand league', () => {
  it('measures every entrant on the same rows, and repeats itself on any number of threads', async () => {
    const names = ['prior', 'logistic@baseline', 'gbdt', 'bagging'];
    const entrants = ['--entrants', names.join(',')];
    const first = await league(...entrants, '--workers', '1');
    expect(first.entrants.map(({ name }) => name).sort()).toEqual([...names].sort());
    const [{ folds, holdout }] = first.entrants as [LeagueOutcome['entrants'][number]];
    for (const own of first.entrants) {
      expect([own.folds.rows, own.holdout.rows]).toEqual([folds.rows, holdout.rows]);
      expect(own.folds.log_loss.standard_error).toBeGreaterThan(0);
      expect(own.behind_best.value).toBeGreaterThanOrEqual(0);
    }
    const losses = first.entrants.map((own) => own.folds.log_loss.value!);
    expect(losses).toEqual([...losses].sort((a, b) => a - b));
    expect(first.best).toBe(first.entrants[0]!.name);
    // A constant knows nothing, here and on the placebo.
    const prior = first.entrants.find(({ name }) => name === 'prior')!;
    expect([prior.holdout.auc.value, prior.skill?.skill]).toEqual([0.5, 0]);
    const within = first.entrants.filter(({ is_within_error }) => is_within_error);
    const simplest = within.reduce((least, own) => (own.complexity < least.complexity ? own : least));
    expect(first.simplest_within_error).toBe(simplest.name);

    // What each step adds, by its best entrant, paired with the step before.
    const byName = (name: string) => first.entrants.find((own) => own.name === name)!;
    expect(first.increments.map(({ step }) => step)).toEqual(['baseline', 'advanced_features', 'ensemble']);
    const [baseline, advanced] = first.increments as [Increment, Increment, Increment];
    expect([baseline.entrant, baseline.gain]).toEqual(['logistic@baseline', null]);
    expect(advanced.gain!.value).toBeCloseTo(baseline.log_loss - advanced.log_loss, 10);
    expect([byName('logistic@baseline').columns, byName('gbdt').columns > 20]).toEqual([6, true]);
    // What it costs and earns: trees by the kernel, and trades after costs.
    expect([byName('gbdt').serving!.engine, byName('gbdt').serving!.bytes > 1000]).toEqual(['wasm-simd', true]);
    expect(byName('logistic@baseline').serving!.engine).toBe('own-graph');
    expect(byName('gbdt').net!.net_bps.value!).toBeLessThan(byName('gbdt').net!.gross_bps!);
    // Generated markets are the same for all; base rates answer the same in each.
    const markets = Object.entries(prior.generated);
    expect(markets.map(([scenario]) => scenario)).toEqual(SCENARIOS);
    for (const [, { answer_mean, auc }] of markets)
      expect([answer_mean, auc]).toEqual([markets[0]![1].answer_mean, 0.5]);
    for (const { generated } of first.entrants)
      for (const scenario of SCENARIOS) {
        const { rows, label_mean } = prior.generated[scenario]!;
        expect(generated[scenario]).toMatchObject({ rows, label_mean });
      }
    expect(byName('gbdt').generated.bull!.answer_mean).not.toBe(byName('gbdt').generated.bear!.answer_mean);
    for (const { folds, scenarios, net, log_loss_of_seeds } of first.entrants) {
      expect(folds.ece.standard_error).toBeGreaterThanOrEqual(0);
      expect(Object.values(scenarios).reduce((sum, { rows }) => sum + rows, 0)).toBeGreaterThan(folds.rows / 2);
      expect(net!.trades).toBeGreaterThanOrEqual(0);
      expect(log_loss_of_seeds).toHaveLength(1);
      expect(log_loss_of_seeds[0]).toBeCloseTo(folds.log_loss.value!, 10);
    }

    // By its document, as the trainer would run it.
    const printed = await place.run(['league', '--data', data, ...entrants, '--workers', '2', '--print-job']);
    const job = leagueJobSchema.parse(JSON.parse(printed.stdout));
    expect(job).toMatchObject({ parameters: { entrants: names }, resources: { workers: 2, cache: true } });
    const file = join(place.folder, 'league.json');
    writeFileSync(file, printed.stdout);
    const ran = await place.run(['job', 'run', file, '--json']);
    expect(ran.code, ran.stderr).toBe(0);
    const again = JSON.parse(ran.stdout) as LeagueOutcome;
    expect(figures(again)).toEqual(figures(first));
    // Each answer to the holdout is a look; the same answers are the same looks.
    expect([first.holdout_looks, again.holdout_looks]).toEqual([names.length, names.length]);
    const looks = readFileSync(join(place.models, 'holdout_looks.json'), 'utf8');
    expect(Object.values(JSON.parse(looks) as Record<string, unknown[]>)[0]).toHaveLength(names.length);
    expect(existsSync(join(place.models, 'active.json'))).toBe(false);
  });

  it('chooses without the holdout: other bars there change neither order, figures of folds and blocks, nor thresholds', async () => {
    const entrants = ['--entrants', 'prior,logistic@baseline,gbdt', '--workers', '1'];
    const known = await league(...entrants);
    const bars = tinyBars(place.settings);
    const { time } = bars.get('EURUSD')!;
    const from = time.at(-1)! - 0.15 * (time.at(-1)! - time[0]!);
    const shaken = (own: BarColumns): BarColumns => {
      const move = (column: Float64Array): Float64Array =>
        column.map((price, i) => (own.time[i]! >= from ? price * (1 + 0.003 * Math.sin(i / 9)) : price));
      const open = move(own.open);
      const close = move(own.close);
      const high = move(own.high).map((price, i) => Math.max(price, open[i]!, close[i]!));
      const low = move(own.low).map((price, i) => Math.min(price, open[i]!, close[i]!));
      return { ...own, open, high, low, close };
    };
    const other = new Map([...bars].map(([symbol, own]) => [symbol, symbol === 'EURUSD' ? shaken(own) : own]));
    const moved = await league(...entrants, '--data', await place.writeBars('moved', other));
    const chosen = ({ best, simplest_within_error, entrants: all, increments }: LeagueOutcome) => ({
      ...{ best, simplest_within_error, increments },
      entrants: all.map(({ name, folds, walk_forward, spread, log_loss_of_seeds, net, behind_best }) => ({
        ...{ name, folds, walk_forward, spread, log_loss_of_seeds, behind_best, threshold: net!.threshold },
      })),
    });
    expect(chosen(moved)).toEqual(chosen(known));
    expect(moved.entrants.map(({ holdout }) => holdout)).not.toEqual(known.entrants.map(({ holdout }) => holdout));
  });

  it('states calls, their spread over folds, and class shares, and has models per group of pairs', async () => {
    const pairs = place.settings.minutehand.pairs;
    const own = pairs[0]!;
    const names = ['gbdt', 'gbdt@groups', 'logistic@groups'];
    const args = ['--entrants', names.join(','), '--groups', `first=${own}`];
    const outcome = await league(...args);
    const { class_shares: shares } = outcome;
    const rows = outcome.entrants[0]!.folds.rows;
    expect(shares.folds.reduce((sum, { test_rows }) => sum + test_rows, 0)).toBe(rows);
    expect(shares.holdout).toEqual([expect.objectContaining({ split: 'holdout', train_rows: rows })]);
    const positives = shares.folds.reduce((sum, split) => sum + split.test_rows * split.test_share!, 0);
    for (const { folds, walk_forward, holdout, spread } of outcome.entrants) {
      for (const part of [folds, walk_forward, holdout]) {
        const { confusion: table, balanced_accuracy } = part.calls;
        const sum = table.true_positive + table.false_positive + table.false_negative + table.true_negative;
        expect(sum).toBe(part.rows);
        const recall = table.true_positive / (table.true_positive + table.false_negative);
        const specificity = table.true_negative / (table.true_negative + table.false_positive);
        // Of one fit that of its table; of several the mean of theirs, each by its rows.
        expect(balanced_accuracy).toBeCloseTo((recall + specificity) / 2, part === holdout ? 12 : 1);
      }
      const { true_positive, false_negative } = folds.calls.confusion;
      expect(folds.calls.balanced_accuracy).toBeGreaterThanOrEqual(spread.folds.balanced_accuracy!.min);
      expect(folds.calls.balanced_accuracy).toBeLessThanOrEqual(spread.folds.balanced_accuracy!.max);
      expect(true_positive + false_negative).toBeCloseTo(positives, 6);
      const { log_loss: losses } = spread.folds;
      expect(losses!.folds).toBe(outcome.folds);
      expect(losses!.min).toBeLessThanOrEqual(losses!.mean);
      expect(losses!.cv!).toBeCloseTo(Math.sqrt(losses!.var!) / losses!.mean, 12);
      expect(spread.walk_forward.macro_f1!.folds).toBe(shares.walk_forward.length);
    }
    const byName = (name: string) => outcome.entrants.find((one) => one.name === name)!;
    const grouped = byName('gbdt@groups');
    // Other models than the pooled one, of the same rows, and not simpler.
    expect(grouped.kind).toBe('groups');
    expect(grouped.folds.rows).toBe(byName('gbdt').folds.rows);
    expect(grouped.folds.log_loss.value).not.toBe(byName('gbdt').folds.log_loss.value);
    expect(grouped.complexity).toBeGreaterThan(byName('gbdt').complexity);
    expect(grouped.serving!.bytes).toBeGreaterThan(byName('gbdt').serving!.bytes);
    expect(byName('logistic@groups').skill!.draws).toBe(byName('gbdt').skill!.draws);
    expect(grouped.net!.trades).toBeGreaterThanOrEqual(0);
    // A few days of the simulated market show no edge.
    expect(outcome.entrants.map(({ net }) => net!.edges)).toEqual([[], [], []]);

    const shown = await place.run(['league', '--data', data, ...args]);
    expect(shown.stdout).toMatch(/^gbdt@groups +holdout +\d+ +\d+ +\d+ +\d+ +0\.\d+/m);
    expect(shown.stdout).toMatch(/^gbdt@groups +macro f1 +0\.\d+ +\S+e-\d+/m);
    expect(shown.stdout).toMatch(/^kfold 1 +\d+ +\d+\.\d %/m);
    const refused = await place.runEach([
      ['league', '--data', data, '--entrants', names.join(',')],
      ['league', '--data', data, '--entrants', names.join(','), '--groups', 'first=NO_PAIR'],
    ]);
    expect(refused.map(({ code }) => code)).toEqual([2, 2]);
    expect(refused[0]!.stderr).toContain('no group of these pairs');
  });

  it.skipIf(FAKE_PYTHON_NOTE !== '')(
    `plays learners of one bar and of sequences on the same rows${FAKE_PYTHON_NOTE}`,
    async () => {
      const { entrants } = await league('--entrants', 'prior,gbdt');
      const { columns } = entrants.find(({ name }) => name === 'gbdt')!;
      const graph = join(place.folder, 'sequence.onnx');
      writeFileSync(graph, sequenceModel(columns, DEFAULT_SEQUENCE_BARS, 0.25));
      const env = { [NETWORKS_PYTHON]: fakeSequencePython(place.folder, graph, 0.25) };
      const ran = await place.run(['league', '--data', data, '--entrants', 'prior,gbdt,gru', '--json'], { env });
      expect(ran.code, ran.stderr).toBe(0);
      const outcome = JSON.parse(ran.stdout) as LeagueOutcome;
      const byName = (name: string) => outcome.entrants.find((own) => own.name === name)!;
      expect(byName('gru').serving!.engine).toBe('onnxruntime-node');
      expect(byName('gbdt').serving!.engine).toBe('wasm-simd');
      expect(new Set(outcome.entrants.map(({ folds }) => folds.rows)).size).toBe(1);
    },
  );

  it('shows a table for people, and refuses entrants that it does not know, one alone, and engines that are missing', async () => {
    const coins = ['--coins', '3', '--seeds', '2', '--entrants', 'prior,vote'];
    const looksBefore = readLooks();
    const { code, stdout } = await place.run(['league', '--data', data, ...coins]);
    expect(code).toBe(0);
    // On a market of coins nothing of the recorded holdout is seen.
    expect(readLooks()).toBe(looksBefore);
    expect(stdout).toMatch(/^PLACEBO: the direction of every bar was drawn/m);
    expect(stdout).toMatch(/^vote .* 0\.\d+ to 0\.\d+ /m);
    expect(stdout).toMatch(/^AI1, \d+ rows of \d+ days in \d+ purged folds/);
    expect(stdout).toMatch(/^vote/m);
    expect(stdout).toMatch(/^Best: (prior|vote)\. Simplest within its error: (prior|vote)\.$/m);
    const refused = ['prior', 'prior,prior', 'prior,neural', 'prior,vote@baseline', 'prior,xgboost'];
    const answers = await place.runEach(
      refused.map((entrants) => ['league', '--data', data, '--entrants', entrants]),
      refused.map(() => ({ MINUTEHAND_XGBOOST_LIBRARY: join(place.folder, 'no.so') })),
    );
    expect(answers.slice(0, -1).map(({ code: refusal }) => refusal)).toEqual([2, 2, 2, 2]);
    expect(answers.at(-1)!.stderr).toContain('LEARNER_MISSING');
  });
});
