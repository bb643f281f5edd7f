import { describe, expect, it } from 'vitest';
import { INSTRUMENT_WINDOWS } from '../../../../shared/core/features/instrument/definitions.ts';
import { SERIES_NAMES, type SeriesName } from '../../../../shared/core/series/series_names.ts';
import { createRng } from '../../../../shared/rng.ts';
import { DELIVERED_LEARNER } from './direction_learner.ts';
import { DELIVERED_BIAS_LIMITS } from './gates/bias_limits.fixture.ts';
import { EVALUATION_LABEL } from './label/direction.ts';
import type { DirectionBalance } from '../../../../shared/policy/balances.ts';
import type { PartRows } from '../../role_table/role_table.ts';
import { DIRECTION_PARTS, directionTable, type DirectionTable } from './direction_table.ts';
import { instrumentRows, type Instrument } from './instrument_rows.ts';
import { NO_OBSERVATIONS } from '../../instruments/series_files.ts';
import { DIRECTION_PARAMS, DIRECTION_WALK_FORWARD, type DirectionPlan } from './train_direction.ts';

const HOUR = 3600;
const START = 1_600_000_000 - (1_600_000_000 % HOUR);
const BARS = 2400;
const STRIDE = 2;

/** A market that falls more often than it rises. */
function falling(symbol: string): Instrument {
  const rng = createRng(symbol);
  const time = Float64Array.from({ length: BARS }, (_, t) => START + t * HOUR);
  const open = new Float64Array(BARS);
  const close = new Float64Array(BARS);
  let price = 100;
  for (let t = 0; t < BARS; t++) {
    open[t] = price;
    price *= Math.exp(0.006 * rng.normal() - 0.0005);
    close[t] = price;
  }
  const high = close.map((own, t) => Math.max(own, open[t]!));
  const low = close.map((own, t) => Math.min(own, open[t]!));
  const volume = close.map(() => 1 + rng.uniform());
  const takerBuyVolume = volume.map((own) => own * rng.uniform());
  const bars = { symbol, timeframe: HOUR, length: BARS, time, open, high, low, close, volume, takerBuyVolume };
  const series = Object.fromEntries(SERIES_NAMES.map((name) => [name, NO_OBSERVATIONS]));
  return { bars, series: series as Record<SeriesName, typeof NO_OBSERVATIONS> };
}

const INSTRUMENTS = [falling('BTCUSDT'), falling('ETHUSDT')];

function planOf(balance: DirectionBalance): DirectionPlan {
  return {
    windows: INSTRUMENT_WINDOWS,
    label: { unit: 'percent', threshold: EVALUATION_LABEL.threshold, horizon: 24 },
    learner: DELIVERED_LEARNER,
    balance,
    classWeightRatio: 1,
    stride: STRIDE,
    params: DIRECTION_PARAMS,
    walkForward: DIRECTION_WALK_FORWARD,
    costs: { takerFeeBps: 5, slippageBps: 1 },
    f1Floor: null,
    biasLimits: DELIVERED_BIAS_LIMITS,
    search: null,
    seed: '0',
    workers: 1,
    balances: [],
    peers: [],
  };
}

function tableOf(balance: DirectionBalance): DirectionTable {
  const options = { parts: DIRECTION_PARTS, market: 'live' } as const;
  return directionTable(INSTRUMENTS, planOf(balance), options, () => undefined);
}

function partOf({ table }: DirectionTable, name: string): PartRows {
  return table.parts.find(({ part }) => part === name)!;
}

const seconds = (minute: string): number => Date.parse(minute) / 1000;
const rows = instrumentRows(INSTRUMENTS, planOf('none'));

describe('exported rows of the direction model', () => {
  it('are those whose labels are known before the first evaluated block, every second bar, and all evaluated ones', () => {
    const made = tableOf('none');
    const { facts, pairs } = made.table;
    const until = seconds(facts.learned_until);
    const from = seconds(facts.holdout_from);
    expect(from - until).toBe(facts.embargo_seconds);
    const all = [...rows.time.keys()];
    const learned = all.filter((row) => rows.labelEnd[row]! < until && rows.bar[row]! % STRIDE === 0);
    expect([...partOf(made, 'learn').taken]).toEqual(learned);
    expect(learned.length).toBeGreaterThan(300);
    const holdout = partOf(made, 'holdout');
    expect([...holdout.taken]).toEqual(all.filter((row) => rows.time[row]! >= from));
    expect([...holdout.rows.y]).toEqual([...rows.evaluation]);
    expect([...partOf(made, 'learn').rows.y]).toEqual([...rows.y]);
    expect(pairs).toEqual(['BTCUSDT', 'ETHUSDT']);
    expect(facts).toMatchObject({
      role: 'direction',
      classes: ['up', 'down', 'range'],
      rows: { learn: learned.length, holdout: holdout.taken.length, synthetic: 0 },
    });
    expect(made.evaluated).toEqual({ from, to: rows.time.reduce((most, time) => Math.max(most, time), 0) });
  });

  it('of mirror are the rows and, behind all of them, their mirror images with up and down exchanged, weighted', () => {
    const made = tableOf('mirror');
    const { facts } = made.table;
    const { taken, rows: learned, pair } = partOf(made, 'learn');
    const count = partOf(tableOf('none'), 'learn').taken.length;
    expect([facts.balance, facts.rows.synthetic, facts.rows.learn]).toEqual(['mirror', count, 2 * count]);
    const { mirrored } = instrumentRows(INSTRUMENTS, { ...planOf('none'), mirrored: true });
    const { columns } = rows.x;
    for (let i = 0; i < count; i++) {
      const row = taken[i]!;
      const image = taken[count + i]!;
      expect(image).toBeGreaterThanOrEqual(rows.y.length);
      expect(learned.y[image]).toBe([1, 0, 2][rows.y[row]!]);
      expect([learned.time[image], learned.labelEnd[image], pair[image]]).toEqual([
        rows.time[row],
        rows.labelEnd[row],
        -1,
      ]);
      const features = learned.x.values.subarray(image * columns, (image + 1) * columns);
      expect(features).toEqual(mirrored!.values.subarray(row * columns, (row + 1) * columns));
    }
    const { up, down } = facts.learned_classes;
    expect(up!.rows).toBe(down!.rows);
    expect(up!.weight).toBeCloseTo(down!.weight, 6);
    expect(partOf(made, 'holdout').taken).toEqual(partOf(tableOf('none'), 'holdout').taken);
  });

  it('name the block that evaluates a row, in order of time', () => {
    const made = tableOf('none');
    const { folds } = made.table.facts;
    const { taken, fold } = partOf(made, 'holdout');
    expect(folds).toHaveLength(DIRECTION_WALK_FORWARD.blocks - DIRECTION_WALK_FORWARD.calibrationBlocks);
    for (const { fold: block, first, last_label: lastLabel } of folds) {
      const own = [...taken].filter((row) => fold[row] === block);
      expect(Math.min(...own.map((row) => rows.time[row]!))).toBe(seconds(first));
      expect(Math.max(...own.map((row) => rows.labelEnd[row]!))).toBe(seconds(lastLabel));
    }
    expect([...taken].every((row) => fold[row]! >= 0)).toBe(true);
    expect(new Set(partOf(made, 'learn').fold)).toEqual(new Set([-1]));
  });

  it.each(['undersample', 'smote', 'class_weights'] as const)('have classes of the same weight by %s', (balance) => {
    const plain = tableOf('none').table.facts;
    const made = tableOf(balance);
    const { facts } = made.table;
    const classes = Object.values(facts.learned_classes);
    const before = Object.values(plain.learned_classes).map((own) => own.rows);
    expect(Math.max(...before)).toBeGreaterThan(1.3 * Math.min(...before));
    if (balance === 'class_weights') {
      // Each row has its uniqueness beside the weight of its class.
      expect(classes.map((own) => own.rows)).toEqual(before);
    } else {
      const wanted = balance === 'undersample' ? Math.min(...before) : Math.max(...before);
      expect(classes.map((own) => own.rows)).toEqual([wanted, wanted, wanted]);
    }
    expect(facts.rows.synthetic).toBe(
      balance === 'smote' ? 3 * Math.max(...before) - before.reduce((a, b) => a + b) : 0,
    );
    expect(facts.rows.holdout).toBe(plain.rows.holdout);
    const { rows: own, taken, pair } = partOf(made, 'learn');
    const weights = [0, 1, 2].map((label) =>
      taken.reduce((sum, row) => sum + (own.y[row] === label ? own.weights[row]! : 0), 0),
    );
    expect(classes.map(({ weight }) => weight)).toEqual(weights);
    // Synthetic rows are of no instrument.
    expect(taken.filter((row) => pair[row] === -1)).toHaveLength(facts.rows.synthetic);
  });

  it('have the same identity whatever the balance, and another for another label', () => {
    const { dataset_id: id } = tableOf('none').table.facts;
    expect(tableOf('smote').table.facts.dataset_id).toBe(id);
    const plan = { ...planOf('none'), label: { unit: 'percent', threshold: 0.03, horizon: 24 } as const };
    const options = { parts: DIRECTION_PARTS, market: 'live' } as const;
    expect(directionTable(INSTRUMENTS, plan, options, () => undefined).table.facts.dataset_id).not.toBe(id);
  });
});
