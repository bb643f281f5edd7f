import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import { parseOtherSymbol } from '../shared/core/formula/other_symbols.ts';
import { BarResampler } from '../shared/core/resample/bar_resampler.ts';
import { barSecondsOf, parsePair, type Pair } from '../shared/pair.ts';
import type { Rng } from '../shared/ports.ts';
import { createRng } from '../shared/rng.ts';
import { checksum } from '../shared/signal/encode.ts';
import { openJournal, type InputRow, type JournalStore } from '../shared/store/journal.ts';
import { tinyBars, tinySettings } from '../test/tiny_settings.ts';
import { createJournal } from './journal/journal.ts';
import { writeInPlace } from './journal/journal_writer.ts';
import { recoveryStart, restoredInputs, subjectWarmup } from './journal/recovery.ts';
import { bodyOf, byMinute, openBench, type Bench } from './pipeline.fixture.ts';
import { barInput, emptyInput, type SymbolInput } from './queue/input.ts';
import { replayJournal } from './replay.ts';

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

let folder: string;
const versions = {} as Record<Name, string>;
const loaded = new Map<string, ModelSet>();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-other-symbols-'));
  for (const [index, [name, schema]] of Object.entries(SCHEMAS).entries()) {
    const created = new Date(Date.UTC(2026, 0, 1 + index));
    const path = writeRandomBundle(folder, { schema, trees: 10, leaves: 5, seed: name, created });
    const set = await loadModelSet(path, configured, pairs.length);
    versions[name as Name] = set.version;
    loaded.set(set.version, { ...set, release: () => Promise.resolve() });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const load = (version: string): Promise<ModelSet> => Promise.resolve(loaded.get(version)!);

// ---- the slow, obvious answer ----

/** The minutes of a symbol that a pair knows, by the rows of the journal alone. */
function minutesOf(rows: readonly InputRow[], symbol: string, pair: Pair, kinds: readonly string[]): Bar[] {
  const suspects = new Set(
    rows.filter((row) => row.kind === 'suspect' && row.subject === symbol).map(({ time }) => time),
  );
  let givenUp = -Infinity;
  return rows.flatMap(({ kind, subject, time, bar }) => {
    if (kinds.includes(kind) && subject === pair.id) givenUp = Math.max(givenUp, time);
    return kind === 'bar' && subject === symbol && time > givenUp && !suspects.has(time) ? [bar!] : [];
  });
}

function inTimeframe(minutes: readonly Bar[], pair: Pair): Map<number, Bar> {
  const bars = new Map<number, Bar>();
  const resampler = new BarResampler(minutes[0]?.symbol ?? '', barSecondsOf(pair), (bar) => bars.set(bar.time, bar));
  for (const bar of minutes) resampler.take(bar);
  resampler.close();
  return bars;
}

/** Checksum of a pair's features at each bar from its warm-up on, as a training computes them from the same bars. */
function trainedChecksums(rows: readonly InputRow[], pair: Pair, name: Name): Map<number, string> {
  const features = new PairFeatures(SCHEMAS[name].windows, pair);
  const barsOfLeg = (leg: string) => inTimeframe(minutesOf(rows, leg, pair, ['timeout']), pair);
  const a = barsOfLeg(pair.a);
  const b = barsOfLeg(pair.b);
  const others = new Map(
    features.others.map((source) => {
      const { symbol } = parseOtherSymbol(source)!;
      return [symbol, inTimeframe(minutesOf(rows, symbol, pair, ['others_timeout']), pair)];
    }),
  );
  const checksums = new Map<number, string>();
  for (const [time, bar] of a) {
    const other = b.get(time);
    if (other === undefined) continue;
    const values = features.others.map((source) => {
      const { symbol, field } = parseOtherSymbol(source)!;
      const own = others.get(symbol)!.get(time)?.[field as 'close' | 'volume'] ?? NaN;
      return field === 'volume' && own === 0 ? NaN : own;
    });
    features.step(bar, other, null, Float64Array.from(values));
    const { buffer, byteOffset, byteLength } = features.values;
    if (features.ready) checksums.set(time, checksum(new Uint8Array(buffer, byteOffset, byteLength)));
  }
  return checksums;
}

/** Signals that were scored by a set with these formulas have the features of a training, to the bit. */
function expectTrained(store: JournalStore, name: Name): { compared: number } {
  const rows = [...store.inputsFrom(0 as OpenTime)];
  let compared = 0;
  for (const pair of SUBJECTS) {
    const expected = trainedChecksums(rows, pair, name);
    for (const signal of store.signals()) {
      const { model_version, return_prob } = bodyOf(signal);
      if (signal.pairId !== pair.id || model_version !== versions[name] || return_prob === null) continue;
      expect([pair.id, signal.time, signal.featuresCrc]).toEqual([pair.id, signal.time, expected.get(signal.time)]);
      compared++;
    }
  }
  return { compared };
}

// ---- a world ----

/** The minutes of each symbol in their order, those of different symbols in any: some come late, some never. */
function arrivals(rng: Rng, minutes: number): SymbolInput[][] {
  const turns: SymbolInput[][] = Array.from({ length: minutes + 8 }, () => []);
  const free = new Map<string, number>();
  for (const [minute, { bars }] of byMinute(tinyBars(settings, minutes)).entries())
    for (const bar of bars) {
      const dice = rng.uniform();
      if (dice < 0.03) continue;
      const delay = rng.uniform() < 0.06 ? rng.integer(4) : 0;
      const at = Math.max(minute + delay, free.get(bar.symbol) ?? 0);
      free.set(bar.symbol, at);
      const spike = rng.uniform() < 0.005 ? { ...bar, high: bar.high * 1000 } : bar;
      const silent = rng.uniform() < 0.02 ? { ...spike, volume: 0 } : spike;
      turns[at]!.push(dice < 0.05 ? emptyInput(bar.symbol, bar.time, false) : barInput(silent, false));
    }
  for (const turn of turns) shuffleSymbols(turn, rng);
  return turns;
}

/** Any order in which the minutes of each symbol still ascend. */
function shuffleSymbols(turn: SymbolInput[], rng: Rng): void {
  const keys = new Map(turn.map((input) => [input, rng.uniform()]));
  for (const symbol of new Set(turn.map(({ subject }) => subject))) {
    const own = turn.filter(({ subject }) => subject === symbol);
    const sorted = own.map((input) => keys.get(input)!).sort((x, y) => x - y);
    for (const [i, input] of own.entries()) keys.set(input, sorted[i]!);
  }
  turn.sort((x, y) => keys.get(x)! - keys.get(y)!);
}

interface World {
  readonly store: JournalStore;
  bench: Bench;
}

async function boot(store: JournalStore, active: Name | null, boots: number): Promise<Bench> {
  const journal = createJournal({
    writer: writeInPlace(store),
    scheduler: MACHINE_SCHEDULER,
    onFailure: () => undefined,
    onRecovered: () => undefined,
  });
  const bench = openBench(settings, { journal, bootId: `boot ${boots}` });
  const from = recoveryStart(store, SUBJECTS, subjectWarmup(windows));
  const rows = [...restoredInputs(store, from, store.inputsFrom(from))];
  await bench.pipeline.recover(rows, store.lastSignals(), async () => {
    if (active !== null) await swap({ store, bench }, active);
  });
  return bench;
}

async function swap({ store, bench }: World, name: Name): Promise<void> {
  const set = await load(versions[name]);
  await bench.pipeline.warm(set, store);
  bench.pipeline.inputs.apply({ kind: 'swap', set });
}

const MINUTES = 420;

/** Bars, time-outs, swaps that are warmed while bars come, and processes that end and restart. */
async function live(store: JournalStore, seed: string): Promise<void> {
  const rng = createRng(seed);
  const names = Object.keys(SCHEMAS) as Name[];
  let active: Name | null = null;
  let boots = 0;
  const world: World = { store, bench: await boot(store, null, boots) };
  let warming: Promise<void> | null = null;
  for (const [minute, turn] of arrivals(rng, MINUTES).entries()) {
    for (const input of turn) {
      world.bench.pipeline.inputs.take(input);
      if (rng.uniform() < 0.1) {
        world.bench.passMs(rng.integer(80));
        world.bench.pipeline.inputs.expire();
      }
      if (rng.uniform() < 0.05) await new Promise(setImmediate);
    }
    world.bench.passMs(rng.uniform() < 0.3 ? 100 : 5);
    if (rng.uniform() < 0.5) world.bench.pipeline.inputs.expire();
    if (minute > 60 && warming === null && rng.uniform() < 0.03) {
      active = names[rng.integer(names.length)]!;
      warming = swap(world, active).then(() => void (warming = null));
    }
    if (rng.uniform() < 0.7) await world.bench.pipeline.settled();
    if (rng.uniform() < 0.02) {
      await warming;
      await world.bench.pipeline.settled();
      // Sometimes the pointer has changed while there was no daemon.
      if (rng.uniform() < 0.3) active = names[rng.integer(names.length)]!;
      world.bench = await boot(store, active, ++boots);
    }
  }
  await warming;
  await world.bench.pipeline.settled();
  expect(world.bench.failures).toEqual([]);
}

function replayed(store: JournalStore): ReturnType<typeof replayJournal> {
  return replayJournal({
    settings,
    pairIds: pairs,
    clock: { nowMs: () => 0 as never, monotonicUs: () => 0 },
    bootId: 'replay',
    store,
    loadModels: load,
    onSignals: () => undefined,
  });
}

const FIRST = Number(process.env['FIRST_SEED'] ?? 1);
const SEEDS = Number(process.env['SEEDS'] ?? 4);

describe('formulas that read other symbols', () => {
  it('have the values of a training live, to the bit, whatever the order of bars, time-outs, swaps and restarts, and a replay gives the same signals', async () => {
    let compared = 0;
    let timeouts = 0;
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const store = openJournal(':memory:');
      await live(store, `other symbols ${seed}`);
      for (const name of ['lead', 'some'] as const) compared += expectTrained(store, name).compared;
      const kinds = [...store.inputsFrom(0 as OpenTime)].map(({ kind }) => kind);
      timeouts += kinds.filter((kind) => kind === 'others_timeout').length;
      expect(await replayed(store), `seed ${seed}`).toMatchObject({ different: 0, unanswered: 0 });
      store.close();
    }
    expect(compared).toBeGreaterThan(100 * SEEDS);
    expect(timeouts).toBeGreaterThan(5 * SEEDS);
  }, 300_000);
});
