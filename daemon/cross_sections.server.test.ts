import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SECONDS_PER_BAR, type Bar, type EpochMs, type OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import { formulasOf } from '../shared/core/formula/named_formulas.ts';
import { parseOtherSymbol } from '../shared/core/formula/other_symbols.ts';
import { groupsOf, type Section } from '../shared/core/formula/sections.ts';
import { legSeriesFrom } from '../shared/core/series/leg_series.ts';
import { barSecondsOf, parsePair, symbolsOf, type Pair } from '../shared/pair.ts';
import type { Rng } from '../shared/ports.ts';
import { checksum } from '../shared/signal/encode.ts';
import { journaledSections } from '../shared/store/journaled_sections.ts';
import { openJournal, type InputRow, type JournalStore } from '../shared/store/journal.ts';
import { parseObservation } from '../shared/store/observation.ts';
import { tinyBars, tinySettings } from '../test/tiny_settings.ts';
import { bodyOf, type Bench } from './pipeline.fixture.ts';
import { inTimeframe, minutesKnown, WaitingPairs } from './waiting_pairs.fixture.ts';

const settings = tinySettings({
  minutehand: {
    pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD', 'XAUUSD_XAGUSD@5m', 'EURUSD_GBPUSD@5m'],
  },
});
const { windows, pairs } = settings.minutehand;
const SUBJECTS = pairs.map(parsePair);
const configured = featureSchema(windows);
const ALL = pairs.toSorted().join();
const FEW = ['AUDUSD_USDCAD', 'XAUUSD_XAGUSD'];
/**
 * Groups: all pairs, and some of them with one whose legs are fed, and which is none of this daemon. What is compared
 * reads bars, hand-written features, series and another symbol.
 */
const SCHEMAS = {
  plain: configured,
  all: featureSchema({
    ...windows,
    formulas: [
      `rank for ${ALL} = mean(cs_rank(delta(log(a.close / b.close), 3)), 4)`,
      `far for ${ALL} = cs_zscore(z_score) + cs_mean(corr(log(a.close), log(b.close), 9))`,
      `mood for ${ALL} = cs_rank(mean(a.series("sentiment"), 3) - b.series("sentiment"))`,
    ].join('\n'),
  }),
  few: featureSchema({
    ...windows,
    formulas: [
      `few for ${[...FEW, 'AUDUSD_XAGUSD'].toSorted().join()} = cs_rank(log(a.close / symbol("EURUSD").close))`,
      'lead = delta(log(symbol("GBPUSD").close), 3)',
    ].join('\n'),
  }),
};
type Name = keyof typeof SCHEMAS;

/** A value of a leg, before or after the close of the minute. */
function observe({ pipeline }: Bench, rng: Rng, minute: number): void {
  const symbols = symbolsOf(SUBJECTS);
  const symbol = symbols[rng.integer(symbols.length)]!;
  const nowMs = (1000 * (FIRST_TIME + 60 * minute + rng.integer(120))) as EpochMs;
  const eventMs = nowMs - 1000 * rng.integer(90);
  const given = { symbol, name: 'sentiment', eventMs, value: rng.integer(100) } as const;
  pipeline.inputs.observe(given, { nowMs, maxClockSkewMs: 3_600_000 });
}

const FIRST_TIME = Math.min(...[...tinyBars(settings, 1).values()].map(({ time }) => time[0]!));

const world = new WaitingPairs({
  settings,
  schemas: SCHEMAS,
  beforeMinute: (bench, rng, minute) => {
    if (rng.uniform() < 0.3) observe(bench, rng, minute);
  },
  afterInput: (bench, rng, minute) => {
    if (rng.uniform() < 0.05) observe(bench, rng, minute);
  },
});
beforeAll(() => world.prepare());
afterAll(() => world.remove());

// ---- the slow, obvious answer ----

/** What is known of the symbols of a group, in a timeframe. */
type BarsOf = (symbol: string) => Map<number, Bar>;

/** What a pair of a group compares at each of its bars. */
function comparedBy(pair: Pair, section: Section, barsOf: BarsOf, rows: readonly InputRow[]): Map<number, number> {
  const text = `x = ${section.text.slice(section.operator.name.length + 1, -1)}`;
  const features = new PairFeatures({ ...windows, formulas: text }, pair);
  const ofB = barsOf(pair.b);
  const observations = rows.flatMap(({ kind, subject }) => (kind === 'series' ? [parseObservation(subject)] : []));
  const series = legSeriesFrom(observations, pair);
  const compared = new Map<number, number>();
  for (const [time, bar] of barsOf(pair.a)) {
    const other = ofB.get(time);
    if (other === undefined) continue;
    const others = Float64Array.from(features.others, (source) => otherValue(source, time, barsOf));
    features.step(bar, other, series.at(time + SECONDS_PER_BAR), others);
    compared.set(time, features.values.at(-1)!);
  }
  return compared;
}

function otherValue(source: string, time: number, barsOf: BarsOf): number {
  const { symbol, field } = parseOtherSymbol(source)!;
  return barsOf(symbol).get(time)?.[field as 'close'] ?? NaN;
}

/** The cross-sections of a pair at each time, by their texts. */
function sectionsOf(rows: readonly InputRow[], pair: Pair, name: Name): Map<string, Map<number, number>> {
  const { formulas = '' } = SCHEMAS[name].windows;
  const known = formulasOf({ ...windows, formulas }, configured.definitions);
  const group = groupsOf(known).find(({ members }) => members.includes(pair.id));
  if (group === undefined) return new Map();
  const members = group.members.map(parsePair).filter((own) => barSecondsOf(own) === barSecondsOf(pair));
  const bars = new Map<string, Map<number, Bar>>();
  const barsOf: BarsOf = (symbol) => {
    const own = bars.get(symbol) ?? inTimeframe(minutesKnown(rows, symbol, members, ['others_timeout']), pair);
    bars.set(symbol, own);
    return own;
  };
  return new Map(
    group.sections.map((section) => {
      const compared = members.map((own) => ({ id: own.id, values: comparedBy(own, section, barsOf, rows) }));
      const own = compared.find(({ id }) => id === pair.id)!;
      const others = compared.filter(({ id }) => id !== pair.id);
      const at = (time: number): number => {
        const all = [own, ...others].map(({ values }) => values.get(time) ?? NaN);
        return section.operator.oracle([all], []);
      };
      return [section.text, new Map([...own.values.keys()].map((time) => [time, at(time)]))];
    }),
  );
}

/** Checksum of a pair's features at each bar from its warm-up on, as a training computes them from the same bars. */
function trainedChecksums(rows: readonly InputRow[], pair: Pair, name: Name): Map<number, string> {
  const features = new PairFeatures(SCHEMAS[name].windows, pair);
  const barsOfLeg = (leg: string) => inTimeframe(minutesKnown(rows, leg, [pair], ['timeout']), pair);
  const a = barsOfLeg(pair.a);
  const b = barsOfLeg(pair.b);
  const others = new Map<string, Map<number, Bar>>();
  const barsOf: BarsOf = (symbol) => {
    const own = others.get(symbol) ?? inTimeframe(minutesKnown(rows, symbol, [pair], ['others_timeout']), pair);
    others.set(symbol, own);
    return own;
  };
  const sections = sectionsOf(rows, pair, name);
  const checksums = new Map<number, string>();
  for (const [time, bar] of a) {
    const other = b.get(time);
    if (other === undefined) continue;
    const values = features.others.map((source) =>
      parseOtherSymbol(source) === null ? (sections.get(source)?.get(time) ?? NaN) : otherValue(source, time, barsOf),
    );
    features.step(bar, other, null, Float64Array.from(values));
    const { buffer, byteOffset, byteLength } = features.values;
    if (features.ready) checksums.set(time, checksum(new Uint8Array(buffer, byteOffset, byteLength)));
  }
  return checksums;
}

/**
 * What `explain` and parity read of the journal are the cross-sections of the slow answer.
 * @returns those that had a value
 */
function expectJournaled(store: JournalStore, name: Name, seed: number): Set<string> {
  const known = new Set<string>();
  const rows = [...store.inputsFrom(0 as OpenTime)];
  const { windows: own } = SCHEMAS[name];
  for (const pair of SUBJECTS) {
    const expected = sectionsOf(rows, pair, name);
    const until = (rows.at(-1)!.time - 3600 + 60 * (seed % 50)) as OpenTime;
    const first = (until - 1800) as OpenTime;
    const found = journaledSections(store, { windows: own, pair, first, until })!;
    for (const [time, values] of found.values)
      for (const [i, source] of found.sources.entries()) {
        const value = expected.get(source)?.get(time) ?? NaN;
        if (!Number.isNaN(value)) known.add(source);
        expect([name, seed, pair.id, source, time, values[i]]).toEqual([name, seed, pair.id, source, time, value]);
      }
    if (expected.size > 0) expect(found.values.size).toBeGreaterThan(2);
  }
  return known;
}

/** Signals that were scored by a set with these formulas have the features of a training, to the bit. */
function expectTrained(store: JournalStore, name: Name, seed: number): { compared: number } {
  const rows = [...store.inputsFrom(0 as OpenTime)];
  let compared = 0;
  for (const pair of SUBJECTS) {
    const expected = trainedChecksums(rows, pair, name);
    for (const signal of store.signals()) {
      const { model_version, return_prob } = bodyOf(signal);
      if (signal.pairId !== pair.id || model_version !== world.versions[name] || return_prob === null) continue;
      expect([pair.id, signal.time, signal.featuresCrc], `${name}, seed ${seed}`).toEqual([
        pair.id,
        signal.time,
        expected.get(signal.time),
      ]);
      compared++;
    }
  }
  return { compared };
}

const FIRST = Number(process.env['FIRST_SEED'] ?? 1);
const SEEDS = Number(process.env['SEEDS'] ?? 4);

describe('cross-sections of groups of pairs', () => {
  it(
    'have the values of a training live, to the bit, whatever the order of bars, time-outs, swaps and restarts, and a replay gives the same signals',
    async () => {
      let compared = 0;
      let timeouts = 0;
      const known = new Set<string>();
      for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
        const store = openJournal(':memory:');
        await world.live(store, `cross-sections ${seed}`);
        for (const name of ['all', 'few'] as const) {
          compared += expectTrained(store, name, seed).compared;
          for (const source of expectJournaled(store, name, seed)) known.add(source);
        }
        const kinds = [...store.inputsFrom(0 as OpenTime)].map(({ kind }) => kind);
        timeouts += kinds.filter((kind) => kind === 'others_timeout').length;
        const again = await world.replayed(store);
        expect(again, `seed ${seed}`).toMatchObject({ different: 0, unanswered: 0 });
        store.close();
      }
      expect(compared).toBeGreaterThan(100 * SEEDS);
      expect(timeouts).toBeGreaterThan(5 * SEEDS);
      expect(known.size).toBe(5);
    },
    300_000 * Math.ceil(SEEDS / 20),
  );
});
