import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bar } from '../shared/bar.ts';
import { barAt, columnsOf } from '../shared/bar_file/bar_file.ts';
import { withoutSuspects } from '../shared/bar_file/screened_bars.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { PairFeatures, warmupBars } from '../shared/core/features/features.ts';
import { parsePair } from '../shared/pair.ts';
import { screenPolicy } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { checksum } from '../shared/signal/encode.ts';
import { openJournal } from '../shared/store/journal.ts';
import { tinyBars, tinySettings, tinyModels } from './tiny_models.ts';
import { buildPairHistory, matchMinutes } from '../trainer/learning/history/pair_history.ts';
import { recoveryStart } from '../daemon/journal/recovery.ts';
import { bodyOf, byMinute, openBench, type Bench } from '../daemon/pipeline.fixture.ts';
import { barInput, pairInput } from '../daemon/queue/input.ts';

// Two pairs share EURUSD.
const settings = tinySettings({ minutehand: { pairs: ['EURUSD_GBPUSD', 'EURUSD_AUDUSD', 'AUDUSD_USDCAD'] } });
const { windows, pairs: pairIds } = settings.minutehand;
const { screen } = settings.minutehand;
const UNSCREENED = { ...settings, minutehand: { ...settings.minutehand, screen: { ...screen, enabled: false } } };
const PAIRS = pairIds.map(parsePair);
const WARMUP = warmupBars(windows);
const MARKET = byMinute(tinyBars(settings, 800));
/** Index of the bad bars: the screen and all features are warm by then. */
const AT = 400;

let folder: string;
let models: ModelSet;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-suspect-'));
  const trained = tinySettings();
  models = await loadModelSet((await tinyModels(folder, { settings: trained })).path, featureSchema(windows), 3);
});
afterAll(async () => {
  await models.release();
  rmSync(folder, { recursive: true, force: true });
});

const times = (bar: Bar, factor: number): Bar => {
  const { open, high, low, close } = bar;
  return { ...bar, open: open * factor, high: high * factor, low: low * factor, close: close * factor };
};
/** null: the bar never arrives. */
type Change = (bar: Bar, index: number) => Bar | null;
const onlyEuro =
  (change: Change): Change =>
  (bar, index) =>
    bar.symbol === 'EURUSD' ? change(bar, index) : bar;

function marketWith(change: Change): Bar[][] {
  return MARKET.map(({ bars }, index) =>
    bars.flatMap((bar) => {
      const changed = change(bar, index);
      return changed === null ? [] : [changed];
    }),
  );
}

/** Runs the minutes, the first ones as history. */
async function run(market: readonly (readonly Bar[])[], given = settings): Promise<Bench> {
  const bench = openBench(given);
  bench.pipeline.inputs.apply({ kind: 'swap', set: models });
  for (const [index, bars] of market.entries()) {
    for (const bar of bars) bench.pipeline.inputs.take(barInput(bar, index < WARMUP + 10));
    bench.pipeline.inputs.endMinute();
    await bench.pipeline.settled();
  }
  return bench;
}

const ofPair = <T extends { pairId: string }>(rows: readonly T[], id: string): T[] =>
  rows.filter(({ pairId }) => pairId === id);
const reasonsOf = (bench: Bench, id: string): Map<string, number> => {
  const found = new Map<string, number>();
  for (const row of ofPair(bench.rows, id)) {
    const { reason } = bodyOf(row);
    found.set(reason, (found.get(reason) ?? 0) + 1);
  }
  return found;
};

describe('a bar that does not fit its symbol', () => {
  const bad: readonly [what: string, minutes: number, change: Change][] = [
    ['× 1000', 1, (bar, i) => (i === AT ? times(bar, 1000) : bar)],
    ['÷ 1000', 1, (bar, i) => (i === AT ? times(bar, 1 / 1000) : bar)],
    ['with a spike in the high alone', 1, (bar, i) => (i === AT ? { ...bar, high: bar.high * 1.05 } : bar)],
    ['with a spike in the low alone', 1, (bar, i) => (i === AT ? { ...bar, low: bar.low / 1.05 } : bar)],
    [
      '× 1000, and × 7 in the next minute',
      2,
      (bar, i) => (i === AT ? times(bar, 1000) : i === AT + 1 ? times(bar, 7) : bar),
    ],
    ['of a level that really moved', 1, (bar, i) => (i < AT ? bar : times(bar, 1.2))],
  ];
  it.each(bad)('affects its pairs as if it were missing: %s', async (_, minutes, change) => {
    const bench = await run(marketWith(onlyEuro(change)));
    const gone = onlyEuro((bar, i) => (i >= AT && i < AT + minutes ? null : change(bar, i)));
    const without = await run(marketWith(gone), UNSCREENED);
    for (const { id, a, b } of PAIRS) {
      const rows = ofPair(bench.rows, id);
      const others = ofPair(without.rows, id);
      expect(rows).toHaveLength(others.length);
      const held = rows.filter((row) => bodyOf(row).reason === 'BAR_SUSPECT');
      expect(held.map(({ time }) => time)).toEqual(
        a === 'EURUSD' ? Array.from({ length: minutes }, (_, i) => MARKET[AT + i]!.time) : [],
      );
      for (const row of held)
        expect([bodyOf(row), row.featuresCrc]).toEqual([
          expect.objectContaining({
            action: 'HOLD',
            mode: 'OK',
            z_score: null,
            return_prob: null,
            beta: null,
            price_a: null,
          }),
          null,
        ]);
      rows.forEach((row, i) => {
        if (held.includes(row)) expect(bodyOf(others[i]!)).toEqual({ ...bodyOf(row), reason: 'LEG_MISSING' });
        else
          expect([row.body, row.featuresCrc, row.position]).toEqual([
            others[i]!.body,
            others[i]!.featuresCrc,
            others[i]!.position,
          ]);
      });
      expect(b).not.toBe('EURUSD');
    }
  });

  it('that repeats its level is accepted the second time, and two minutes later nothing is held back', async () => {
    const bench = await run(marketWith(onlyEuro((bar, i) => (i === AT || i === AT + 1 ? times(bar, 4) : bar))));
    const held = ofPair(bench.rows, PAIRS[0]!.id).filter((row) => bodyOf(row).reason === 'BAR_SUSPECT');
    expect(held.map(({ time }) => time)).toEqual([AT, AT + 2].map((index) => MARKET[index]!.time));
  });

  it('of another scale is held back as often as it is sent, and the next ordinary one is trusted', async () => {
    const isBad = (i: number): boolean => i >= AT && i < AT + 5;
    const bench = await run(marketWith(onlyEuro((bar, i) => (isBad(i) ? times(bar, 1000) : bar))));
    const held = ofPair(bench.rows, PAIRS[0]!.id).filter((row) => bodyOf(row).reason === 'BAR_SUSPECT');
    expect(held.map(({ time }) => time)).toEqual([0, 1, 2, 3, 4].map((index) => MARKET[AT + index]!.time));
  });

  it('is journaled with a mark after it, counted, and reported with its verdict', async () => {
    const bench = await run(marketWith(onlyEuro((bar, i) => (i === AT ? times(bar, 1000) : bar))));
    const { time } = MARKET[AT]!;
    const at = bench.inputs.findIndex(({ kind }) => kind === 'suspect');
    expect(bench.inputs.slice(at - 1, at + 1)).toMatchObject([
      { kind: 'bar', subject: 'EURUSD', time, bar: { close: expect.closeTo(1000, -3) as number } },
      { kind: 'suspect', subject: 'EURUSD', time, bar: null },
    ]);
    expect(bench.inputs.filter(({ kind }) => kind === 'suspect')).toHaveLength(1);
    expect([...bench.pipeline.status.suspectBars]).toEqual([['EURUSD', 1]]);
    const before = MARKET[AT - 1]!.bars.find(({ symbol }) => symbol === 'EURUSD')!.close;
    expect(bench.screened).toEqual([
      expect.objectContaining({ bar: expect.objectContaining({ time }) as Bar, verdict: null, level: before }),
      expect.objectContaining({
        bar: expect.objectContaining({ time: MARKET[AT + 1]!.time }) as Bar,
        verdict: 'refuted',
      }),
    ]);
  });

  it('is accepted like any other if bars are not screened', async () => {
    const bench = await run(marketWith(onlyEuro((bar, i) => (i === AT ? times(bar, 1000) : bar))), UNSCREENED);
    expect(reasonsOf(bench, PAIRS[0]!.id).has('BAR_SUSPECT')).toBe(false);
    const row = ofPair(bench.rows, PAIRS[0]!.id).find(({ time }) => time === MARKET[AT]!.time)!;
    expect(bodyOf(row).price_a).toBeGreaterThan(500);
    expect([bench.screened, bench.inputs.filter(({ kind }) => kind === 'suspect')]).toEqual([[], []]);
  });
});

/** Bad bars of all kinds in every symbol, also during warm-up. */
function wildMarket(): Bar[][] {
  const rng = createRng('wild market');
  return marketWith((bar) => {
    const kind = rng.uniform();
    if (kind > 0.02) return bar;
    const factor = 1.02 * 500 ** rng.uniform();
    return kind < 0.01 ? times(bar, factor) : { ...bar, low: bar.low / factor };
  });
}

describe('the minutes that move features', () => {
  it('are the same live and in training, bit for bit, bad bars included', async () => {
    const market = wildMarket();
    const bench = await run(market);
    const screening = screenPolicy(settings);
    const legOf = (symbol: string): ReturnType<typeof columnsOf> =>
      withoutSuspects(
        columnsOf(
          symbol,
          market.flat().filter((bar) => bar.symbol === symbol),
        ),
        screening,
      );
    for (const pair of PAIRS) {
      const a = legOf(pair.a);
      const b = legOf(pair.b);
      const { length, inA, inB } = matchMinutes(a, b);
      expect(length).toBeLessThan(MARKET.length - 20);
      const features = new PairFeatures(windows);
      const { buffer, byteOffset, byteLength } = features.values;
      const values = new Uint8Array(buffer, byteOffset, byteLength);
      const checksums = new Map<number, string>();
      for (let minute = 0; minute < length; minute++) {
        const barA = barAt(a, inA[minute]!);
        features.step(barA, barAt(b, inB[minute]!));
        checksums.set(barA.time, checksum(values));
      }
      const history = buildPairHistory(pair, a, b, windows, () => false);
      const zs = new Map(Array.from(history.time, (time, t) => [time, history.z[t]!]));
      const rows = ofPair(bench.rows, pair.id);
      expect(reasonsOf(bench, pair.id).get('BAR_SUSPECT')).toBeGreaterThan(10);
      for (const row of rows) {
        expect(row.featuresCrc).toBe(checksums.get(row.time) ?? null);
        if (row.featuresCrc !== null) expect(bodyOf(row).z_score).toBe(zs.get(row.time));
      }
    }
  });

  it('are the same after a restart at any time, also between a suspect bar and its verdict', async () => {
    const market = wildMarket();
    const bench = await run(market);
    const suspectAt = bench.inputs.flatMap(({ kind }, i) => (kind === 'suspect' ? [i + 1] : []));
    expect(suspectAt.length).toBeGreaterThan(30);
    const late = bench.inputs.length;
    // A bar and its mark are journaled in one transaction: no process ends between them.
    const behindMark = (at: number): number => (bench.inputs[at]?.kind === 'suspect' ? at + 1 : at);
    const anywhere = fc.integer({ min: 0, max: late }).map(behindMark);
    const cut = fc.oneof(fc.constantFrom(...suspectAt), anywhere);
    await fc.assert(
      fc.asyncProperty(cut, async (journaled) => {
        const last = bench.inputs[journaled - 1];
        const answered = bench.rows.filter(({ time }) => last !== undefined && time < last.time);
        const store = openJournal(':memory:');
        store.append(bench.inputs.slice(0, journaled), answered);
        const again = openBench(settings);
        const from = recoveryStart(store, PAIRS, WARMUP);
        await again.pipeline.recover(store.inputsFrom(from), store.lastSignals(), () =>
          Promise.resolve(again.pipeline.inputs.apply({ kind: 'swap', set: models })),
        );
        store.close();
        for (const { kind, subject, time, bar, backfill } of bench.inputs.slice(journaled)) {
          if (kind === 'timeout') again.pipeline.inputs.apply(pairInput('timeout', subject, time));
          else if (kind === 'bar') again.pipeline.inputs.take(barInput(bar!, backfill));
          await again.pipeline.settled();
        }
        for (const { id } of PAIRS) {
          const essence = ({ body, featuresCrc, position }: (typeof bench.rows)[number]): unknown[] => [
            body,
            featuresCrc,
            position,
          ];
          const parts = [...ofPair(answered, id), ...ofPair(again.rows, id)];
          expect(parts.map(essence)).toEqual(ofPair(bench.rows, id).map(essence));
        }
        const marks = (inputs: typeof bench.inputs): unknown[] => inputs.filter(({ kind }) => kind === 'suspect');
        expect(marks(again.inputs)).toEqual(marks(bench.inputs.slice(journaled)));
      }),
      { numRuns: 12 },
    );
  });
});
