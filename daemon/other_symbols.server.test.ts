import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import { parseOtherSymbol } from '../shared/core/formula/other_symbols.ts';
import { barSecondsOf, parsePair, type Pair } from '../shared/pair.ts';
import { checksum } from '../shared/signal/encode.ts';
import { openJournal, type InputRow, type JournalStore } from '../shared/store/journal.ts';
import { tinySettings } from '../test/tiny_settings.ts';
import { bodyOf } from './pipeline.fixture.ts';
import { ArrivingBars, inTimeframe, minutesIn, minutesOfLeg, otherBarAt } from './arrivals.fixture.ts';

const settings = tinySettings({
  minutehand: { pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD', 'XAUUSD_XAGUSD@5m'] },
});
const { windows, pairs } = settings.minutehand;
const SUBJECTS = pairs.map(parsePair);
const configured = featureSchema(windows);
/** One reads another symbol for all pairs, legs of their own among them; one for some, other fields of two symbols. */
const SCHEMAS = {
  plain: configured,
  lead: featureSchema({
    ...windows,
    formulas: 'lead = delta(log(symbol("EURUSD").close), 3)\nratio = a.close / symbol("XAUUSD").open',
  }),
  some: featureSchema({
    ...windows,
    formulas:
      'range for XAUUSD_XAGUSD,XAUUSD_XAGUSD@5m = mean(symbol("GBPUSD").high - symbol("GBPUSD").low, 9)\n' +
      'busy for EURUSD_GBPUSD = rank(symbol("AUDUSD").volume, 20)',
  }),
};
type Name = keyof typeof SCHEMAS;

const world = new ArrivingBars({ settings, schemas: SCHEMAS });
beforeAll(() => world.prepare());
afterAll(() => world.remove());

// ---- the slow, obvious answer ----

/** Checksum of a pair's features at each bar from its warm-up on, as a training computes them from the same bars. */
function trainedChecksums(rows: readonly InputRow[], pair: Pair, name: Name): Map<number, string> {
  const features = new PairFeatures(SCHEMAS[name].windows, pair);
  const [a, b] = [pair.a, pair.b].map((leg) => inTimeframe(minutesOfLeg(rows, leg, pair), pair));
  const checksums = new Map<number, string>();
  for (const [time, bar] of a!) {
    const other = b!.get(time);
    if (other === undefined) continue;
    const values = features.others.map((source) => {
      const { symbol, field } = parseOtherSymbol(source)!;
      const own = otherBarAt(rows, symbol, pair, time)?.[field as 'close' | 'volume'] ?? NaN;
      if (Number.isNaN(own) && cameLater(rows, symbol, pair, time)) late++;
      return field === 'volume' && own === 0 ? NaN : own;
    });
    features.step(bar, other, null, Float64Array.from(values));
    const { buffer, byteOffset, byteLength } = features.values;
    if (features.ready) checksums.set(time, checksum(new Uint8Array(buffer, byteOffset, byteLength)));
  }
  return checksums;
}

/** Values that were missing because their bars came too late. */
let late = 0;
const cameLater = (rows: readonly InputRow[], symbol: string, pair: Pair, time: number): boolean =>
  inTimeframe(minutesIn(rows, symbol), pair).has(time - barSecondsOf(pair));

/** Signals that were scored by a set with these formulas have the features of a training, to the bit. */
function expectTrained(store: JournalStore, name: Name): { compared: number } {
  const rows = [...store.inputsFrom(0 as OpenTime)];
  let compared = 0;
  for (const pair of SUBJECTS) {
    const expected = trainedChecksums(rows, pair, name);
    for (const signal of store.signals()) {
      const { model_version, return_prob } = bodyOf(signal);
      if (signal.pairId !== pair.id || model_version !== world.versions[name] || return_prob === null) continue;
      expect([pair.id, signal.time, signal.featuresCrc]).toEqual([pair.id, signal.time, expected.get(signal.time)]);
      compared++;
    }
  }
  return { compared };
}

const FIRST = Number(process.env['FIRST_SEED'] ?? 1);
const SEEDS = Number(process.env['SEEDS'] ?? 4);

describe('formulas that read other symbols', () => {
  it('have live the bars that had come by then, to the bit, whatever the order of bars, time-outs, swaps and restarts, and a replay gives the same signals', async () => {
    let compared = 0;
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const store = openJournal(':memory:');
      await world.live(store, `other symbols ${seed}`);
      for (const name of ['lead', 'some'] as const) compared += expectTrained(store, name).compared;
      expect(await world.replayed(store), `seed ${seed}`).toMatchObject({ different: 0, unanswered: 0 });
      store.close();
    }
    expect(compared).toBeGreaterThan(100 * SEEDS);
    expect(late).toBeGreaterThan(5 * SEEDS);
  }, 300_000);
});
