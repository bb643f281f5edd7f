import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { activateDirection } from '../../../../test/activate.ts';
import { writeTinyDirection } from '../../../../test/tiny_direction.ts';
import type { DirectionManifest } from '../../../../shared/bundle/direction/direction_manifest.ts';
import type { DirectionModel } from '../../../../shared/bundle/direction/direction_model.ts';
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
}

/** A challenger evaluated from day 8 on, in two blocks. */
async function comparison({ old, young, learnedDays = 10, horizon, thetas = [0.45, 0.45] }: Plan): Promise<Comparison> {
  const answers = answersOf(young);
  const borders = [START + 8 * DAY, START + 20 * DAY, Infinity];
  const blocks = [0, 1].map((block) => {
    const test = Int32Array.from(rows.bar).filter(
      (row) => rows.time[row]! >= borders[block]! && rows.time[row]! < borders[block + 1]!,
    );
    return {
      split: { train: new Int32Array(), test, from: borders[block]!, until: borders[block + 1]! },
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
    plan: { windows: INSTRUMENT_WINDOWS, label: EVALUATION_LABEL },
  } as unknown as NewDirection;
  const known = answersOf(old);
  const infer: DirectionModel['infer'] = (features, wanted) =>
    Float64Array.from({ length: wanted * 3 }, (_, at) => known[features[Math.floor(at / 3)]! * 3 + (at % 3)]!);
  return compareDirections(challenger, { manifest: manifestOf(learnedDays, horizon), infer }, LIMITS);
}

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
    const tradesOf = (own: Comparison): number => (own.kind === 'compared' ? own.challenger.all.trades : NaN);
    expect(tradesOf(first)).toBeGreaterThan(0);
    expect(tradesOf(second)).toBeGreaterThan(0);
    expect(tradesOf(first)).toBeLessThan(tradesOf(both));
    expect(tradesOf(second)).toBeLessThan(tradesOf(both));
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
    expect(golden).toMatch(/^direction\.golden_vectors passed/);
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
});
