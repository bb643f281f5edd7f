import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as loopTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bar, EpochMs, OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { PairFeatures, warmupBars } from '../shared/core/features/features.ts';
import { MinutehandError } from '../shared/errors.ts';
import { parsePair, type Pair } from '../shared/pair.ts';
import { decisionPolicy } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { createConsumer } from '../shared/signal/consumer.ts';
import type { SignalBody } from '../shared/signal/signal.ts';
import { verifySignal } from '../shared/signal/verify.ts';
import { openJournal } from '../shared/store/journal.ts';
import { tinyBars, tinySettings, tinyModels } from '../test/tiny_models.ts';
import { recoveryStart } from './journal/recovery.ts';
import { bodiesOf, bodyOf, byMinute, openBench, START_MS, withInference, type Bench } from './pipeline.fixture.ts';
import type { Publication } from './publish/publish.ts';
import { barInput, emptyInput } from './queue/input.ts';

// The last pair shares a leg with each of two others.
const settings = tinySettings({
  minutehand: { pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD', 'EURUSD_AUDUSD'] },
});
const { windows, pairs: pairIds, feed } = settings.minutehand;
const PAIRS: readonly Pair[] = pairIds.map(parsePair);
const POLICY = decisionPolicy(settings);
const WARMUP = warmupBars(windows);
const MARKET = byMinute(tinyBars(settings, 900));

let folder: string;
let models: ModelSet;
let others: ModelSet;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-pipeline-'));
  const schema = featureSchema(windows);
  const load = async (seed: number): Promise<ModelSet> =>
    loadModelSet((await tinyModels(folder, { seed })).path, schema, PAIRS.length);
  models = await load(7);
  others = await load(8);
});
afterAll(async () => {
  await models.release();
  await others.release();
  rmSync(folder, { recursive: true, force: true });
});

const minute = (index: number): OpenTime => MARKET[index]!.time;
const barOf = (symbol: string, index: number): Bar => MARKET[index]!.bars.find((bar) => bar.symbol === symbol)!;
const ofPair = <T extends { pairId: string }>(rows: readonly T[], pairId: string): T[] =>
  rows.filter((row) => row.pairId === pairId);

function takeAll({ pipeline }: Bench, from: number, to: number, backfill = false): void {
  for (const { bars } of MARKET.slice(from, to)) for (const bar of bars) pipeline.inputs.take(barInput(bar, backfill));
}

/** A pipeline that is warm by history and has models. */
async function openWarm(set: ModelSet | null = models, until = WARMUP + 10): Promise<Bench> {
  const bench = openBench(settings);
  if (set !== null) bench.pipeline.inputs.apply({ kind: 'swap', set: set });
  takeAll(bench, 0, until, true);
  await bench.pipeline.settled();
  return bench;
}

/** The whole market, minute by minute, never interrupted. */
async function runMarket(set: ModelSet = models): Promise<Bench> {
  const bench = openBench(settings);
  bench.pipeline.inputs.apply({ kind: 'swap', set: set });
  for (let i = 0; i < MARKET.length; i++) {
    takeAll(bench, i, i + 1);
    await bench.pipeline.settled();
  }
  return bench;
}

let calm: Promise<Bench> | undefined;
/** The same, run once for all tests that only read it. */
const calmMarket = (): Promise<Bench> => (calm ??= runMarket());

describe('the pipeline', () => {
  it('answers every minute of every pair with a signal that verifies, seq gapless from 1, time ascending', async () => {
    const { signals, texts } = await calmMarket();
    expect(signals).toHaveLength(MARKET.length * PAIRS.length);
    expect(new Set(texts.map((text) => text.includes('\n')))).toEqual(new Set([false]));
    for (const { id } of PAIRS) {
      const mine = signals.filter((signal) => signal.pair_id === id);
      expect(mine.map(({ seq }) => seq)).toEqual(MARKET.map((_, i) => i + 1));
      expect(mine.map(({ timestamp }) => Date.parse(timestamp) / 1000)).toEqual(MARKET.map(({ time }) => time + 60));
      expect(new Set(mine.map(({ signal_id }) => signal_id)).size).toBe(MARKET.length);
      for (const { generated_at_ms, valid_until_ms } of mine)
        expect(valid_until_ms - generated_at_ms).toBe(2.5 * feed.interval_ms);
    }
    const reasons = new Set(signals.map(({ reason }) => reason));
    for (const reason of ['ENTRY', 'Z_EXIT', 'STOP', 'IN_POSITION', 'NO_SETUP', 'PROB_LOW', 'WARMUP'] as const)
      expect(reasons).toContain(reason);
  });

  it('is in WARMUP until the bar that fills the last window, then OK', async () => {
    const { signals } = await calmMarket();
    const modes = signals.filter(({ pair_id }) => pair_id === PAIRS[0]!.id).map(({ mode }) => mode);
    expect(modes.slice(0, WARMUP - 1)).toEqual(Array(WARMUP - 1).fill('WARMUP'));
    expect(modes.slice(WARMUP - 1)).toEqual(Array(MARKET.length - WARMUP + 1).fill('OK'));
  });

  it('moves the virtual positions by the documented rules, observed from outside', async () => {
    const bench = await calmMarket();
    let entries = 0;
    for (const pair of PAIRS) {
      const features = new PairFeatures(windows);
      let side = 0;
      let id = '';
      let entry = { alpha: 0, beta: 0, mean: 0, std: 0, z: 0, age: 0 };
      ofPair(bench.rows, pair.id).forEach((row, i) => {
        features.step(barOf(pair.a, i), barOf(pair.b, i));
        const body = bodyOf(row);
        const { z, alpha, beta, zMean, zStd, lnA, lnB } = features.frame;
        if (body.mode === 'WARMUP') return;
        expect([body.z_score, body.beta]).toEqual([z, beta]);
        if (side !== 0) {
          entry.age++;
          const frozen = (lnA - entry.alpha - entry.beta * lnB - entry.mean) / entry.std;
          const out = frozen * Math.sign(entry.z);
          const over =
            out <= POLICY.z_exit ||
            out >= Math.abs(entry.z) + POLICY.stop ||
            entry.age >= POLICY.max_age_bars ||
            body.risk_score! >= POLICY.risk_exit;
          expect([body.action, body.position_id]).toEqual([over ? 'EXIT' : 'HOLD', id]);
          if (over) side = 0;
        } else {
          const hedgeable = Math.abs(beta) >= POLICY.beta_min && Math.abs(beta) <= POLICY.beta_max;
          const enters =
            hedgeable &&
            Math.abs(z) >= POLICY.z_entry &&
            body.return_prob! > models.theta1 &&
            body.risk_score! < models.theta2;
          expect(body.action).toBe(enters ? 'ENTER' : 'HOLD');
          if (enters) {
            entries++;
            side = -Math.sign(z);
            id = body.signal_id;
            entry = { alpha, beta, mean: zMean, std: zStd, z, age: 0 };
            const a = side > 0 ? 'BUY' : 'SELL';
            const b = -side * Math.sign(beta) > 0 ? 'BUY' : 'SELL';
            expect(body.entry).toBe(`${a}_${pair.a}, ${b}_${pair.b}`);
          }
        }
        expect(body.target).toBe(side);
        expect((JSON.parse(row.position) as { side: number }).side).toBe(side);
      });
    }
    expect(entries).toBeGreaterThan(20);
  });

  it('gives the same bodies to the byte when it runs again', async () => {
    const one = await calmMarket();
    const two = await runMarket();
    expect(two.rows.map(({ body }) => body)).toEqual(one.rows.map(({ body }) => body));
    expect(two.inputs).toEqual(one.inputs);
  });

  it('answers the same however the bars are bunched', async () => {
    const until = WARMUP + 120;
    const stream = MARKET.slice(WARMUP, until).flatMap(({ bars }) => bars);
    const whole = await openWarm(models, WARMUP);
    takeAll(whole, WARMUP, until);
    await whole.pipeline.settled();
    const expected = PAIRS.map(({ id }) => ofPair(whole.rows, id).map(({ body, featuresCrc }) => [body, featuresCrc]));
    expect(expected[0]).toHaveLength(120);
    const bunch = fc.record({ bars: fc.integer({ min: 1, max: 40 }), wait: fc.constantFrom('no', 'turn', 'settled') });
    await fc.assert(
      fc.asyncProperty(fc.array(bunch, { minLength: 1, maxLength: 200 }), async (bunches) => {
        const bench = await openWarm(models, WARMUP);
        let at = 0;
        for (let i = 0; at < stream.length; i++) {
          const { bars, wait } = bunches[i % bunches.length]!;
          for (const bar of stream.slice(at, at + bars)) bench.pipeline.inputs.take(barInput(bar, false));
          at += bars;
          if (wait === 'turn') await loopTurn();
          if (wait === 'settled') await bench.pipeline.settled();
        }
        await bench.pipeline.settled();
        const seen = PAIRS.map(({ id }) => ofPair(bench.rows, id).map(({ body, featuresCrc }) => [body, featuresCrc]));
        expect(seen).toEqual(expected);
      }),
      { numRuns: 15 },
    );
  });

  it('scores the minutes of one loop turn as one batch, never a pair twice in it', async () => {
    const bench = await openWarm();
    takeAll(bench, WARMUP + 10, WARMUP + 13);
    await bench.pipeline.settled();
    expect(bench.batches).toEqual([4, 4, 4]);
  });

  it('gives a large batch piece by piece, in order, to a socket that takes pieces, and whole to the others', async () => {
    const symbols = Array.from({ length: 25 }, (_, i) => `${String.fromCharCode(65 + i)}AAUSD`);
    const costs = settings.minutehand.symbols['EURUSD']!;
    const wide = { ...settings.minutehand, symbols: Object.fromEntries(symbols.map((symbol) => [symbol, costs])) };
    const pairs = symbols.flatMap((a, i) => symbols.slice(i + 1).map((b) => parsePair(`${a}_${b}`)));
    const log: string[] = [];
    const socket = (name: 'websocket' | 'redis', pieces: object) => ({
      name,
      ...pieces,
      failures: 0,
      close: () => Promise.resolve(),
      publish: (batch: readonly Publication[]): void => {
        log.push(`${name} ${batch.length}`);
        for (const { text } of batch) texts[name].push(text);
      },
    });
    const texts = { websocket: [] as string[], redis: [] as string[] };
    const { pipeline, rows } = openBench(
      { ...settings, minutehand: wide },
      {
        pairs,
        sockets: [socket('websocket', { firstPiece: 2 }), socket('redis', {})],
      },
    );
    for (const symbol of symbols) pipeline.inputs.take(barInput({ ...barOf('EURUSD', 0), symbol }, false));
    await pipeline.settled();
    expect(log).toEqual(['websocket 2', 'websocket 128', 'websocket 128', 'websocket 42', 'redis 300']);
    expect(texts.websocket).toEqual(texts.redis);
    const published = texts.redis.map((text) => verifySignal(text, START_MS).pair_id);
    expect(rows.map(({ pairId }) => pairId)).toEqual(published);
    expect([...published].sort()).toEqual(pairs.map(({ id }) => id).sort());
  });

  it('updates features by backfill, and publishes nothing for it', async () => {
    const live = await calmMarket();
    const bench = await openWarm(models, 400);
    expect(bench.signals).toEqual([]);
    expect(bench.pipeline.status.readyPairs).toBe(PAIRS.length);
    takeAll(bench, 400, 401);
    await bench.pipeline.settled();
    expect(bench.signals.map(({ seq, mode }) => [seq, mode])).toEqual(Array(4).fill([1, 'OK']));
    for (const row of bench.rows)
      expect(row.featuresCrc).toBe(ofPair(live.rows, row.pairId).find(({ time }) => time === row.time)!.featuresCrc);
  });

  it('is HALT without models, and OK at the first bar after they arrive', async () => {
    const bench = await openWarm(null);
    takeAll(bench, WARMUP + 10, WARMUP + 11);
    await bench.pipeline.settled();
    const halted = { mode: 'HALT', reason: 'NO_MODEL', theta1: null, return_prob: null, model_version: '' };
    for (const signal of bench.signals) expect(signal).toMatchObject(halted);
    expect(bench.signals[0]!.z_score).not.toBeNull();
    bench.pipeline.inputs.apply({ kind: 'swap', set: models });
    takeAll(bench, WARMUP + 11, WARMUP + 12);
    await bench.pipeline.settled();
    for (const signal of bench.signals.slice(4)) expect(signal).toMatchObject({ mode: 'OK', theta1: models.theta1 });
  });

  it('enters nothing where the models have shown no edge', async () => {
    const edged = PAIRS[1]!.id;
    const cautious = tinySettings({ core: { require_edge: true }, minutehand: { pairs: pairIds } });
    const bench = openBench(cautious);
    bench.pipeline.inputs.apply({ kind: 'swap', set: { ...models, hasEdge: (pairId) => pairId === edged } });
    takeAll(bench, 0, MARKET.length);
    await bench.pipeline.settled();
    for (const { id } of PAIRS) {
      const mine = bench.signals.filter(({ pair_id, mode }) => pair_id === id && mode === 'OK');
      const reasons = new Set(mine.map(({ reason }) => reason));
      if (id === edged) expect(reasons).toContain('ENTRY');
      else expect(reasons).toEqual(new Set(['NO_EDGE']));
    }
  });
});

describe('the expiry of a live signal', () => {
  const expiryOf = async (lateMs: number): Promise<{ age: number; validFor: number }> => {
    const last = WARMUP + 5;
    const closeMs = (minute(last) + 60) * 1000;
    const texts: string[] = [];
    const nowMs = closeMs + lateMs;
    const bench = openBench(settings, {
      market: 'live',
      clock: { nowMs: () => nowMs as EpochMs, monotonicUs: () => 0 },
      sockets: [
        {
          name: 'websocket',
          failures: 0,
          publish: (batch) => void texts.push(...batch.map(({ text }) => text)),
          close: () => Promise.resolve(),
        },
      ],
    });
    takeAll(bench, 0, last, true);
    takeAll(bench, last, last + 1);
    await bench.pipeline.settled();
    const { generated_at_ms, valid_until_ms } = verifySignal(texts[0]!);
    return { age: generated_at_ms - closeMs, validFor: valid_until_ms - nowMs };
  };

  it('counts from the publication when the bar came within an interval of its close', async () => {
    for (const lateMs of [0, 900, feed.interval_ms])
      expect((await expiryOf(lateMs)).validFor).toBe(2.5 * feed.interval_ms);
  });

  it('counts from the bar when the answer is late, so that no consumer enters on an old minute', async () => {
    expect((await expiryOf(2 * feed.interval_ms)).validFor).toBe(1.5 * feed.interval_ms);
    expect((await expiryOf(60 * feed.interval_ms)).validFor).toBeLessThan(0);
  });
});

describe('a minute with a leg missing', () => {
  const A = 'XAUUSD';
  const B = 'XAGUSD';
  const pairId = 'XAUUSD_XAGUSD';
  const now = WARMUP + 10;

  it('ends after the straggler time-out, not before, and its bar never enters the features', async () => {
    const bench = await openWarm();
    bench.pipeline.inputs.take(barInput(barOf(A, now), false));
    bench.passMs(feed.straggler_timeout_ms - 1);
    bench.pipeline.inputs.expire();
    await bench.pipeline.settled();
    expect(bench.signals).toEqual([]);
    bench.passMs(1);
    bench.pipeline.inputs.expire();
    await bench.pipeline.settled();
    expect(bench.signals).toHaveLength(1);
    expect(bench.signals[0]).toMatchObject({
      pair_id: pairId,
      reason: 'LEG_MISSING',
      action: 'HOLD',
      mode: 'OK',
      z_score: null,
      price_a: barOf(A, now).close,
      price_b: null,
    });
    expect(bench.rows[0]!.featuresCrc).toBeNull();
    expect(bench.inputs.at(-1)).toMatchObject({ kind: 'timeout', subject: pairId, time: minute(now) });
    expect(bench.pipeline.inputs.take(barInput(barOf(B, now), false))).toBe('late');
    for (const symbol of [A, B]) bench.pipeline.inputs.take(barInput(barOf(symbol, now + 1), false));
    await bench.pipeline.settled();

    const without = await openWarm();
    for (const symbol of [A, B]) without.pipeline.inputs.take(barInput(barOf(symbol, now + 1), false));
    await without.pipeline.settled();
    expect(bench.rows[1]!.featuresCrc).toBe(without.rows[0]!.featuresCrc);
    expect(bench.rows[1]!.body).toBe(without.rows[0]!.body);
    expect(bench.signals.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it('ends at once when that leg is already at a later minute', async () => {
    const bench = await openWarm();
    bench.pipeline.inputs.take(barInput(barOf(A, now), false));
    bench.pipeline.inputs.take(barInput(barOf(B, now + 1), false));
    await bench.pipeline.settled();
    expect(bench.signals.map(({ reason }) => reason)).toEqual(['LEG_MISSING']);
    expect(bench.pipeline.inputs.take(barInput(barOf(B, now), false))).toBe('out_of_order');
    bench.pipeline.inputs.take(barInput(barOf(A, now + 1), false));
    await bench.pipeline.settled();
    expect(bench.signals.map(({ reason, price_a }) => [reason === 'LEG_MISSING', price_a])).toEqual([
      [true, barOf(A, now).close],
      [false, barOf(A, now + 1).close],
    ]);
  });

  it('does not wait for a leg that is marked empty', async () => {
    const bench = await openWarm();
    bench.pipeline.inputs.take(barInput(barOf(A, now), false));
    bench.pipeline.inputs.take(emptyInput(B, minute(now), false));
    await bench.pipeline.settled();
    expect(bench.signals[0]).toMatchObject({
      reason: 'LEG_EMPTY',
      price_a: barOf(A, now).close,
      price_b: null,
      beta: null,
    });
    expect(bench.rows[0]!.featuresCrc).toBeNull();
  });

  it('keeps an open position open, and does not age it', async () => {
    const whole = await calmMarket();
    const entryRow = ofPair(whole.rows, pairId).find((row, i, all) => {
      return bodyOf(row).action === 'ENTER' && all.slice(i + 1, i + 4).every((next) => bodyOf(next).target !== 0);
    })!;
    const entryIndex = MARKET.findIndex(({ time }) => time === entryRow.time);
    const bench = await openWarm(models, WARMUP);
    takeAll(bench, WARMUP, entryIndex + 1);
    bench.pipeline.inputs.take(barInput(barOf(A, entryIndex + 1), false));
    bench.pipeline.inputs.take(barInput(barOf(B, entryIndex + 2), false));
    bench.pipeline.inputs.take(barInput(barOf(A, entryIndex + 2), false));
    await bench.pipeline.settled();
    const [entry, missing, next] = ofPair(bench.rows, pairId).slice(-3);
    expect([entry, missing, next].map((row) => (JSON.parse(row!.position) as { ageBars: number }).ageBars)).toEqual([
      0, 0, 1,
    ]);
    expect(bodyOf(missing!)).toMatchObject({
      reason: 'LEG_MISSING',
      target: bodyOf(entry!).target,
      position_id: entry!.signalId,
    });
  });

  it('is published once even when the minute is abandoned repeatedly', async () => {
    const bench = await openWarm();
    bench.pipeline.inputs.take(barInput(barOf(A, now), false));
    for (let i = 0; i < 3; i++) bench.pipeline.inputs.endMinute();
    bench.passMs(1e6);
    bench.pipeline.inputs.expire();
    await bench.pipeline.settled();
    expect(bench.signals).toHaveLength(1);
  });
});

describe('a swap of models', () => {
  it('changes model_version between two bars, for all pairs at once, and leaves no gap in seq', async () => {
    const bench = await openWarm();
    const first = WARMUP + 10;
    takeAll(bench, first, first + 5);
    bench.pipeline.inputs.apply({ kind: 'swap', set: others });
    takeAll(bench, first + 5, first + 10);
    await bench.pipeline.settled();
    expect(bench.swaps).toEqual([models.version, others.version]);
    for (const { id } of PAIRS) {
      const mine = bench.signals.filter(({ pair_id }) => pair_id === id);
      expect(mine.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      expect(mine.map(({ model_version }) => model_version)).toEqual([
        ...Array<string>(5).fill(models.version),
        ...Array<string>(5).fill(others.version),
      ]);
    }
    const kinds = bench.inputs.map(({ kind, subject }) => (kind === 'swap' ? subject : ''));
    const swapAt = kinds.lastIndexOf(others.version);
    expect(bench.inputs[swapAt]!.time).toBe(minute(first + 4));
    expect(bench.inputs[swapAt - 1]!.time).toBe(minute(first + 4));
    expect(bench.inputs[swapAt + 1]!.time).toBe(minute(first + 5));
  });

  it('releases only the set before the last one, because the last one is the fallback', async () => {
    const released: string[] = [];
    const named = (name: string): ModelSet => ({
      ...models,
      version: name,
      release: () => (released.push(name), Promise.reject(new Error('will not be released'))),
    });
    const bench = openBench(settings);
    for (const name of ['one', 'two', 'three']) bench.pipeline.inputs.apply({ kind: 'swap', set: named(name) });
    await bench.pipeline.settled();
    expect(released).toEqual(['one']);
    expect(bench.pipeline.status.models!.version).toBe('three');
  });

  it('falls back after four swaps on the set directly before the one that fails, which was not released', async () => {
    const released = new Set<string>();
    let failing = false;
    const named = (version: string): ModelSet => ({
      ...withInference(models, (right) => (features, rows) => {
        if (released.has(version)) throw new Error(`${version} is released`);
        if (failing && version === 'four') throw new Error('session lost');
        return right(features, rows);
      }),
      version,
      release: () => (released.add(version), Promise.resolve()),
    });
    const bench = await openWarm(null);
    const first = WARMUP + 10;
    for (const [index, name] of ['one', 'two', 'three', 'four'].entries()) {
      bench.pipeline.inputs.apply({ kind: 'swap', set: named(name) });
      takeAll(bench, first + index, first + index + 1);
      await bench.pipeline.settled();
    }
    expect([...released]).toEqual(['one', 'two']);
    failing = true;
    takeAll(bench, first + 4, first + 5);
    await bench.pipeline.settled();
    expect(bench.failures).toEqual([{ code: undefined, failed: 'four', fallback: 'three' }]);
    const versions = bench.signals
      .filter(({ pair_id }) => pair_id === PAIRS[0]!.id)
      .map((signal) => signal.model_version);
    expect(versions).toEqual(['one', 'two', 'three', 'four', 'three']);
    expect([...released]).toEqual(['one', 'two', 'four']);
  });
});

describe('models that fail', () => {
  const failures: [string, ModelSet['infer'], string | undefined][] = [
    ['throw', () => Promise.reject(new Error('session lost')), undefined],
    [
      'answer NaN',
      () => Promise.reject(new MinutehandError('MODEL_OUTPUT', { seen: 'ai1 answered NaN' })),
      'MODEL_OUTPUT',
    ],
  ];

  it.each(failures)(
    'when they %s, the last good set answers that very bar, in mode DEGRADED',
    async (_, infer, code) => {
      const bench = await openWarm();
      const first = WARMUP + 10;
      takeAll(bench, first, first + 1);
      let failing = false;
      const bad = withInference(
        { ...others, version: 'bad' },
        (right) => (features, rows) => (failing ? infer(features, rows) : right(features, rows)),
      );
      bench.pipeline.inputs.apply({ kind: 'swap', set: bad });
      takeAll(bench, first + 1, first + 2);
      await bench.pipeline.settled();
      failing = true;
      takeAll(bench, first + 2, first + 4);
      await bench.pipeline.settled();
      const mine = bench.signals.filter(({ pair_id }) => pair_id === PAIRS[0]!.id);
      expect(mine.map(({ model_version, mode }) => [model_version, mode])).toEqual([
        [models.version, 'OK'],
        ['bad', 'OK'],
        [models.version, 'DEGRADED'],
        [models.version, 'DEGRADED'],
      ]);
      expect(mine.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
      expect(bench.failures).toEqual([{ code, failed: 'bad', fallback: models.version }]);
      expect([...bench.pipeline.status.degradations]).toEqual(['models']);
      bench.pipeline.inputs.apply({ kind: 'swap', set: others });
      takeAll(bench, first + 4, first + 5);
      await bench.pipeline.settled();
      expect(bench.signals.at(-1)).toMatchObject({ mode: 'OK', model_version: others.version });
      expect(bench.pipeline.status.degradations.size).toBe(0);
    },
  );

  it.each(failures)('when they %s and there is no good set, mode is HALT and only exits happen', async (_, infer) => {
    const whole = await calmMarket();
    const { id } = PAIRS[2]!;
    const mine = ofPair(whole.rows, id).map(bodyOf);
    const exitAt = mine.findIndex(({ reason }, i) => reason === 'Z_EXIT' && mine[i - 2]?.reason === 'IN_POSITION');
    let failing = false;
    const bad = withInference(
      models,
      (right) => (features, rows) => (failing ? infer(features, rows) : right(features, rows)),
    );
    const bench = await openWarm(bad, WARMUP);
    takeAll(bench, WARMUP, exitAt - 1);
    await bench.pipeline.settled();
    failing = true;
    takeAll(bench, exitAt - 1, MARKET.length);
    await bench.pipeline.settled();
    const after = bench.signals.filter(({ pair_id }) => pair_id === id).slice(exitAt - 1 - WARMUP);
    expect(after.slice(0, 3)).toMatchObject([
      { mode: 'HALT', reason: 'IN_POSITION', return_prob: null },
      { mode: 'HALT', action: 'EXIT', reason: 'Z_EXIT' },
      { mode: 'HALT', reason: 'NO_MODEL' },
    ]);
    expect(after.filter(({ action }) => action === 'ENTER')).toEqual([]);
    expect(bench.failures).toHaveLength(1);
  });
});

describe('recovery', () => {
  it('continues byte for byte where it was killed, whatever had been journaled or answered', async () => {
    const until = 300;
    const bench = openBench(settings);
    bench.pipeline.inputs.apply({ kind: 'swap', set: models });
    takeAll(bench, 0, WARMUP, true);
    await bench.pipeline.settled();
    const answeredAfter: number[] = [];
    for (let i = WARMUP; i < until; i++) {
      for (const bar of MARKET[i]!.bars) {
        // Silver is sometimes empty, sometimes late, and sterling's feed has holes.
        if (bar.symbol === 'XAGUSD' && i % 29 === 0)
          bench.pipeline.inputs.take(emptyInput(bar.symbol, bar.time, false));
        else if (bar.symbol === 'GBPUSD' && i % 31 < 2) continue;
        else if (bar.symbol === 'XAGUSD' && i % 17 === 0) continue;
        else bench.pipeline.inputs.take(barInput(bar, false));
        await bench.pipeline.settled();
        answeredAfter.push(...Array<number>(bench.rows.length - answeredAfter.length).fill(bench.inputs.length));
      }
      bench.passMs(feed.straggler_timeout_ms);
      if (i % 17 === 0) bench.pipeline.inputs.expire();
      await bench.pipeline.settled();
      answeredAfter.push(...Array<number>(bench.rows.length - answeredAfter.length).fill(bench.inputs.length));
      if (i % 17 === 0) bench.pipeline.inputs.take(barInput(barOf('XAGUSD', i), false));
    }
    await bench.pipeline.settled();
    expect(bench.signals.filter(({ reason }) => reason === 'LEG_MISSING').length).toBeGreaterThan(20);

    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: bench.inputs.length }),
        fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60 })),
        async (journaled, unansweredInputs) => {
          const answered = answeredAfter.filter((input) => input <= journaled - unansweredInputs).length;
          const store = openJournal(':memory:');
          store.append(bench.inputs.slice(0, journaled), bench.rows.slice(0, answered));
          const again = openBench(settings);
          await again.pipeline.recover(store.inputsFrom(recoveryStart(store, PAIRS, WARMUP)), store.lastSignals(), () =>
            Promise.resolve(again.pipeline.inputs.apply({ kind: 'swap', set: models })),
          );
          store.close();
          for (const { kind, subject, time, bar, backfill } of bench.inputs.slice(journaled)) {
            if (kind === 'timeout') again.pipeline.inputs.endMinute();
            else if (kind === 'empty') again.pipeline.inputs.take(emptyInput(subject, time, backfill));
            else if (kind === 'bar') again.pipeline.inputs.take(barInput(bar!, backfill));
          }
          await again.pipeline.settled();
          for (const { id } of PAIRS) {
            const whole = ofPair(bench.rows, id);
            const parts = [...ofPair(bench.rows.slice(0, answered), id), ...ofPair(again.rows, id)];
            const essence = ({ body, featuresCrc, position, riskProb }: (typeof whole)[number]): unknown[] => [
              body,
              featuresCrc,
              position,
              riskProb,
            ];
            expect(parts.map(essence)).toEqual(whole.map(essence));
            expect(ofPair(again.rows, id).map(({ seq }) => seq)).toEqual(ofPair(again.rows, id).map((_, i) => i + 1));
          }
        },
      ),
      { numRuns: 40 },
    );
  }, 120_000);

  it('journals no input twice, and recognizes the bars it has', async () => {
    const whole = await calmMarket();
    const store = openJournal(':memory:');
    store.append(whole.inputs, whole.rows);
    const again = openBench(settings);
    await again.pipeline.recover(store.inputsFrom(recoveryStart(store, PAIRS, WARMUP)), store.lastSignals(), () =>
      Promise.resolve(),
    );
    store.close();
    expect(again.inputs.map(({ kind }) => kind)).toEqual(['boot']);
    expect(again.rows).toEqual([]);
    expect(again.pipeline.status.lastTimes).toEqual(whole.pipeline.status.lastTimes);
    expect(again.pipeline.status.readyPairs).toBe(PAIRS.length);
    const last = MARKET.length - 1;
    expect(again.pipeline.inputs.take(barInput(barOf('EURUSD', last), false))).toBe('duplicate');
    expect(again.pipeline.inputs.take(barInput({ ...barOf('EURUSD', last), volume: 1e9 }, false))).toBe('revised');
    expect(again.pipeline.inputs.take(barInput(barOf('EURUSD', 0), false))).toBe('out_of_order');
  });

  it('starts from nothing with an empty journal', async () => {
    const store = openJournal(':memory:');
    expect(recoveryStart(store, PAIRS, WARMUP)).toBe(0);
    store.close();
    const bench = openBench(settings);
    let asked = 0;
    await bench.pipeline.recover([], [], () => Promise.resolve(void asked++));
    expect([bench.signals, asked]).toEqual([[], 1]);
    expect(bodiesOf(bench.rows, PAIRS[0]!.id)).toEqual([]);
  });
});

describe('silence', () => {
  const { interval_ms: interval, silence_degraded_intervals: degraded, silence_halt_intervals: halted } = feed;

  it('is published for the pair: DEGRADED after the configured delay, then HALT, once each interval, until a bar ends it', async () => {
    const bench = await openWarm();
    const now = WARMUP + 10;
    takeAll(bench, now, now + 1);
    await bench.pipeline.settled();
    const check = async (passedMs: number): Promise<void> => {
      bench.passMs(passedMs);
      bench.pipeline.inputs.checkSilence();
      bench.pipeline.inputs.checkSilence();
      await bench.pipeline.settled();
    };
    await check(degraded * interval - 1);
    expect(bench.signals).toHaveLength(PAIRS.length);
    expect(bench.pipeline.status.silentPairs).toEqual([]);
    await check(1);
    expect(bench.pipeline.status.silentPairs).toEqual(pairIds);
    const heartbeatsUntilHalt = Math.ceil(halted - degraded);
    for (let i = 0; i <= heartbeatsUntilHalt; i++) await check(interval);
    const mine = bench.signals.filter(({ pair_id }) => pair_id === pairIds[0]);
    expect(mine.map(({ reason, mode }) => [reason, mode]).slice(1)).toEqual([
      ...Array<string[]>(heartbeatsUntilHalt).fill(['SILENCE', 'DEGRADED']),
      ['SILENCE', 'HALT'],
      ['SILENCE', 'HALT'],
    ]);
    expect(mine.map(({ seq }) => seq)).toEqual(mine.map((_, i) => i + 1));
    expect(new Set(mine.map(({ signal_id }) => signal_id)).size).toBe(mine.length);
    const { z_score, return_prob, risk_score, beta, price_a, price_b, timestamp, target } = mine[0]!;
    for (const heartbeat of mine.slice(1)) {
      expect(heartbeat).toMatchObject({ z_score, return_prob, risk_score, beta, price_a, price_b, timestamp });
      expect(heartbeat).toMatchObject({ action: 'HOLD', entry: '', target });
      expect(heartbeat.valid_until_ms - heartbeat.generated_at_ms).toBe(2.5 * interval);
    }
    takeAll(bench, now + 1, now + 2);
    await bench.pipeline.settled();
    expect(bench.signals.at(-1)).toMatchObject({
      mode: 'OK',
      timestamp: new Date((minute(now + 1) + 60) * 1000).toISOString().replace('.000', ''),
    });
    expect(bench.pipeline.status.silentPairs).toEqual([]);
  });

  it('reaches the consumers of a live market however long it lasts: they accept each heartbeat, and halt from the HALT on', async () => {
    const degradedIntervals = 2.5;
    const haltIntervals = 5;
    const intervals = 200;
    const closeMs = (minute(WARMUP) + 60) * 1000;
    let passedMs = 0;
    const texts: string[] = [];
    const bench = openBench(settings, {
      market: 'live',
      silence: { degradedIntervals, haltIntervals },
      sockets: [
        {
          name: 'websocket',
          failures: 0,
          publish: (batch) => texts.push(...batch.map(({ text }) => text)),
          close: () => Promise.resolve(),
        },
      ],
      clock: { nowMs: () => (closeMs + passedMs) as EpochMs, monotonicUs: () => passedMs * 1000 },
    });
    bench.pipeline.inputs.apply({ kind: 'swap', set: models });
    takeAll(bench, 0, WARMUP, true);
    takeAll(bench, WARMUP, WARMUP + 1);
    await bench.pipeline.settled();
    const consumer = createConsumer({ markets: ['live'], maxClockSkewMs: 0 });
    const ordersOf = (text: string): string => {
      const verdict = consumer.take(text, closeMs + passedMs);
      if (verdict.verdict === 'refuse') return `${verdict.code}: ${verdict.seen}`;
      return verdict.orders.map(({ order }) => order).join();
    };
    expect(texts.splice(0).map(ordersOf)).toEqual(PAIRS.map(() => 'hold'));
    for (let passed = 1; passed <= intervals; passed++) {
      passedMs = passed * interval;
      bench.pipeline.inputs.checkSilence();
      await bench.pipeline.settled();
      const order = passed < haltIntervals ? 'hold' : 'halt';
      expect(texts.splice(0).map(ordersOf)).toEqual(passed < degradedIntervals ? [] : PAIRS.map(() => order));
      expect(bench.pipeline.status.expiredPairs).toEqual([]);
    }
  });

  it('changes nothing: later signals are the same as without it', async () => {
    const calm = await calmMarket();
    const bench = openBench(settings);
    bench.pipeline.inputs.apply({ kind: 'swap', set: models });
    for (let i = 0; i < MARKET.length; i++) {
      takeAll(bench, i, i + 1);
      await bench.pipeline.settled();
      if (i % 50 !== 49) continue;
      bench.passMs((degraded + (i % 3) * 2) * interval);
      bench.pipeline.inputs.checkSilence();
      await bench.pipeline.settled();
    }
    const spoken = bench.rows.filter((row) => bodyOf(row).reason !== 'SILENCE');
    expect(bench.rows.length).toBeGreaterThan(spoken.length);
    const essence = ({ pairId, body, featuresCrc, position }: (typeof spoken)[number]): unknown[] => [
      pairId,
      body,
      featuresCrc,
      position,
    ];
    expect(spoken.map(essence)).toEqual(calm.rows.map(essence));
  });

  it('affects one pair: others continue in mode OK', async () => {
    const bench = await openWarm();
    for (let i = WARMUP + 10; i < WARMUP + 16; i++) {
      for (const bar of MARKET[i]!.bars)
        if (!bar.symbol.startsWith('XA')) bench.pipeline.inputs.take(barInput(bar, false));
      bench.passMs((degraded * interval) / 3);
      bench.pipeline.inputs.checkSilence();
      await bench.pipeline.settled();
    }
    expect(bench.pipeline.status.silentPairs).toEqual([pairIds[0]]);
    expect(bench.signals.filter(({ pair_id }) => pair_id !== pairIds[0]).every(({ mode }) => mode === 'OK')).toBe(true);
    expect(bench.signals.filter(({ pair_id }) => pair_id === pairIds[0]).map(({ reason }) => reason)).toContain(
      'SILENCE',
    );
  });

  it('is not counted before bars can be expected, and a pair that never had one repeats nothing', async () => {
    const bench = await openWarm();
    bench.passMs(100 * interval);
    bench.pipeline.expectNoBars();
    bench.pipeline.inputs.checkSilence();
    await bench.pipeline.settled();
    const fresh = openBench(settings);
    fresh.passMs(100 * interval);
    fresh.pipeline.inputs.checkSilence();
    await fresh.pipeline.settled();
    expect([bench.signals, fresh.signals, fresh.inputs]).toEqual([[], [], []]);
  });

  it('is not ended by backfill, which publishes nothing', async () => {
    const bench = await openWarm();
    for (let i = 0; i < 3; i++) {
      takeAll(bench, WARMUP + 10 + i, WARMUP + 11 + i, true);
      bench.passMs((halted * interval) / 3);
      bench.pipeline.inputs.checkSilence();
      await bench.pipeline.settled();
    }
    expect(bench.signals.slice(-PAIRS.length).map(({ reason, mode }) => `${reason} ${mode}`)).toEqual(
      PAIRS.map(() => 'SILENCE HALT'),
    );
    expect(bench.pipeline.status.silentPairs).toEqual(pairIds);
    takeAll(bench, WARMUP + 13, WARMUP + 14);
    await bench.pipeline.settled();
    expect(bench.pipeline.status.silentPairs).toEqual([]);
  });

  it('continues after a restart with its own ids', async () => {
    const bench = await openWarm();
    const now = WARMUP + 10;
    takeAll(bench, now, now + 1);
    bench.passMs(degraded * interval);
    bench.pipeline.inputs.checkSilence();
    await bench.pipeline.settled();
    const store = openJournal(':memory:');
    store.append(bench.inputs, bench.rows);
    const again = openBench(settings);
    await again.pipeline.recover(store.inputsFrom(recoveryStart(store, PAIRS, WARMUP)), store.lastSignals(), () =>
      Promise.resolve(again.pipeline.inputs.apply({ kind: 'swap', set: models })),
    );
    store.close();
    again.passMs(degraded * interval);
    again.pipeline.inputs.checkSilence();
    await again.pipeline.settled();
    expect(again.signals.map(({ reason }) => reason)).toEqual(Array(PAIRS.length).fill('SILENCE'));
    const before = new Set(bench.signals.map(({ signal_id }) => signal_id));
    expect(again.signals.filter(({ signal_id }) => before.has(signal_id))).toEqual([]);
  });
});

describe('the end of a daemon', () => {
  const recovered = async (from: Bench): Promise<Bench> => {
    const store = openJournal(':memory:');
    store.append(from.inputs, from.rows);
    const again = openBench(settings);
    await again.pipeline.recover(store.inputsFrom(recoveryStart(store, PAIRS, WARMUP)), store.lastSignals(), () =>
      Promise.resolve(again.pipeline.inputs.apply({ kind: 'swap', set: models })),
    );
    store.close();
    // Earlier inputs belong to the same journal.
    again.inputs.unshift(...from.inputs);
    again.rows.unshift(...from.rows);
    return again;
  };

  it('is published for every pair that had a minute: HALT, with the numbers of its last bar, and an unchanged position', async () => {
    const bench = await openWarm();
    const fresh = openBench(settings);
    fresh.pipeline.inputs.shutDown();
    await fresh.pipeline.settled();
    expect([fresh.signals, fresh.inputs]).toEqual([[], []]);
    const now = WARMUP + 10;
    takeAll(bench, now, now + 1);
    bench.pipeline.inputs.shutDown();
    await bench.pipeline.settled();
    expect(bench.signals).toHaveLength(2 * pairIds.length);
    for (const last of bench.signals.slice(pairIds.length)) {
      const { timestamp, z_score, return_prob, beta, price_a, target, position_id, signal_id } = bench.signals.find(
        ({ pair_id }) => pair_id === last.pair_id,
      )!;
      expect(last).toMatchObject({ timestamp, z_score, return_prob, beta, price_a, target, position_id });
      expect(last).toMatchObject({ action: 'HOLD', reason: 'SHUTDOWN', mode: 'HALT', seq: 2 });
      expect(last.signal_id).not.toBe(signal_id);
      expect(last.valid_until_ms - last.generated_at_ms).toBe(2.5 * feed.interval_ms);
    }
    expect(bench.inputs.slice(-pairIds.length).map(({ kind, subject }) => [kind, subject])).toEqual(
      pairIds.map((id) => ['shutdown', id]),
    );
  });

  it('changes nothing: a daemon that restarts repeatedly publishes the same for every minute as one that never ended', async () => {
    const calm = await calmMarket();
    let bench = openBench(settings);
    bench.pipeline.inputs.apply({ kind: 'swap', set: models });
    let ends = 0;
    for (let i = 0; i < MARKET.length; i++) {
      takeAll(bench, i, i + 1);
      await bench.pipeline.settled();
      if (i % 200 !== 199) continue;
      // Twice after the same minute, too.
      for (let times = 0; times < 1 + (Math.floor(i / 200) % 2); times++) {
        ends++;
        bench.pipeline.inputs.shutDown();
        await bench.pipeline.settled();
        bench = await recovered(bench);
      }
    }
    const ofMinutes = bench.rows.filter((row) => bodyOf(row).reason !== 'SHUTDOWN');
    const finalHeartbeats = bench.rows.filter((row) => bodyOf(row).reason === 'SHUTDOWN');
    expect(finalHeartbeats).toHaveLength(ends * PAIRS.length);
    expect(new Set(finalHeartbeats.map(({ signalId }) => signalId)).size).toBe(finalHeartbeats.length);
    for (const { id } of PAIRS) {
      expect(bodiesOf(ofMinutes, id)).toEqual(bodiesOf(calm.rows, id));
      const positions = (rows: Bench['rows']): string[] => ofPair(rows, id).map(({ position }) => position);
      expect(positions(ofMinutes)).toEqual(positions(calm.rows));
    }
  });
});

describe('a halt', () => {
  const halted = PAIRS[0]!.id;
  const other = PAIRS[1]!.id;
  const of = (set: ModelSet, pair_id = halted): { pair_id: string; version: string } => ({
    pair_id,
    version: set.version,
  });

  it('keeps its pair from entering, in mode HALT; an open position continues to its exit; others are not affected', async () => {
    const free = await calmMarket();
    const bench = openBench(settings);
    bench.pipeline.inputs.apply({ kind: 'swap', set: models });
    const rng = createRng('halts');
    const isHalted: boolean[] = [];
    for (let i = 0; i < MARKET.length; i++) {
      if (rng.integer(8) === 0)
        bench.pipeline.inputs.apply({
          kind: 'halts',
          standing: { halts: rng.integer(2) === 0 ? [] : [of(models)], resumed: [] },
        });
      isHalted.push(bench.pipeline.status.haltedPairs.includes(halted));
      takeAll(bench, i, i + 1);
      await bench.pipeline.settled();
      isHalted[i] = bench.pipeline.status.haltedPairs.includes(halted);
    }
    for (const { id } of PAIRS.slice(1)) expect(bodiesOf(bench.rows, id)).toEqual(bodiesOf(free.rows, id));
    const numbers = ({ z_score, beta, return_prob, risk_score, position_scale, confidence }: SignalBody): unknown => [
      z_score,
      beta,
      return_prob,
      risk_score,
      position_scale,
      confidence,
    ];
    const freeBodies = ofPair(free.rows, halted).map(bodyOf);
    let held = 0;
    let wouldEnter = 0;
    let exits = 0;
    let before = { target: 0, position_id: '' };
    ofPair(bench.rows, halted)
      .map(bodyOf)
      .forEach((body, i) => {
        const was = freeBodies[i]!;
        expect(numbers(body)).toEqual(numbers(was));
        expect(body.signal_id).toBe(was.signal_id);
        if (!isHalted[i]) {
          expect(body.mode).toBe(was.mode);
          expect(body.reason).not.toBe('KPI_HALT');
        } else if (was.mode !== 'WARMUP') {
          expect(body.mode).toBe('HALT');
          expect(body.action).not.toBe('ENTER');
          if (before.target === 0) {
            expect(body).toMatchObject({ action: 'HOLD', reason: 'KPI_HALT', target: 0, position_id: '', entry: '' });
            if (was.action === 'ENTER') wouldEnter++;
          } else {
            held++;
            expect(body.position_id).toBe(before.position_id);
            if (body.action === 'EXIT') exits++;
            // The same position in the free run: the same decision on it.
            if (was.position_id === body.position_id)
              expect([body.action, body.reason, body.target]).toEqual([was.action, was.reason, was.target]);
          }
        }
        before = body;
      });
    expect(held).toBeGreaterThan(3);
    expect(wouldEnter).toBeGreaterThan(2);
    expect(exits).toBeGreaterThan(0);
  });

  it('of all pairs halts all, and one of a pair of another shard changes nothing', async () => {
    const bench = await openWarm();
    bench.pipeline.inputs.apply({ kind: 'halts', standing: { halts: [of(models, 'USDJPY_USDCHF')], resumed: [] } });
    expect(bench.inputs.filter(({ kind }) => kind === 'halts')).toEqual([]);
    bench.pipeline.inputs.apply({ kind: 'halts', standing: { halts: [of(models, '*')], resumed: [] } });
    takeAll(bench, WARMUP + 10, WARMUP + 12);
    await bench.pipeline.settled();
    expect(new Set(bench.signals.map(({ mode, reason }) => `${mode} ${reason}`))).toEqual(new Set(['HALT KPI_HALT']));
    expect(bench.pipeline.status.haltedPairs).toEqual([...pairIds]);
  });

  it('counts while its version is active: another version clears it, and its own restores it', async () => {
    // A set that is replaced twice is released; these are still needed.
    const mine = withInference(models, (infer) => infer);
    const theirs = withInference(others, (infer) => infer);
    const bench = await openWarm(mine);
    const modes: string[] = [];
    const step = async (change: () => void): Promise<void> => {
      change();
      const at = WARMUP + 10 + modes.length;
      takeAll(bench, at, at + 1);
      await bench.pipeline.settled();
      modes.push(bench.signals.findLast(({ pair_id }) => pair_id === halted)!.mode);
    };
    await step(() => bench.pipeline.inputs.apply({ kind: 'halts', standing: { halts: [of(models)], resumed: [] } }));
    await step(() => bench.pipeline.inputs.apply({ kind: 'swap', set: theirs }));
    await step(() => bench.pipeline.inputs.apply({ kind: 'swap', set: mine }));
    await step(() => bench.pipeline.inputs.apply({ kind: 'halts', standing: { halts: [of(others)], resumed: [] } }));
    await step(() =>
      bench.pipeline.inputs.apply({
        kind: 'halts',
        standing: { halts: [of(models), of(models), of(others, other)], resumed: [] },
      }),
    );
    await step(() =>
      bench.pipeline.inputs.apply({ kind: 'halts', standing: { halts: [of(others, other), of(models)], resumed: [] } }),
    );
    await step(() => bench.pipeline.inputs.apply({ kind: 'halts', standing: { halts: [], resumed: [] } }));
    expect(modes).toEqual(['HALT', 'OK', 'HALT', 'OK', 'HALT', 'HALT', 'OK']);
    // Once for each change, in words of one order.
    const m = models.version;
    const o = others.version;
    expect(bench.inputs.filter(({ kind }) => kind === 'halts').map(({ subject }) => subject)).toEqual([
      `${halted}@${m}`,
      `${halted}@${o}`,
      [`${halted}@${m}`, `${other}@${o}`].sort().join(' '),
      '',
    ]);
  });

  it('of the predecessor counts in the very bar in which the active set fails', async () => {
    const bench = await openWarm();
    const failing = withInference(others, () => () => {
      throw new Error('broken');
    });
    bench.pipeline.inputs.apply({ kind: 'halts', standing: { halts: [of(models)], resumed: [] } });
    bench.pipeline.inputs.apply({ kind: 'swap', set: failing });
    takeAll(bench, WARMUP + 10, WARMUP + 11);
    await bench.pipeline.settled();
    const modes = Object.fromEntries(bench.signals.map(({ pair_id, mode }) => [pair_id, mode]));
    expect(modes).toMatchObject({ [halted]: 'HALT', [other]: 'DEGRADED' });
  });

  it('takes effect between the bars that came before it and those that came after', async () => {
    const bench = await openWarm();
    takeAll(bench, WARMUP + 10, WARMUP + 11);
    bench.pipeline.inputs.apply({ kind: 'halts', standing: { halts: [of(models)], resumed: [] } });
    takeAll(bench, WARMUP + 11, WARMUP + 12);
    bench.pipeline.inputs.apply({ kind: 'halts', standing: { halts: [], resumed: [] } });
    takeAll(bench, WARMUP + 12, WARMUP + 13);
    await bench.pipeline.settled();
    const modes = bench.signals.filter(({ pair_id }) => pair_id === halted).map(({ mode }) => mode);
    expect(modes).toEqual(['OK', 'HALT', 'OK']);
  });

  it('is HALT on a minute without a leg and in silence too, and WARMUP before the pair is warm', async () => {
    const bench = await openWarm();
    bench.pipeline.inputs.apply({ kind: 'halts', standing: { halts: [of(models, '*')], resumed: [] } });
    const [first] = MARKET[WARMUP + 10]!.bars;
    bench.pipeline.inputs.take(barInput(first!, false));
    for (const { symbol, time } of MARKET[WARMUP + 10]!.bars.slice(1))
      bench.pipeline.inputs.take(emptyInput(symbol, time, false));
    await bench.pipeline.settled();
    bench.passMs(feed.interval_ms * (feed.silence_degraded_intervals + 1));
    bench.pipeline.inputs.checkSilence();
    await bench.pipeline.settled();
    expect(new Set(bench.signals.map(({ mode, reason }) => `${mode} ${reason}`))).toEqual(
      new Set(['HALT LEG_EMPTY', 'HALT SILENCE']),
    );
    const cold = openBench(settings);
    cold.pipeline.inputs.apply({ kind: 'swap', set: models });
    cold.pipeline.inputs.apply({ kind: 'halts', standing: { halts: [of(models, '*')], resumed: [] } });
    takeAll(cold, 0, 1);
    await cold.pipeline.settled();
    expect(new Set(cold.signals.map(({ mode, reason }) => `${mode} ${reason}`))).toEqual(new Set(['WARMUP WARMUP']));
  });
});

describe('a shadow set', () => {
  it('answers under the same ids into the journal only, with its own position, as if it had been active', async () => {
    const bench = openBench(settings);
    bench.pipeline.inputs.apply({ kind: 'swap', set: models });
    bench.pipeline.inputs.apply({ kind: 'shadow', slot: 'pairs', set: others });
    for (let i = 0; i < MARKET.length; i++) {
      takeAll(bench, i, i + 1);
      await bench.pipeline.settled();
    }
    const plain = await calmMarket();
    expect(bench.texts).toEqual(plain.texts);
    expect(bench.shadows).toHaveLength((MARKET.length - WARMUP + 1) * PAIRS.length);
    const published = new Map(bench.rows.map((row) => [row.signalId, row]));
    const alone = await runMarket(others);
    const active = new Map(alone.rows.map((row) => [`${row.pairId} ${row.time}`, row]));
    let differing = 0;
    for (const shadow of bench.shadows) {
      const row = published.get(shadow.signalId)!;
      expect([row.pairId, row.time, shadow.modelVersion]).toEqual([shadow.pairId, shadow.time, others.version]);
      const mine = bodyOf(active.get(`${shadow.pairId} ${shadow.time}`)!);
      const its = bodyOf(shadow);
      expect(its).toEqual({ ...mine, signal_id: row.signalId, position_id: its.position_id });
      if (its.action !== bodyOf(row).action) differing++;
    }
    expect(differing).toBeGreaterThan(0);
  });
});
