import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Bar, EpochMs, OpenTime } from '../shared/bar.ts';
import type { DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import { OWN_SERVICE } from '../shared/bundle/direction/own_service.fixture.ts';
import { parseStanding } from '../shared/bundle/halts.ts';
import type { ActiveRollout } from '../shared/bundle/rollout.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import { InstrumentFeatures } from '../shared/core/features/instrument/instrument_features.ts';
import { SeriesCursor } from '../shared/core/series/series_cursor.ts';
import { SERIES, seriesIndex } from '../shared/core/series/series_names.ts';
import { createExplainer } from '../shared/explain/explain_minute.ts';
import { parseInstrument, parsePair } from '../shared/pair.ts';
import { createRng } from '../shared/rng.ts';
import { checksum } from '../shared/signal/encode.ts';
import type { InstrumentSignal } from '../shared/signal/instrument_signal.ts';
import { openJournal, type LastSignal } from '../shared/store/journal.ts';
import { tinyBars, tinySettings } from '../test/tiny_settings.ts';
import type { MinuteAnswer } from './decide/answer.ts';
import type { InstrumentAnswer } from './decide/instrument_answer.ts';
import { DegradationSet } from './queue/degradation_set.ts';
import { barInput, inputOf, minuteInputOf, pairInput, type DirectionInput } from './queue/input.ts';
import { Instruments, type InstrumentsOptions } from './instruments.ts';
import { byMinute, openBench, type Bench } from './pipeline.fixture.ts';
import type { PipelineOptions } from './options/pipeline_options.ts';
import type { MinuteItem } from './queue/queue.ts';

const settings = tinySettings();
const ID = 'BTCUSDT';
const INSTRUMENTS: Partial<PipelineOptions> = { instruments: [parseInstrument(ID)] };
const WARM = 170;
const UP = [0.8, 0.1, 0.1];
const DOWN = [0.1, 0.8, 0.1];
const RANGE = [0.1, 0.1, 0.8];

/** A verified model that answers what is set. */
function modelOf(version: string, answers: () => readonly number[], strategy: object = {}): DirectionModel {
  const manifest = {
    version,
    timeframe: 60,
    edge: { BTCUSDT: { no_edge: false } },
    strategy: { theta_up: 0.5, theta_down: 0.5, stop: 0.5, target: 0.5, max_age_bars: 24, ...strategy },
  };
  return {
    manifest: manifest as unknown as DirectionModel['manifest'],
    modelsHash: `hash of ${version}`,
    check: { rows: 0, largestDifference: 0 },
    ...OWN_SERVICE,
    infer: () => Float64Array.from(answers()),
  };
}

/** Answers by the features of each row: the same in a replay. @param failAt which of its calls throws */
function readingModel(version: string, sign: number, failAt = Infinity): DirectionModel {
  let calls = 0;
  return {
    ...modelOf(version, () => RANGE, { max_age_bars: 7 }),
    infer(features) {
      if (++calls === failAt) throw new RangeError('broken');
      return Float64Array.from(sign * (features[0]! - 50) > 0 ? UP : DOWN);
    },
  };
}

let market: { time: OpenTime; bars: Bar[] }[];
beforeAll(() => {
  const rng = createRng('coin');
  let close = 20_000;
  market = byMinute(tinyBars(settings, 400)).map(({ time, bars }) => {
    const open = close;
    close *= Math.exp(0.001 * rng.normal());
    const high = Math.max(open, close);
    const low = Math.min(open, close);
    return {
      time,
      bars: [...bars, { symbol: ID, time, open, high, low, close, volume: 3, takerBuyVolume: 3 * rng.uniform() }],
    };
  });
});

async function feed({ pipeline }: Bench, from: number, to: number): Promise<void> {
  for (const { bars } of market.slice(from, to)) {
    for (const bar of bars) if (pipeline.inputs.hasSymbol(bar.symbol)) pipeline.inputs.take(barInput(bar, false));
    await pipeline.settled();
  }
}

const ofInstrument = ({ signals }: Bench): InstrumentSignal[] =>
  signals.filter(({ pair_id }) => pair_id === ID) as unknown as InstrumentSignal[];

/** Warm, with a model whose answers can be set. */
async function tradingBench(): Promise<Bench & { answer(next: readonly number[]): void }> {
  const bench = openBench(settings, INSTRUMENTS);
  let answers: readonly number[] = RANGE;
  bench.pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set: modelOf('20260101_0000', () => answers) });
  await feed(bench, 0, WARM);
  return { ...bench, answer: (next) => void (answers = next) };
}

/** Every bar of a journal of what the bench recorded, computed again from that journal. */
async function explainsAll({ inputs, rows }: Bench): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-explain-'));
  try {
    const path = join(folder, 'journal.db');
    const journal = openJournal(path);
    journal.append(inputs, rows);
    journal.close();
    const explainer = createExplainer(
      { ...settings, minutehand: { ...settings.minutehand, instruments: [ID] } },
      { models: folder, journal: () => path },
    );
    for (const [t, { time }] of market.slice(0, WARM).entries()) {
      if (t % 13 !== 0 && t !== WARM - 1) continue;
      const { reproduced } = await explainer.explain(ID, time);
      expect([t, reproduced]).toEqual([t, { equal: true, code: null, differences: [] }]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('an instrument of a pipeline', () => {
  it('changes no byte of the signals of the pairs beside it', async () => {
    const alone = openBench(settings);
    const beside = openBench(settings, INSTRUMENTS);
    for (const bench of [alone, beside]) await feed(bench, 0, 60);
    expect(ofInstrument(beside)).toHaveLength(60);
    expect(beside.texts.filter((text) => !text.includes('"ml_up_prob"')).sort()).toEqual([...alone.texts].sort());
  });

  it('has the features of a training whose series are joined by their arrival', async () => {
    const bench = openBench(settings, INSTRUMENTS);
    const seen = { eventTime: [] as number[], arrivalTime: [] as number[], value: [] as number[] };
    for (let t = 0; t < WARM; t += 10) {
      const closed = market[t]!.time + 60;
      // A minute after the close of this bar, about a moment before it.
      const observation = { eventTime: closed - 30, arrivalTime: closed + 61, value: t / 1000 };
      await feed(bench, t, t + 1);
      for (const key of ['eventTime', 'arrivalTime', 'value'] as const) seen[key].push(observation[key]);
      bench.pipeline.inputs.apply({
        kind: 'series',
        observation: { symbol: ID, name: 'funding_rate', ...observation },
      });
      await feed(bench, t + 1, t + 10);
    }
    const [eventTime, arrivalTime, value] = [seen.eventTime, seen.arrivalTime, seen.value].map((own) =>
      Float64Array.from(own),
    );
    const history = { length: seen.value.length, eventTime: eventTime!, arrivalTime: arrivalTime!, value: value! };
    const cursor = new SeriesCursor(history, SERIES[seriesIndex('funding_rate')]!.max_age_seconds);
    const features = new InstrumentFeatures(INSTRUMENT_WINDOWS, 60);
    const expected = market.slice(0, WARM).map(({ time, bars }) => {
      const { high, low, close, volume, takerBuyVolume = NaN } = bars.at(-1)!;
      const known = new Float64Array(SERIES.length).fill(NaN);
      known[seriesIndex('funding_rate')] = cursor.valueAt(time + 60);
      features.step({ time, high, low, close, volume, takerBuyVolume }, known);
      return checksum(new Uint8Array(features.values.buffer));
    });
    const live = bench.rows.filter(({ pairId }) => pairId === ID).map(({ featuresCrc }) => featuresCrc);
    expect(live).toEqual(expected);
    await explainsAll(bench);
    const without = openBench(settings, INSTRUMENTS);
    await feed(without, 0, WARM);
    expect(without.rows.filter(({ pairId }) => pairId === ID).at(-1)!.featuresCrc).not.toBe(live.at(-1));
  });

  it('is answered by a shard without pairs', async () => {
    const bench = openBench(settings, { ...INSTRUMENTS, pairs: [] });
    await feed(bench, 0, WARM);
    expect(bench.texts).toHaveLength(WARM);
    const sources = ['taker_buy_volume'];
    expect(bench.pipeline.status).toMatchObject({ readyPairs: 0, readyInstruments: 1, expiredPairs: [], sources });
  });

  it('warms up, holds without a model, and trades by the rule of the model', async () => {
    const bench = openBench(settings, INSTRUMENTS);
    await feed(bench, 0, WARM);
    const modes = ofInstrument(bench).map(({ mode, reason }) => `${mode} ${reason}`);
    expect(new Set(modes.slice(0, 168))).toEqual(new Set(['WARMUP WARMUP']));
    expect(modes.slice(168)).toEqual(['HALT NO_MODEL', 'HALT NO_MODEL']);
    let answers = UP;
    bench.pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set: modelOf('20260101_0000', () => answers) });
    await feed(bench, WARM, WARM + 2);
    answers = DOWN;
    await feed(bench, WARM + 2, WARM + 4);
    answers = RANGE;
    await feed(bench, WARM + 4, WARM + 5);
    const printed = ofInstrument(bench)
      .slice(WARM)
      .map(({ action, reason, entry, target }) => [action, reason, entry, target]);
    expect(printed).toEqual([
      ['ENTER', 'ENTRY', 'BUY_BTCUSDT', 1],
      ['HOLD', 'IN_POSITION', '', 1],
      ['EXIT', 'OPPOSITE_EXIT', '', 0],
      ['ENTER', 'ENTRY', 'SELL_BTCUSDT', -1],
      ['HOLD', 'IN_POSITION', '', -1],
    ]);
    const [enter, , exit] = ofInstrument(bench).slice(WARM);
    expect(exit!.position_id).toBe(enter!.signal_id);
    expect(enter).toMatchObject({
      mode: 'OK',
      ml_up_prob: 0.8,
      confidence: 0.8,
      price: market[WARM]!.bars.at(-1)!.close,
    });
  });

  it('holds NO_EDGE while its bundle shows none, unless the policy does not require it', async () => {
    for (const [require_edge, reason] of [
      [true, 'NO_EDGE'],
      [false, 'ENTRY'],
    ] as const) {
      const own = tinySettings({ core: { require_edge } });
      const bench = openBench(own, INSTRUMENTS);
      const model = modelOf('20260101_0000', () => UP);
      Object.assign(model.manifest, { edge: {} });
      bench.pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set: model });
      await feed(bench, 0, WARM);
      expect(ofInstrument(bench).map((signal) => signal.reason)).toContain(reason);
    }
  });

  it('publishes the probabilities of a model with a failed claim and holds with its reason', async () => {
    for (const failedClaim of ['MODEL_BIASED', 'MODEL_WEAK'] as const)
      for (const require_edge of [true, false]) {
        const bench = openBench(tinySettings({ core: { require_edge } }), INSTRUMENTS);
        const model = { ...modelOf('20260101_0000', () => UP), failedClaim };
        bench.pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set: model });
        await feed(bench, 0, WARM + 1);
        const [last] = ofInstrument(bench).slice(-1);
        expect(last).toMatchObject({ ml_up_prob: UP[0], mode: 'OK' });
        const reasons = new Set(ofInstrument(bench).map(({ reason }) => reason));
        expect([reasons.has(failedClaim), reasons.has('ENTRY')]).toEqual([require_edge, !require_edge]);
      }
  });

  it('keeps the exit rules of its entry when another model becomes active', async () => {
    const bench = await tradingBench();
    bench.answer(UP);
    await feed(bench, WARM, WARM + 1);
    const wide = modelOf('20260102_0000', () => RANGE, { max_age_bars: 99 });
    bench.pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set: wide });
    await feed(bench, WARM + 1, WARM + 26);
    const after = ofInstrument(bench).slice(WARM);
    expect(after[1]).toMatchObject({ model_version: '20260102_0000', max_age_bars: 24 });
    expect(after[24]).toMatchObject({ action: 'EXIT', reason: 'AGE_EXIT' });
    expect(after[25]).toMatchObject({ action: 'HOLD', max_age_bars: 99 });
  });

  it('drops a model that fails before its bar is decided, and a replay of the inputs gives the same', async () => {
    const failures: unknown[] = [];
    const onDirectionFailure = (error: unknown): void => void failures.push(error);
    const bench = openBench(settings, INSTRUMENTS);
    const broken = openBench(settings, {
      ...INSTRUMENTS,
      observer: { ...NO_EVENTS, onDirectionFailure },
    });
    const failingModel = (): DirectionModel => {
      let calls = 0;
      return modelOf('20260101_0000', () => {
        if (++calls === 3) throw new RangeError('broken');
        return UP;
      });
    };
    broken.pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set: failingModel() });
    await feed(broken, 0, WARM + 2);
    expect(failures).toHaveLength(1);
    expect(ofInstrument(broken).slice(WARM - 1)).toMatchObject([
      { mode: 'OK', reason: 'IN_POSITION', target: 1 },
      { mode: 'HALT', reason: 'IN_POSITION', target: 1, model_version: '' },
      { mode: 'HALT', reason: 'IN_POSITION', target: 1, max_age_bars: 24 },
    ]);
    for (const row of broken.inputs.filter(({ kind }) => kind !== 'earlier')) {
      const load = (): Promise<DirectionModel> => Promise.resolve(failingModel());
      bench.pipeline.inputs.apply(minuteInputOf(row) ?? (await inputOf(row, () => Promise.reject(), load)));
      await bench.pipeline.settled();
    }
    expect(bench.rows.map(({ body }) => body)).toEqual(broken.rows.map(({ body }) => body));
  });

  it('has heartbeats of silence and of the end, which repeat the values of its last bar', async () => {
    const bench = await tradingBench();
    bench.answer(UP);
    await feed(bench, WARM, WARM + 1);
    const time = market[WARM]!.time;
    for (const kind of ['silence', 'silence_halt', 'shutdown'] as const)
      bench.pipeline.inputs.apply(pairInput(kind, ID, time));
    await bench.pipeline.settled();
    expect(ofInstrument(bench).slice(WARM + 1)).toMatchObject([
      { mode: 'DEGRADED', reason: 'SILENCE', target: 1, ml_up_prob: 0.8 },
      { mode: 'HALT', reason: 'SILENCE', target: 1 },
      { mode: 'HALT', reason: 'SHUTDOWN', target: 1, price: market[WARM]!.bars.at(-1)!.close },
    ]);
    expect(new Set(ofInstrument(bench).map(({ signal_id }) => signal_id)).size).toBe(ofInstrument(bench).length);
  });
});

describe('Instruments', () => {
  const PAIR = 0;
  const BTC = 1;
  const ETH = 2;
  const instruments = ['BTCUSDT', 'ETHUSDT'].map(parseInstrument);
  const held = { side: 1, ageBars: 3, entryPrice: 1, positionId: 'entry', entryTime: 60, exits: null };

  function openInstruments(degradations = new DegradationSet()) {
    const restored: unknown[][] = [];
    const own = new Instruments({
      clock: { nowMs: () => 0 as EpochMs, monotonicUs: () => 0 },
      slowInferenceMs: 50,
      pairs: [parsePair('XAUUSD_XAGUSD')],
      instruments,
      matrix: {
        features: { warmupBars: 1 },
        isReady: (index: number) => index === PAIR,
        checksum: (index: number) => `pair ${index}`,
      },
      decider: {
        setPosition: (...position: unknown[]) => restored.push(position),
        ids: { idOf: ({ pairIndex }: { pairIndex: number }) => `id ${pairIndex}` },
        newsOf: () => null,
      },
      degradations,
      activeModels: () => null,
      halts: { stopOfInstrument: () => null },
      series: { valuesAt: () => new Float64Array(SERIES.length).fill(NaN) },
      inputs: () => ({ record: () => undefined, apply: () => undefined }),
      observer: {},
    } as unknown as InstrumentsOptions);
    return { own, restored };
  }

  function itemsOf(time: number, ...indexes: number[]): MinuteItem[] {
    const bar = { symbol: '', time, open: 2, high: 3, low: 1, close: 2, volume: 1 };
    return indexes.map((pairIndex) => ({
      kind: 'minute',
      publish: true,
      arrivedUs: 0,
      minute: { pairIndex, time, a: bar, b: bar, outcome: 'COMPLETE', backfill: false } as MinuteItem['minute'],
    }));
  }

  const decidePairs = (items: readonly MinuteItem[]): MinuteAnswer[] =>
    items.map(({ minute }) => ({ minute, body: { reason: 'OF_PAIR' } }) as unknown as MinuteAnswer);

  it('restores the position of each instrument, and leaves those of all others to the pairs', () => {
    const { own, restored } = openInstruments();
    own.setPosition({ pairId: 'ETHUSDT', position: JSON.stringify(held) } as LastSignal);
    own.setPosition({ pairId: 'XAUUSD_XAGUSD', position: '{"side":-1}' } as LastSignal);
    expect(restored).toEqual([['XAUUSD_XAGUSD', { side: -1 }]]);
    const batch = itemsOf(60, BTC, ETH);
    own.step(batch);
    expect(own.infer()).toBeUndefined();
    const answers = own.decide(batch, decidePairs) as InstrumentAnswer[];
    expect(answers.map(({ body }) => [body.pair_id, body.target, body.position_id])).toEqual([
      ['BTCUSDT', 0, ''],
      ['ETHUSDT', 1, 'entry'],
    ]);
  });

  it('answers a batch in its order, and gives only the pairs to what follows pairs', () => {
    const { own } = openInstruments();
    const batch = itemsOf(60, ETH, PAIR, BTC);
    expect(own.step(batch)).toEqual([batch[1]]);
    expect(own.infer()).toBeUndefined();
    const answers = own.decide(batch, decidePairs);
    expect(answers.map(({ minute, body }) => [minute.pairIndex, body.reason])).toEqual([
      [ETH, 'WARMUP'],
      [PAIR, 'OF_PAIR'],
      [BTC, 'WARMUP'],
    ]);
    expect(own.pairsIn(answers)).toEqual([answers[1]]);
    expect([PAIR, BTC].map(own.isReady)).toEqual([true, false]);
    expect([own.checksum(PAIR, ''), own.checksum(BTC, '')]).toEqual(['pair 0', expect.stringMatching(/^[0-9a-f]{8}$/)]);
  });

  it('is degraded with the daemon, and knows whether taker volumes arrive', () => {
    for (const [degradations, mode] of [
      [new DegradationSet(), 'OK'],
      [new DegradationSet().add('journal'), 'DEGRADED'],
      [new DegradationSet().add('models'), 'OK'],
      [new DegradationSet().add('direction_models', '1h'), 'OK'],
    ] as const) {
      const { own } = openInstruments(degradations);
      const swap: DirectionInput = {
        kind: 'direction',
        timeframe: '1m',
        set: modelOf('20260101_0000', () => RANGE),
      };
      own.slots.announce(swap);
      own.slots.swap(swap);
      let batch: MinuteItem[] = [];
      for (let t = 1; t <= WARM; t++) own.step((batch = itemsOf(60 * t, BTC)));
      expect(own.infer()).toBeUndefined();
      expect(own.decide(batch, decidePairs).map(({ body }) => body.mode)).toEqual([mode]);
      expect(own.hasTaker()).toBe(false);
    }
  });
});

const NO_EVENTS = {
  onSignals: () => undefined,
  onSwap: () => undefined,
  onModelFailure: () => undefined,
  onShadowFailure: () => undefined,
  onChallengerFailure: () => undefined,
  onScreened: () => undefined,
};

describe('a rollout of a direction model', () => {
  const CHAMPION: string = '20260101_0000';
  const CHALLENGER: string = '20260102_0000';
  const KEY = '0f'.repeat(16);
  const FROM = WARM;
  const rolloutOf = (share: number): ActiveRollout => ({
    id: 'r1',
    stage: 'pilot',
    share,
    champion: CHAMPION!,
    challenger: CHALLENGER!,
    key: KEY,
    block_minutes: 5,
    timeframe: '1m',
  });

  const modelBy = (version: string, failAt?: number): DirectionModel =>
    version === CHAMPION ? readingModel(version, 1) : readingModel(version, -1, failAt);

  async function boot(changes: Partial<PipelineOptions> = {}): Promise<Bench> {
    const bench = openBench(settings, { ...INSTRUMENTS, pairs: [], ...changes });
    await feed(bench, 0, FROM);
    bench.pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set: modelBy(CHAMPION!) });
    return bench;
  }
  const begin = ({ pipeline }: Bench, share: number, failAt?: number): void =>
    pipeline.inputs.apply({ kind: 'rollout', rollout: rolloutOf(share), set: modelBy(CHALLENGER!, failAt) });

  it('decides nothing while another model than its champion is active, and ends with its state', async () => {
    const bench = await boot();
    const other = '20260103_0000';
    begin(bench, 1);
    bench.pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set: modelOf(other, () => RANGE) });
    await feed(bench, FROM, FROM + 5);
    expect([bench.pipeline.status.rollout, bench.shadows]).toEqual([null, []]);
    bench.pipeline.inputs.apply({ kind: 'direction', timeframe: '1m', set: modelBy(CHAMPION!) });
    await feed(bench, FROM + 5, FROM + 10);
    bench.pipeline.inputs.apply({ kind: 'rollout', rollout: null, set: null });
    await feed(bench, FROM + 10, FROM + 15);
    const versions = ofInstrument(bench)
      .slice(FROM)
      .map(({ model_version: version }) => version);
    expect(versions).toEqual([other, CHALLENGER, CHAMPION].flatMap((version) => new Array<string>(5).fill(version!)));
    expect(bench.shadows).toHaveLength(10);
  });

  it('is no rollout of pairs, whose signals stay as they are beside it', async () => {
    const alone = openBench(settings, INSTRUMENTS);
    const beside = openBench(settings, INSTRUMENTS);
    begin(beside, 1);
    for (const bench of [alone, beside]) await feed(bench, 0, 60);
    const ofPairs = ({ texts }: Bench): string[] => texts.filter((text) => !text.includes('"ml_up_prob"'));
    expect(ofPairs(beside)).toEqual(ofPairs(alone));
  });

  it('compares both arms without the stops of a person, which what is published obeys', async () => {
    const bench = await boot();
    begin(bench, 1);
    const standing = parseStanding(`${ID}@*`);
    bench.pipeline.inputs.apply({ kind: 'halts', standing });
    await feed(bench, FROM, FROM + 20);
    const actions = (bodies: readonly { readonly body: string }[]): Set<string> =>
      new Set(bodies.map(({ body }) => (JSON.parse(`${body}}`) as InstrumentSignal).action));
    expect(actions(bench.rows.slice(FROM))).not.toContain('ENTER');
    expect(actions(bench.shadows)).toContain('ENTER');
  });
});

it('a shadow of a direction model answers the instruments of its timeframe alone', async () => {
  const bench = await tradingBench();
  const shadow = (slot: 'direction 1m' | 'direction 5m'): void =>
    bench.pipeline.inputs.apply({ kind: 'shadow', slot, set: modelOf('20260102_0000', () => UP) });
  shadow('direction 5m');
  await feed(bench, WARM, WARM + 5);
  expect(bench.shadows).toEqual([]);
  shadow('direction 1m');
  await feed(bench, WARM + 5, WARM + 10);
  expect(bench.shadows.map(({ pairId }) => pairId)).toEqual(Array.from({ length: 5 }, () => ID));
});
