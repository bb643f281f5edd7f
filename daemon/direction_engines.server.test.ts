import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTinyDirection } from '../test/tiny_direction.ts';
import { tinyBars, tinySettings } from '../test/tiny_settings.ts';
import { directionFolder, directionOpener, liveInstrumentSchema } from '../shared/bundle/direction/active_direction.ts';
import {
  linearAnswer,
  linearGraph,
  networkAnswer,
  networkGraph,
  sequenceAnswer,
  sequenceGraph,
  writeGraphDirection,
} from '../shared/bundle/direction/direction_graph.fixture.ts';
import { loadDirectionModel, type DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import type { ActiveRollout } from '../shared/bundle/rollout.ts';
import { writeFloats } from '../shared/core/features/float_row.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import { InstrumentFeatures } from '../shared/core/features/instrument/instrument_features.ts';
import { createExplainer } from '../shared/explain/explain_minute.ts';
import { SERIES_NAMES } from '../shared/core/series/series_names.ts';
import { parseInstrument } from '../shared/pair.ts';
import type { InstrumentSignal } from '../shared/signal/instrument_signal.ts';
import { openJournal } from '../shared/store/journal.ts';
import { barInput, inputOf, minuteInputOf } from './queue/input.ts';
import { byMinute, openBench, type Bench } from './pipeline.fixture.ts';
import type { PipelineOptions } from './options/pipeline_options.ts';

/** Direction models of every engine in one pipeline: served, swapped, shadowed, rolled out, replayed and explained. */

const settings = tinySettings();
const ID = 'XAUUSD';
const OTHER = 'XAGUSD';
const OPTIONS: Partial<PipelineOptions> = { pairs: [], instruments: [parseInstrument(ID), parseInstrument(OTHER)] };
const WARM = 170;
const SCHEMA = liveInstrumentSchema(60);
const COLUMNS = SCHEMA.definitions.length;
const NETWORK = { columns: COLUMNS, seed: 'served network', upScore: 0.3 };
const SEQUENCE = { ...NETWORK, seed: 'served sequence', bars: 6 };
const MARKET = byMinute(tinyBars(settings, WARM + 200));

const models = mkdtempSync(join(tmpdir(), 'minutehand-direction-engines-'));
let trees: string;
let network: string;
let otherNetwork: string;
let linear: string;
let sequence: string;
beforeAll(async () => {
  trees = writeTinyDirection(models, ID, '1m', new Date(0));
  network = await writeGraphDirection(models, { of: trees, created: new Date(60_000), graph: networkGraph(NETWORK) });
  linear = await writeGraphDirection(models, { of: trees, created: new Date(180_000), graph: linearGraph(NETWORK) });
  sequence = await writeGraphDirection(models, {
    of: trees,
    created: new Date(240_000),
    graph: sequenceGraph(SEQUENCE),
    bars: SEQUENCE.bars,
  });
  otherNetwork = await writeGraphDirection(models, {
    of: trees,
    created: new Date(120_000),
    graph: networkGraph({ ...NETWORK, seed: 'other network', upScore: -0.3 }),
  });
});
afterAll(() => rmSync(models, { recursive: true, force: true }));

interface Watched {
  readonly model: DirectionModel;
  /** How often it was released. */
  readonly released: () => number;
}

async function watched(version: string): Promise<Watched> {
  const model = await loadDirectionModel(join(directionFolder(models), version), SCHEMA, 2);
  let count = 0;
  const release = async (): Promise<void> => {
    count++;
    await model.release();
  };
  return { model: { ...model, release }, released: () => count };
}

async function feed({ pipeline }: Bench, from: number, to: number): Promise<void> {
  for (const { bars } of MARKET.slice(from, to)) {
    for (const bar of bars) if (pipeline.inputs.hasSymbol(bar.symbol)) pipeline.inputs.take(barInput(bar, false));
    await pipeline.settled();
  }
}

const activate = ({ pipeline }: Bench, set: DirectionModel): void =>
  pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set });

const told = ({ rows }: Bench): string[] => rows.map(({ body, position }) => `${body} ${position}`);

const signalsOf = ({ signals }: Bench): InstrumentSignal[] => signals as unknown as InstrumentSignal[];

/** The journaled inputs, answered by another pipeline with the bundles on disk. */
async function replayed({ inputs }: Bench): Promise<Bench> {
  const again = openBench(settings, OPTIONS);
  const open = directionOpener(models, 2);
  for (const row of inputs.filter(({ kind }) => kind !== 'earlier')) {
    const input = await inputOf(row, () => Promise.reject(new Error('no pairs')), open);
    again.pipeline.inputs.apply(minuteInputOf(row) ?? input);
    await again.pipeline.settled();
  }
  return again;
}

/** The features of an instrument by minute, as a process has them that steps alone. */
function rowsOf(symbol: string): Map<number, Float32Array> {
  const features = new InstrumentFeatures(INSTRUMENT_WINDOWS, 60);
  const rows = new Map<number, Float32Array>();
  for (const { time, bars } of MARKET) {
    const bar = bars.find((own) => own.symbol === symbol);
    if (bar === undefined) continue;
    features.step({ ...bar, takerBuyVolume: NaN }, new Float64Array(SERIES_NAMES.length).fill(NaN));
    if (!features.ready) continue;
    const row = new Float32Array(COLUMNS);
    writeFloats(features.values, 0, COLUMNS, row, 0);
    rows.set(time + 60, row);
  }
  return rows;
}

const probabilitiesOf = ({ ml_up_prob, ml_down_prob, ml_range_prob }: InstrumentSignal) => [
  ml_up_prob,
  ml_down_prob,
  ml_range_prob,
];

describe('a direction model of a network', () => {
  it('is served in place of trees, and trees in its place, and each is released behind the next but one', async () => {
    const bench = openBench(settings, OPTIONS);
    const set = { first: await watched(trees), second: await watched(network), third: await watched(trees) };
    activate(bench, set.first.model);
    await feed(bench, 0, WARM);
    expect(bench.pipeline.status.directionEngines).toEqual({ '1m': 'wasm-simd' });
    activate(bench, set.second.model);
    await feed(bench, WARM, WARM + 40);
    expect(bench.pipeline.status.directionEngines).toEqual({ '1m': 'onnxruntime-node' });
    expect(bench.pipeline.status.directionEngineNotes['1m']).toContain('more than trees');
    activate(bench, set.third.model);
    await feed(bench, WARM + 40, WARM + 60);
    expect([set.first.released(), set.second.released(), set.third.released()]).toEqual([1, 0, 0]);
    activate(bench, (await watched(linear)).model);
    expect(bench.pipeline.status.directionEngines).toEqual({ '1m': 'wasm-simd' });
    await feed(bench, WARM + 60, WARM + 80);
    expect(bench.pipeline.status.directionEngines).toEqual({ '1m': 'own-graph' });
    expect([set.first.released(), set.second.released(), set.third.released()]).toEqual([1, 1, 0]);
    expect(bench.failures).toEqual([]);

    const scored = signalsOf(bench).filter(({ ml_up_prob }) => ml_up_prob !== null);
    expect([...new Set(scored.map(({ model_version }) => model_version))]).toEqual([trees, network, linear]);
    for (const symbol of [ID, OTHER]) {
      const rows = rowsOf(symbol);
      const own = scored.filter(({ pair_id, model_version }) => pair_id === symbol && model_version !== trees);
      expect(own).toHaveLength(60);
      for (const signal of own) {
        const answer = signal.model_version === network ? networkAnswer : linearAnswer;
        const byHand = answer(NETWORK, rows.get(Date.parse(signal.timestamp) / 1000)!);
        probabilitiesOf(signal).forEach((p, k) => expect(Math.abs(p! - byHand[k]!)).toBeLessThan(1e-6));
      }
    }
    expect(told(await replayed(bench))).toEqual(told(bench));
  });

  it('of several bars is served once all of them are warm, and replaces one of single bars that answers meanwhile', async () => {
    const bench = openBench(settings, OPTIONS);
    activate(bench, (await watched(sequence)).model);
    await feed(bench, 0, WARM + 40);
    expect(bench.pipeline.status.directionEngines).toEqual({ '1m': 'onnxruntime-node' });
    activate(bench, (await watched(trees)).model);
    await feed(bench, WARM + 40, WARM + 60);
    expect(bench.failures).toEqual([]);
    const scored = signalsOf(bench).filter(({ ml_up_prob }) => ml_up_prob !== null);
    for (const symbol of [ID, OTHER]) {
      const rows = [...rowsOf(symbol)];
      const own = scored.filter(({ pair_id, model_version }) => pair_id === symbol && model_version === sequence);
      // The first one is that of the first bar with as many warm rows behind it.
      const first = rows[SEQUENCE.bars - 1]![0];
      expect(Date.parse(own[0]!.timestamp) / 1000).toBe(first);
      expect(own.length).toBeGreaterThan(20);
      for (const signal of own) {
        const last = rows.findIndex(([time]) => time === Date.parse(signal.timestamp) / 1000);
        const together = rows.slice(last - SEQUENCE.bars + 1, last + 1).flatMap(([, row]) => [...row]);
        const byHand = sequenceAnswer(SEQUENCE, together);
        probabilitiesOf(signal).forEach((p, k) => expect(Math.abs(p! - byHand[k]!)).toBeLessThan(1e-6));
      }
      expect(scored.filter(({ pair_id, model_version }) => pair_id === symbol && model_version === trees)).toHaveLength(
        20,
      );
    }
    expect(told(await replayed(bench))).toEqual(told(bench));
  });

  it('as a shadow changes no byte of what trees answer, and is journaled as it would answer alone', async () => {
    const run = async (served: string, shadow: string | null): Promise<Bench> => {
      const bench = openBench(settings, OPTIONS);
      activate(bench, (await watched(served)).model);
      if (shadow !== null)
        bench.pipeline.inputs.apply({ kind: 'shadow', slot: 'direction 1m', set: (await watched(shadow)).model });
      await feed(bench, 0, WARM + 60);
      expect(bench.failures).toEqual([]);
      return bench;
    };
    const alone = await run(trees, null);
    const both = await run(trees, network);
    const asServed = await run(network, null);
    expect(told(both)).toEqual(told(alone));
    const answers = new Map(
      signalsOf(asServed).map((signal) => [`${signal.pair_id} ${signal.timestamp}`, probabilitiesOf(signal)]),
    );
    expect(both.shadows.length).toBeGreaterThan(100);
    for (const { body } of both.shadows) {
      const own = JSON.parse(`${body}}`) as InstrumentSignal;
      expect(probabilitiesOf(own)).toEqual(answers.get(`${own.pair_id} ${own.timestamp}`));
    }
  });

  it('challenges another in a rollout, each arm by its own answers, and a replay gives the same', async () => {
    const rollout: ActiveRollout = {
      id: 'r1',
      champion: network,
      challenger: otherNetwork,
      timeframe: '1m',
      stage: 'pilot',
      share: 0.5,
      key: '0123456789abcdef0123456789abcdef',
      block_minutes: 5,
    };
    const bench = openBench(settings, OPTIONS);
    const champion = await watched(network);
    const challenger = await watched(otherNetwork);
    activate(bench, champion.model);
    await feed(bench, 0, WARM);
    bench.pipeline.inputs.apply({ kind: 'rollout', rollout, set: challenger.model });
    await feed(bench, WARM, WARM + 120);
    bench.pipeline.inputs.apply({ kind: 'rollout', rollout: null, set: null });
    await feed(bench, WARM + 120, WARM + 122);
    expect([bench.failures, challenger.released(), champion.released()]).toEqual([[], 1, 0]);
    const versions = new Set(
      signalsOf(bench)
        .filter(({ ml_up_prob }) => ml_up_prob !== null)
        .map(({ model_version }) => model_version),
    );
    expect([...versions].sort()).toEqual([network, otherNetwork]);
    const rows: Record<string, ReturnType<typeof rowsOf>> = { [ID]: rowsOf(ID), [OTHER]: rowsOf(OTHER) };
    for (const signal of signalsOf(bench).filter(({ ml_up_prob }) => ml_up_prob !== null)) {
      const seed = signal.model_version === network ? NETWORK : { ...NETWORK, seed: 'other network', upScore: -0.3 };
      const byHand = networkAnswer(seed, rows[signal.pair_id]!.get(Date.parse(signal.timestamp) / 1000)!);
      expect(Math.abs(signal.ml_up_prob! - byHand[0]!)).toBeLessThan(1e-6);
    }
    expect(told(await replayed(bench))).toEqual(told(bench));
  });

  it.each([
    ['one bar', (): string => network],
    ['several bars', (): string => sequence],
  ])('of %s is explained with its answers to the bit, and without contributions', async (_, version) => {
    const bench = openBench(settings, OPTIONS);
    activate(bench, (await watched(version())).model);
    await feed(bench, 0, WARM + 20);
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-explain-'));
    try {
      const path = join(folder, 'journal.db');
      const journal = openJournal(path);
      journal.append(bench.inputs, bench.rows);
      journal.close();
      const explainer = createExplainer(
        { ...settings, minutehand: { ...settings.minutehand, instruments: [ID, OTHER] } },
        { models, journal: () => path },
      );
      for (const { time } of MARKET.slice(WARM + SEQUENCE.bars, WARM + 20)) {
        const explained = await explainer.explain(ID, time);
        expect(explained.reproduced).toEqual({ equal: true, code: null, differences: [] });
        expect(explained).toMatchObject({
          direction: {
            up: { score: null, contributions: null, code: 'EXPLAIN_NO_COVER' },
            down: { code: 'EXPLAIN_NO_COVER' },
            range: { code: 'EXPLAIN_NO_COVER' },
          },
        });
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
