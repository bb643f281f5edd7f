import { HOUR, hintedDays, instrumentOf, PLAN, randomWalk, START, WINDOWS } from './small_markets.fixture.ts';
import { DELIVERED_BIAS_LIMITS } from './gates/bias_limits.fixture.ts';
import { keyOf } from '../../../../shared/bundle/gates/gate_result.ts';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { signDirectionBundle } from '../../../../shared/bundle/direction/direction_bundle.ts';
import { DIRECTION_FILE } from '../../../../shared/bundle/direction/direction_manifest.ts';
import { loadDirectionModel } from '../../../../shared/bundle/direction/direction_model.ts';
import { instrumentSchema } from '../../../../shared/bundle/feature_schema.ts';
import type { SeriesHistory } from '../../../../shared/core/series/series_cursor.ts';
import { createRng } from '../../../../shared/rng.ts';
import { openFitPool } from '../../learners/trees/fit_pool.ts';
import { walkForwardSplits } from '../../splits/splits.ts';
import { directionLabels, EVALUATION_LABEL, UP } from './label/direction.ts';
import type { InstrumentBars } from '../../instruments/instrument_bars.ts';
import { instrumentRows, type Instrument, type InstrumentRows } from './instrument_rows.ts';
import { makeDirectionBundle } from './make_direction_bundle.ts';
import { type DirectionSearch, gainTest, searchDirection, upAgainstDown } from './search_direction.ts';
import { settlementsOf } from '../../trades/settlements.ts';
import { trainDirection, type DirectionPlan, type TrainedDirection } from './train_direction.ts';

const folder = mkdtempSync(join(tmpdir(), 'direction-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The future price as a series: its event time is that of the bar, its arrival `lateBars` later. */
function canary(bars: InstrumentBars, lateBars: number): SeriesHistory {
  const { time } = bars;
  const { label } = directionLabels(bars, EVALUATION_LABEL);
  const eventTime = time.map((open) => open + HOUR);
  return {
    length: time.length,
    eventTime,
    arrivalTime: eventTime.map((event) => event + lateBars * HOUR),
    value: Float64Array.from(label, (own) => (own === UP ? 100 : own < 0 ? 50 : 0)),
  };
}

const train = (instruments: readonly Instrument[], change: Partial<DirectionPlan> = {}): Promise<TrainedDirection> =>
  trainDirection(instruments, { ...PLAN, ...change }, () => undefined);

describe('the direction model', () => {
  it('gains nothing from a series of future prices that arrives late, and refuses one that arrives early', async () => {
    const bars = randomWalk('CANARY', 2500);
    const late = await train([instrumentOf(bars, canary(bars, 24))]);
    // A few hundred independent labels: 0.5 ± 0.15.
    expect(Math.abs(late.metrics.up_or_down_auc! - 0.5)).toBeLessThan(0.15);
    expect(late.net.result.no_edge).toBe(true);
    // Check of the check: joined by event time, the canary reveals the label.
    await expect(train([instrumentOf(bars, canary(bars, 0))])).rejects.toMatchObject({
      code: 'SERIES_FORESIGHT',
      seen: expect.stringMatching(/^sentiment knows the next \d+ h of CANARY/),
    });
  });

  // How often other balanced markets pass is in bench/gates/bias_rates.chain.test.ts: rarely.
  it('fails the gate of bias where it has learned from a bull market alone, and passes it where both sides can be told', async () => {
    const delivered = { biasLimits: DELIVERED_BIAS_LIMITS };
    const gateOf = async (...markets: InstrumentBars[]) => {
      const { gates } = await train(
        markets.map((bars) => instrumentOf(bars)),
        delivered,
      );
      return gates.find(({ code }) => code === 'bias')!;
    };
    const bull = await gateOf(hintedDays('UP', 1, 1));
    expect(bull.passed).toBe(false);
    expect(bull.evidence!['biased']).toEqual(
      expect.arrayContaining(['prediction mean', 'buy ratio', 'buy ratio by hour', 'bull market']),
    );
    // Its limits are shown, those of bull and bear markets too.
    const { least_bull, most_bull, least_bear, most_bear } = bull.evidence!;
    const limits = [DELIVERED_BIAS_LIMITS.bullBuyRatio, DELIVERED_BIAS_LIMITS.bearSellRatio];
    expect([
      [least_bull, most_bull],
      [least_bear, most_bear],
    ]).toEqual(limits);
    const balanced = await gateOf(hintedDays('ONE', 0.5, 1), hintedDays('TWO', 0.5, -1));
    expect([balanced.passed, balanced.evidence!['biased']]).toEqual([true, []]);
  });

  it('that answers every bar alike says so, and one that tells bars apart does not', async () => {
    const instruments = [instrumentOf(hintedDays('HINTED', 0.5, 1))];
    const codesOf = async (minDataInLeaf: number): Promise<string[]> => {
      const { validation } = await train(instruments, { params: { ...PLAN.params, minDataInLeaf } });
      return validation.warnings.map(({ code }) => code);
    };
    // No leaf can have so many rows, so that no tree has a split.
    expect(await codesOf(1_000_000)).toContain('CONSTANT_ANSWERS');
    expect(await codesOf(30)).not.toContain('CONSTANT_ANSWERS');
  });

  it('of mirror images has one calibration for up and down, of its bars and their mirror images together', async () => {
    const { blocks, scaling } = await train([instrumentOf(hintedDays('ONE', 0.5, 1))], { balance: 'mirror' });
    for (const { slope, intercept } of [scaling, ...blocks.map((block) => block.scaling)])
      expect([slope[0], intercept[0]]).toEqual([slope[1], intercept[1]]);
    for (const { logits, mirrored } of blocks) expect(mirrored![0]!.length).toBe(logits[0]!.length);
  });

  it('has rows that depend neither on later bars nor on values that arrive after the close', () => {
    const bars = randomWalk('CUT', 400);
    const cut = 300;
    const whole = instrumentRows([instrumentOf(bars, canary(bars, 3))], PLAN);
    const spoil = (column: Float64Array): Float64Array => column.map((own, t) => (t > cut ? own * 3 : own));
    const changed = {
      ...bars,
      open: spoil(bars.open),
      high: spoil(bars.high),
      low: spoil(bars.low),
      close: spoil(bars.close),
    };
    const series = canary(bars, 3);
    const late = { ...series, value: series.value.map((own, i) => (i + 3 > cut ? 77 : own)) };
    const other = instrumentRows([instrumentOf(changed, late)], PLAN);
    const width = whole.x.columns;
    const known = whole.bar.filter((t) => t <= cut).length;
    expect(known).toBeGreaterThan(250);
    expect(other.x.values.subarray(0, known * width)).toEqual(whole.x.values.subarray(0, known * width));
  });

  it('writes a bundle that a daemon would load, and refuses one that was changed', async () => {
    const instruments = ['ONE', 'TWO'].map((symbol) => instrumentOf(randomWalk(symbol, 800)));
    const trained = await train(instruments, { balance: 'focal' });
    const parts = {
      instruments,
      plan: PLAN,
      trained,
      out: folder,
      created: new Date(0),
      gitCommit: null,
      market: 'live' as const,
    };
    const { version, edge, sources, engine, bias, gates, targets, metrics } = await makeDirectionBundle(parts);
    expect(engine.parameters['class_weight_ratio']).toBe(1);
    const { overall: _all, bull: _bull, bear: _bear, hours: _hours, outcome, ...figures } = trained.bias;
    expect(bias).toEqual({
      ...figures,
      outcome_predicted: outcome.predicted,
      outcome_observed: outcome.observed,
    });
    expect(gates).toEqual(trained.gates);
    const failed = gates!.filter(({ passed }) => !passed).map(keyOf);
    expect(failed).toEqual(bias!.biased.length === 0 ? [] : ['direction.bias']);
    const [balance, up, down, range, variance, month] = targets!;
    expect([balance!.measured, variance!.measured]).toEqual([bias!.overall_balance, bias!.largest_variance_24h]);
    expect(balance!.met).toBe(balance!.measured! >= 0.4 && balance!.measured! <= 0.6);
    expect([up, down, range].map((own) => own!.measured)).toEqual(trained.metrics.auc);
    expect([up!.met, down!.met, variance!.met]).toEqual([false, false, true]);
    const earned = trained.net.trades.reduce((sum, { netBps }) => sum + netBps / 1e4, 0) / instruments.length;
    const days = (Math.max(...trained.rows.time) - trained.blocks[0]!.split.from) / 86_400;
    expect(month!.measured).toBeCloseTo((earned / days) * (365.25 / 12), 9);
    const card = readFileSync(join(folder, version, 'CARD.md'), 'utf8');
    expect(card).toContain(
      `|net result per month|at least 0.05|${month!.measured!.toFixed(3)}|${month!.met ? 'yes' : 'no'}|`,
    );
    expect(card).toContain('|prediction_max|');
    const { f1, f1_by_class, f1_chance, f1_gain_lower } = metrics;
    expect({ f1, f1_by_class, f1_chance, f1_gain_lower }).toEqual({
      f1: trained.metrics.f1,
      f1_by_class: trained.metrics.f1_by_class,
      f1_chance: trained.metrics.f1_chance,
      f1_gain_lower: trained.metrics.f1_gain_lower,
    });
    expect(card).toContain(`|F1 of the most probable class, mean|${f1!.toFixed(3)} (up `);
    expect(card).toContain(`|F1 above that of as many random answers (${f1_chance!.toFixed(3)})|`);
    expect(sources).toEqual(['taker_buy_volume']);

    // The report: blocks, their spread, classes, scenarios, importance; in the bundle's file as it is here.
    const { validation, blocks, rows } = trained;
    const { pooled, splits, stability, scenarios, importance } = validation;
    const written = JSON.parse(readFileSync(join(folder, version, 'validation.json'), 'utf8')) as TrainedDirection;
    expect(written.validation).toEqual(JSON.parse(JSON.stringify(validation)));
    expect(pooled.log_loss).toBe(trained.metrics.log_loss);
    expect(metrics.balanced_accuracy).toBe(pooled.balanced_accuracy);
    expect(pooled.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(trained.metrics.rows);
    expect(splits.map(({ split, train_rows }) => [split, train_rows])).toEqual(
      blocks.map(({ split }) => [split.name, split.train.length]),
    );
    for (const [i, own] of splits.entries()) {
      const { train, test } = blocks[i]!.split;
      const shareOf = (of: Int32Array, k: number): number =>
        of.filter((row) => rows.evaluation[row] === k).length / of.length;
      expect(own.train_class_shares).toEqual([0, 1, 2].map((k) => shareOf(train, k)));
      expect(own.class_shares).toEqual([0, 1, 2].map((k) => shareOf(test, k)));
    }
    const accuracies = splits.map(({ balanced_accuracy }) => balanced_accuracy);
    const mean = accuracies.reduce((sum, own) => sum + own, 0) / accuracies.length;
    expect(stability['balanced_accuracy']).toMatchObject({
      folds: splits.length,
      mean,
      min: Math.min(...accuracies),
      max: Math.max(...accuracies),
    });
    expect(Object.keys(stability)).toEqual(expect.arrayContaining(['log_loss', 'macro_f1', 'auc_up', 'recall_range']));
    const { history, generated } = scenarios;
    const markets = ['bull', 'bear', 'range'] as const;
    expect(markets.reduce((sum, name) => sum + (history[name]?.rows ?? 0), 0)).toBe(pooled.rows);
    expect(Object.keys(generated)).toEqual(['bull', 'bear', 'range', 'high_volatility', 'low_volatility']);
    expect(generated.bull!.class_shares[0]!).toBeGreaterThan(generated.bear!.class_shares[0]!);
    expect(generated.high_volatility!.class_shares[2]!).toBeLessThan(generated.low_volatility!.class_shares[2]!);
    expect([importance.measure, importance.features.length]).toEqual(['log_loss', rows.x.columns]);
    expect(importance.baseline).toBeCloseTo(trained.metrics.log_loss, 5);
    expect(Object.keys(edge)).toEqual(['ONE', 'TWO']);
    const schema = instrumentSchema(WINDOWS, HOUR);
    const path = join(folder, version);
    const loaded = await loadDirectionModel(path, schema, 64);
    expect(loaded.check.largestDifference).toBeLessThanOrEqual(1e-6);
    const { x } = trained.rows;
    const part = { rows: 64, columns: x.columns, values: x.values.subarray(0, 64 * x.columns) };
    const answers = await loaded.infer(part.values, 64);
    trained.model.exactAnswers(part).forEach((p, i) => expect(Math.abs(answers[i]! - p)).toBeLessThan(1e-6));
    for (let row = 0; row < 64; row++)
      expect(answers.slice(row * 3, row * 3 + 3).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);

    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const key = join(folder, 'key.pem');
    const trusted = join(folder, 'trusted.pem');
    writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(trusted, publicKey.export({ type: 'spki', format: 'pem' }));
    vi.stubEnv('MINUTEHAND_TRUSTED_KEYS', trusted);
    await expect(loadDirectionModel(path, schema, 1)).rejects.toMatchObject({ code: 'MODEL_SIGNATURE' });
    expect(() => signDirectionBundle(path)).toThrow(expect.objectContaining({ code: 'KEY_UNUSABLE' }));
    vi.stubEnv('MINUTEHAND_SIGNING_KEY', key);
    signDirectionBundle(path);
    expect((await loadDirectionModel(path, schema, 1)).manifest.market).toBe('live');
    vi.unstubAllEnvs();

    await expect(loadDirectionModel(path, instrumentSchema(WINDOWS, 60), 1)).rejects.toThrow(/feature schema/);
    const manifest = JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8')) as Record<string, unknown>;
    const golden = structuredClone(manifest['golden']) as { probabilities: number[][] };
    golden.probabilities[0]![0] = 0.999;
    writeFileSync(join(path, 'manifest.json'), JSON.stringify({ ...manifest, golden }));
    await expect(loadDirectionModel(path, schema, 1)).rejects.toMatchObject({ code: 'MODEL_GOLDEN' });
    const model = readFileSync(join(path, DIRECTION_FILE));
    writeFileSync(join(path, DIRECTION_FILE), Buffer.concat([model, Buffer.of(0)]));
    await expect(loadDirectionModel(path, schema, 1)).rejects.toMatchObject({ code: 'MODEL_HASH' });
  });
});

describe('trainDirection', () => {
  /** Falls during the initial history, then only rises, as in a bull market. */
  function fallThenRise(length: number, turn: number): InstrumentBars {
    const bars = randomWalk('BULL', length);
    const close = bars.time.map((_, t) => 100 * 1.003 ** Math.abs(t - turn));
    const open = close.map((_, t) => close[Math.max(0, t - 1)]!);
    const high = close.map((own, t) => Math.max(own, open[t]!));
    const low = close.map((own, t) => Math.min(own, open[t]!));
    return { ...bars, open, high, low, close };
  }

  it('names the class that is missing in the calibration blocks', async () => {
    const refused = train([instrumentOf(fallThenRise(1000, 250))]);
    await expect(refused).rejects.toMatchObject({
      code: 'DATA_TOO_SHORT',
      seen: expect.stringMatching(/^no label down, range among \d+ evaluated bars from \d{4}-/),
      next: expect.stringMatching(/longer period|more symbols/),
    });
  });
});

describe('the search for parameters', () => {
  const search = { trials: 3, balancePenalty: true, ranges: {} };

  it('searches class_weight_ratio, which is adopted by the forward test', async () => {
    const rows = instrumentRows([instrumentOf(randomWalk('SEARCH', 1000))], PLAN);
    const { report, learning } = await searched(rows);
    expect(report).toMatchObject({ trials: 3, failed: 0, balance_penalty: 0.5 });
    expect(report.best_parameters['class_weight_ratio']).toBeGreaterThanOrEqual(0);
    expect(report.best_parameters['class_weight_ratio']).toBeLessThanOrEqual(1);
    const isBetter = report.forward_p_value !== null && report.forward_p_value < 0.05;
    expect(report.adopted).toBe(isBetter);
    if (!report.adopted) expect(learning.balance.classWeightRatio).toBe(1);
    else expect(learning.balance.classWeightRatio).toBe(report.best_parameters['class_weight_ratio']);
  });

  it('searches and tests forward before all evaluated blocks: bars from the first of them on change nothing', async () => {
    let tested = 0;
    for (const bars of [randomWalk('SEARCH', 1000), hintedDays('HINTED', 0.5, 1)]) {
      const rows = instrumentRows([instrumentOf(bars)], PLAN);
      const { report } = await searched(rows);
      if (report.forward_gain !== null) tested++;
      const [, , first] = walkForwardSplits(rows, { ...PLAN.walkForward, window: null });
      const isKnown = (row: number): boolean => rows.labelEnd[row]! < first!.from;
      const other = (labels: Float64Array): Float64Array =>
        labels.map((label, row) => (isKnown(row) ? label : (label + 1) % 3));
      const { columns, values } = rows.x;
      const spoiled = values.map((value, i) => (rows.time[Math.floor(i / columns)]! < first!.from ? value : -value));
      const x = { ...rows.x, values: spoiled };
      expect((await searched({ ...rows, x, y: other(rows.y), evaluation: other(rows.evaluation) })).report).toEqual(
        report,
      );
    }
    // The last block before them is used by this test alone.
    expect(tested).toBeGreaterThan(0);
  });

  it('has no class_weight_ratio without class weights, and none without trials', async () => {
    const instruments = [instrumentOf(randomWalk('FOCAL', 900))];
    const { search: report, learning } = await train(instruments, {
      balance: 'focal',
      search: { ...search, trials: 1 },
    });
    expect(Object.keys(report!.best_parameters)).not.toContain('class_weight_ratio');
    expect([report!.adopted, learning.params.leaves]).toEqual([false, PLAN.params.leaves]);
  });

  it('adopts parameters that are no better in at most 5 % of the searches, however losses of a day go together', () => {
    let adopted = 0;
    const searches = 400;
    for (let seed = 0; seed < searches; seed++) {
      const rng = createRng(`forward ${seed}`);
      let ofDay = 0;
      const gains = Array.from({ length: 24 * 40 }, (_, t) => {
        if (t % 24 === 0) ofDay = 0.3 * ofDay + rng.normal();
        return ofDay + rng.normal();
      });
      const time = gains.map((_, t) => START + t * HOUR);
      if (gainTest(gains, time)!.p < 0.05) adopted++;
    }
    // 5 % and 2.5 standard errors of the simulation.
    expect(adopted / searches).toBeLessThan(0.078);
    const better = Array.from({ length: 24 * 40 }, (_, t) => 1 + 0.1 * (t % 7));
    expect(
      gainTest(
        better,
        better.map((_, t) => START + t * HOUR),
      )!.p,
    ).toBeLessThan(0.05);
  });

  it('measures a trial by its gain − 0.5 · |0.5 − mean of up against down|, as the specification does', async () => {
    const probabilities = Float64Array.of(0.3, 0.1, 0.6, 0.2, 0.2, 0.6);
    expect([...upAgainstDown({ probabilities, classes: 3 })]).toEqual(
      [0.75, 0.5].map((x) => expect.closeTo(x, 12) as number),
    );
    const rows = instrumentRows([instrumentOf(randomWalk('SEARCH', 1000))], PLAN);
    const plain = await searched(rows, { ...search, balancePenalty: false });
    const { report } = await searched(rows);
    expect(plain.report.balance_penalty).toBeNull();
    // Of the same configured trial: the penalty alone differs, by at most 0.25.
    const penalty = plain.report.configured_gain - report.configured_gain;
    expect(penalty).toBeGreaterThan(0);
    expect(penalty).toBeLessThan(0.25);
  });

  async function searched(rows: InstrumentRows, own: DirectionSearch = search): ReturnType<typeof searchDirection> {
    const { params, balance, classWeightRatio, seed, stride, walkForward } = PLAN;
    const pool = openFitPool(0);
    const learning = { learner: PLAN.learner, params, balance: { balance, classWeightRatio, seed }, stride };
    const request = { rows, learning, walkForward, search: own, pool, onTrial: () => undefined };
    try {
      return await searchDirection(request);
    } finally {
      await pool.close();
    }
  }
});

describe('settlementsOf', () => {
  it('sums the rates of the times that are there, also where every eight hours become every hour', () => {
    const HOUR = 3600;
    const hours = [0, 8, 16, 24, 25, 26, 27];
    const history: SeriesHistory = {
      length: hours.length,
      eventTime: Float64Array.from(hours.map((hour) => hour * HOUR)),
      value: Float64Array.from([1, 2, 4, 8, 16, 32, 64]),
      arrivalTime: Float64Array.from(hours.map((hour) => hour * HOUR)),
    };
    const { between } = settlementsOf(history);
    // Held from the bar that closes at an instant: that settlement was paid before; the one at the exit is paid.
    expect(between(8 * HOUR, 24 * HOUR)).toBe(4 + 8);
    expect(between(24 * HOUR, 27 * HOUR)).toBe(16 + 32 + 64);
    expect(between(24 * HOUR, 27 * HOUR - 1)).toBe(16 + 32);
    expect(between(23 * HOUR, 24 * HOUR - 1)).toBe(0);
  });

  it('sums the rates settled after the entry, up to the exit, each at its latest revision', () => {
    const history: SeriesHistory = {
      length: 4,
      eventTime: Float64Array.of(10, 20, 20, 30),
      arrivalTime: Float64Array.of(11, 21, 25, 31),
      value: Float64Array.of(1, 2, 5, 7),
    };
    const { between } = settlementsOf(history);
    expect([between(9, 30), between(10, 20), between(20, 29), between(30, 99)]).toEqual([13, 5, 0, 0]);
  });
});
