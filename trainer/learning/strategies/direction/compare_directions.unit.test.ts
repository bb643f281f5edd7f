import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { activateDirection } from '../../../../test/activate.ts';
import { writeTinyDirection } from '../../../../test/tiny_direction.ts';
import type { DirectionManifest } from '../../../../shared/bundle/direction/direction_manifest.ts';
import type { DirectionModel } from '../../../../shared/bundle/direction/direction_model.ts';
import { InputNovelty, type InputDescription } from '../../../../shared/bundle/input_novelty.ts';
import { createRng } from '../../../../shared/rng.ts';
import { checkAdoption } from '../../gates/registry.ts';
import { goldenResult } from '../../gates/golden_vectors.ts';
import type { Comparison } from '../../gates/gate.ts';
import { keyOf } from '../../../../shared/bundle/gates/gate_result.ts';
import { gateText } from '../../../../shared/bundle/gates/gate_text.ts';
import { INSTRUMENT_WINDOWS } from '../../../../shared/core/features/instrument/definitions.ts';
import { DOWN, EVALUATION_LABEL, RANGE, UP } from './label/direction.ts';
import {
  compareDirections,
  directionAdoptionGates,
  refuseImpossibleComparison,
  type NewDirection,
} from './compare_directions.ts';
import { strategyOf } from './direction_net.ts';
import type { Instrument, InstrumentRows } from './instrument_rows.ts';
import { NO_SERIES } from '../../instruments/series_files.ts';
import { CLASSES } from './walk_forward.ts';

const HOUR = 3600;
const DAY = 86_400;
/** Of the first bar. */
const START = 1_600_041_600;
const BARS = 40 * 24;
const LIMITS = {
  adopt_min_auc: 0.52,
  adopt_min_candidates: 50,
  adopt_min_sharpe_ratio: 0.9,
  adopt_min_sharpe_gain: null,
  adopt_max_auc_loss: 0.02,
};

/** Waves of three days: half up by 0.4 % an hour, half down. A label is known 24 bars later. */
function wave(): Instrument {
  const close = new Float64Array(BARS);
  const open = new Float64Array(BARS);
  let price = 100;
  for (let t = 0; t < BARS; t++) {
    open[t] = price;
    price *= Math.exp(t % 72 < 36 ? 0.004 : -0.004);
    close[t] = price;
  }
  const bars = {
    symbol: 'BTCUSDT',
    timeframe: HOUR,
    length: BARS,
    time: Float64Array.from(close, (_, t) => START + t * HOUR),
    open,
    high: close.map((own, t) => Math.max(own, open[t]!)),
    low: close.map((own, t) => Math.min(own, open[t]!)),
    close,
    volume: close.map(() => 2),
    takerBuyVolume: close.map(() => NaN),
  };
  return { bars, series: NO_SERIES };
}

const instrument = wave();
const count = BARS - 25;
/** Its only feature is the number of the bar, so that a model can answer from a list. */
const rows: InstrumentRows = {
  columns: ['bar'],
  x: { rows: count, columns: 1, values: Float32Array.from({ length: count }, (_, row) => row) },
  y: new Float64Array(count),
  time: Float64Array.from({ length: count }, (_, row) => START + (row + 1) * HOUR),
  labelEnd: Float64Array.from({ length: count }, (_, row) => START + (row + 25) * HOUR),
  weights: new Float64Array(count).fill(1),
  instrument: new Int32Array(count),
  bar: Int32Array.from({ length: count }, (_, row) => row),
  evaluation: Float64Array.from({ length: count }, (_, row) => {
    const at = row % 72;
    return at < 30 || at >= 66 ? UP : at < 36 ? RANGE : DOWN;
  }),
};

/** Probabilities that say the label with `skill` on top of a third each, and noise of the same size. */
function answersOf(skill: number): Float64Array {
  const rng = createRng('answers');
  const all = new Float64Array(count * CLASSES);
  for (let row = 0; row < count; row++) {
    const own = [0, 1, 2].map((k) => 0.3 + (rows.evaluation[row] === k ? skill : 0) + 0.1 * rng.uniform());
    const sum = own.reduce((a, b) => a + b);
    own.forEach((value, k) => (all[row * CLASSES + k] = value / sum));
  }
  return all;
}

const manifestOf = (learnedDays: number, horizon = 24): DirectionManifest =>
  ({
    version: 'old',
    timeframe: HOUR,
    period: { from: isoOf(0), to: isoOf(learnedDays) },
    label: { unit: 'percent', threshold: 0.03, horizon },
    strategy: strategyOf(0.45, HOUR),
    edge: { BTCUSDT: { no_edge: true, trades: 0, net_bps: null, lower_net_bps: null } },
  }) as unknown as DirectionManifest;

const isoOf = (day: number): string => new Date((START + day * DAY) * 1000).toISOString();

interface Plan {
  readonly old: number;
  readonly young: number;
  /** Days until the last bar that the champion has learned from. */
  readonly learnedDays?: number;
  readonly horizon?: number;
  readonly thetas?: readonly number[];
  /** `novelty_min` of the challenger's training, which both sides are compared with. */
  readonly noveltyMin?: number;
  /** Days from the first one whose bars the champion's bundle describes; absent: it describes none. */
  readonly described?: number;
  /** Whether the blocks of the challenger name the rows that they learned from, so that these can be described. */
  readonly isLearned?: boolean;
}

/** A challenger evaluated from day 8 on, in two blocks. */
async function comparison(given: Plan): Promise<Comparison> {
  const { old, young, learnedDays = 10, horizon, thetas = [0.45, 0.45], noveltyMin, described, isLearned } = given;
  const answers = answersOf(young);
  const borders = [START + 8 * DAY, START + 20 * DAY, Infinity];
  const rowsIn = (from: number, until: number): Int32Array =>
    Int32Array.from(rows.bar).filter((row) => rows.time[row]! >= from && rows.time[row]! < until);
  const blocks = [0, 1].map((block) => {
    const test = rowsIn(borders[block]!, borders[block + 1]!);
    const train = isLearned === true ? rowsIn(0, borders[block]! - DAY) : new Int32Array();
    return {
      split: { train, test, from: borders[block]!, until: borders[block + 1]! },
      probabilities: Float64Array.from([...test].flatMap((row) => [...answers.subarray(3 * row, 3 * row + 3)])),
    };
  });
  const challenger = {
    trained: {
      rows,
      blocks,
      net: { thetas, edge: { BTCUSDT: { no_edge: false, trades: 9, net_bps: 9, lower_net_bps: 1 } } },
    },
    instruments: [instrument],
    costs: { takerFeeBps: 5, slippageBps: 1 },
    version: 'new',
    market: 'live',
    goldenRows: 3,
    plan: {
      windows: INSTRUMENT_WINDOWS,
      label: EVALUATION_LABEL,
      seed: '1',
      ...(noveltyMin !== undefined && { noveltyMin }),
    },
  } as unknown as NewDirection;
  const known = answersOf(old);
  const infer: DirectionModel['infer'] = (features, wanted) =>
    Float64Array.from({ length: wanted * 3 }, (_, at) => known[features[Math.floor(at / 3)]! * 3 + (at % 3)]!);
  const novelty = described === undefined ? undefined : new InputNovelty(barsUntil(described), rows.columns);
  const manifest = manifestOf(learnedDays, horizon);
  return compareDirections(challenger, { manifest, infer, ...(novelty && { novelty }) }, LIMITS);
}

/** Describes the bars of the first days: those behind them are farther out than all. */
function barsUntil(days: number): InputDescription {
  const middle = (days * 24) / 2;
  return {
    columns: ['bar'],
    median: [middle],
    scale: [middle],
    missing: [0],
    centers: [[0]],
    distances: [0, 1],
    farther: [1, 0],
  };
}

const tradesOf = (own: Comparison): readonly number[] => {
  if (own.kind !== 'compared') throw new Error(own.kind);
  return [own.champion.all.trades, own.challenger.all.trades];
};

const failed = (own: Comparison): string[] =>
  checkAdoption({ role: 'direction', golden: goldenResult(true, { rows: 3 }), comparison: own, limits: LIMITS })
    .filter(({ passed }) => !passed)
    .map(keyOf);

describe('a new direction model beside the active one', () => {
  it('is judged on the bars after the last label of the active one, by both on the same bars', async () => {
    const own = await comparison({ old: 0.3, young: 0.3 });
    if (own.kind !== 'compared') throw new Error(own.kind);
    // Ten days of bars, and a day of labels.
    expect(own.since).toBe(new Date((START + 11 * DAY) * 1000).toISOString().replace(':00.000Z', 'Z'));
    expect(own.champion.version).toBe('old');
    expect(own.challenger.version).toBe('new');
    for (const { all } of [own.champion, own.challenger]) expect(all.trades).toBeGreaterThan(5);
    // Its active model claims no edge, the new one does.
    expect(own.champion.withEdge).toEqual({ net_sharpe: null, trades: 0 });
    expect(own.challenger.withEdge).toEqual(own.challenger.all);
    expect(failed(own)).toEqual([]);
  });

  it('waits as long as a label that looks further ahead', async () => {
    const own = await comparison({ old: 0.3, young: 0.3, horizon: 72 });
    expect(own).toMatchObject({ since: expect.stringContaining(isoOf(13).slice(0, 13)) });
  });

  it('begins with the evaluated blocks where the active one has learned from fewer bars', async () => {
    const own = await comparison({ old: 0.3, young: 0.3, learnedDays: 2 });
    expect(own).toMatchObject({ since: expect.stringContaining(isoOf(8).slice(0, 13)) });
  });

  it('is refused with too few bars that neither has learned from', async () => {
    const own = await comparison({ old: 0.3, young: 0.3, learnedDays: 37 });
    expect(failed(own)).toEqual(['direction.champion']);
    const [, verdict] = checkAdoption({
      role: 'direction',
      golden: goldenResult(true, {}),
      comparison: own,
      limits: LIMITS,
    });
    // 40 days less 38, and the day that has no labels yet.
    expect(gateText(verdict!).seen).toBe('24 labeled bars that neither these models nor old have learned from');
  });

  it('is refused when it ranks the classes worse by the limit or more', async () => {
    expect(failed(await comparison({ old: 0.3, young: 0 }))).toContain('direction.champion_auc');
    expect(failed(await comparison({ old: 0, young: 0.3 }))).toEqual([]);
  });

  it('without trades on either side is judged by its Brier score', async () => {
    const never = [1, 1];
    // Confident answers win the ranking alike; the smaller skill has the larger squared error.
    const worse = await comparison({ old: 0.3, young: 0.12, thetas: never });
    if (worse.kind !== 'compared') throw new Error(worse.kind);
    const silent = { net_sharpe: null, trades: 0 };
    const idle: Comparison = { ...worse, champion: { ...worse.champion, all: silent, withEdge: silent } };
    expect(worse.challenger.all).toEqual(silent);
    expect(worse.brierLoss.mean).toBeGreaterThan(worse.brierLoss.chance);
    expect(failed(idle)).toEqual(['direction.champion_brier']);
    const better = await comparison({ old: 0.12, young: 0.3, thetas: never });
    expect(failed({ ...better, champion: idle.champion } as Comparison)).not.toContain('direction.champion_brier');
  });

  it('trades each block by its own threshold, as its training did', async () => {
    const both = await comparison({ old: 0.3, young: 0.3 });
    const first = await comparison({ old: 0.3, young: 0.3, thetas: [0.45, 1] });
    const second = await comparison({ old: 0.3, young: 0.3, thetas: [1, 0.45] });
    const [, ofBoth] = tradesOf(both);
    for (const [, ofOne] of [tradesOf(first), tradesOf(second)]) {
      expect(ofOne).toBeGreaterThan(0);
      expect(ofOne).toBeLessThan(ofBoth!);
    }
  });
});

describe('a limit of novelty', () => {
  const SKILLED = { old: 0.3, young: 0.3 };

  it('refuses the entries of the champion whose inputs its bundle finds novel, and no others', async () => {
    const [champion, challenger] = tradesOf(await comparison(SKILLED));
    // Compared from day 11 on, of 40.
    const [familiar] = tradesOf(await comparison({ ...SKILLED, noveltyMin: 0.01, described: 80 }));
    expect(familiar).toBe(champion);
    const half = tradesOf(await comparison({ ...SKILLED, noveltyMin: 0.01, described: 25 }));
    expect(half[0]).toBeGreaterThan(0);
    expect(half[0]).toBeLessThan(champion!);
    // What nothing describes is not novel.
    expect(half[1]).toBe(challenger);
    const all = tradesOf(await comparison({ ...SKILLED, noveltyMin: 0.01, described: 10 }));
    expect(all).toEqual([0, challenger]);
    // Without a limit novelty refuses nothing.
    expect(tradesOf(await comparison({ ...SKILLED, described: 10 }))).toEqual([champion, challenger]);
  });

  it('refuses the entries of the challenger that its blocks find novel, by the rows that each has learned from', async () => {
    const [champion, challenger] = tradesOf(await comparison(SKILLED));
    // The number of the bar leaves what a block has learned from: its later bars are novel.
    const limited = tradesOf(await comparison({ ...SKILLED, noveltyMin: 0.25, isLearned: true }));
    expect(limited[0]).toBe(champion);
    expect(limited[1]).toBeLessThan(challenger!);
    expect(tradesOf(await comparison({ ...SKILLED, isLearned: true }))).toEqual([champion, challenger]);
  });
});

describe('the active model of the timeframe', () => {
  const root = mkdtempSync(join(tmpdir(), 'minutehand-compare-'));
  const models = join(root, 'models');
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const challenger = { instruments: [instrument], market: 'live', goldenRows: 3 } as unknown as NewDirection;
  const verdicts = async (): Promise<string[]> =>
    (await directionAdoptionGates(challenger, { modelsFolder: models, limits: LIMITS })).map((gate) => {
      const { seen } = gateText(gate);
      return `${keyOf(gate)} ${gate.passed ? 'passed' : 'FAILED'}: ${seen}`;
    });

  it('is no obstacle where there is none, where it is of another market, or where it cannot be read', async () => {
    const [golden, none] = await verdicts();
    expect(golden).toBe('direction.golden_vectors passed: 3 rows');
    expect(none).toBe('direction.champion passed: there is none');
    const version = writeTinyDirection(models, 'BTCUSDT', '1h');
    activateDirection(models, version, root);
    expect(await verdicts()).toContain(`direction.champion passed: ${version} was trained on a simulated market`);
    writeFileSync(join(models, 'direction', version, 'manifest.json'), '{}');
    expect((await verdicts())[1]).toContain('direction.champion passed: The bundle’s manifest is not valid.');
  });

  it('that reads a series of which the instruments have no value is refused before a training', async () => {
    const version = writeTinyDirection(models, 'BTCUSDT', '1h', new Date(), {
      formulas: 'carry = series("funding_rate")',
    });
    activateDirection(models, version, root);
    const refusal = (instruments: readonly Instrument[]) =>
      refuseImpossibleComparison({ instruments, market: 'simulated' }, models);
    await expect(refusal([instrument])).rejects.toMatchObject({
      code: 'COMPARISON_IMPOSSIBLE',
      seen: `series("funding_rate") of the formula carry: no funding_rate of BTCUSDT, which formulas of the active ${version} read`,
    });
    const known = { ...NO_SERIES.funding_rate, length: 1, time: [START], arrival: [START], value: [0.1] };
    const series = { ...NO_SERIES, funding_rate: known as never };
    await expect(refusal([{ ...instrument, series }])).resolves.toBeUndefined();
  });

  it('that learned from a source of which the instruments have no value is refused before a training', async () => {
    const version = writeTinyDirection(models, 'BTCUSDT', '1h');
    activateDirection(models, version, root);
    const manifest = join(models, 'direction', version, 'manifest.json');
    const own = JSON.parse(readFileSync(manifest, 'utf8')) as object;
    writeFileSync(manifest, JSON.stringify({ ...own, sources: ['funding_rate', 'taker_buy_volume'] }));
    const refusal = (given: Instrument) =>
      refuseImpossibleComparison({ instruments: [given], market: 'simulated' }, models);
    const takerBuyVolume = instrument.bars.volume.map((volume) => volume / 2);
    const flowing = { ...instrument, bars: { ...instrument.bars, takerBuyVolume } };
    await expect(refusal(flowing)).rejects.toMatchObject({
      code: 'COMPARISON_IMPOSSIBLE',
      seen: `no funding_rate of BTCUSDT, which the active ${version} learned from`,
      next: expect.stringContaining('bars import --series'),
    });
    const one = Float64Array.of(START);
    const funding_rate = { length: 1, eventTime: one, arrivalTime: one, value: Float64Array.of(0.1) };
    const series = { ...NO_SERIES, funding_rate };
    await expect(refusal({ ...flowing, series })).resolves.toBeUndefined();
  });
});
