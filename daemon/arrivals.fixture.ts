import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Bar } from '../shared/bar.ts';
import { featureSchema, type FeatureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import { BarResampler } from '../shared/core/resample/bar_resampler.ts';
import { barSecondsOf, parsePair, type Pair } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { Rng } from '../shared/ports.ts';
import { createRng } from '../shared/rng.ts';
import type { InputRow, JournalStore } from '../shared/store/journal.ts';
import { tinyBars } from '../test/tiny_settings.ts';
import { createJournal } from './journal/journal.ts';
import { writeInPlace } from './journal/journal_writer.ts';
import { recoveryStart, restoredInputs, subjectWarmup } from './journal/recovery.ts';
import { byMinute, openBench, type Bench } from './pipeline.fixture.ts';
import { barInput, emptyInput, type SymbolInput } from './queue/input.ts';
import { replayJournal } from './replay.ts';

const MINUTES = 420;

/** The minutes of a symbol in these rows of a journal, ascending, without suspect ones. */
export function minutesIn(rows: readonly InputRow[], symbol: string): Bar[] {
  const own = rows.filter(({ subject }) => subject === symbol);
  const suspects = new Set(own.filter(({ kind }) => kind === 'suspect').map(({ time }) => time));
  return own.flatMap(({ kind, time, bar }) => (kind === 'bar' && !suspects.has(time) ? [bar!] : []));
}

/** The minutes of a leg that a pair takes: without those behind its time-out for them or a later one. */
export function minutesOfLeg(rows: readonly InputRow[], leg: string, pair: Pair): Bar[] {
  let givenUp = -Infinity;
  const taken = rows.filter(({ kind, subject, time }) => {
    if (kind === 'timeout' && subject === pair.id) givenUp = Math.max(givenUp, time);
    return time > givenUp;
  });
  return minutesIn(taken, leg);
}

/** The row that ended a bar of a pair: both legs are at its last minute or further on, or it was given up. */
export function endOfBar(rows: readonly InputRow[], pair: Pair, time: number): number {
  const reached = new Set<string>();
  return rows.findIndex(({ kind, subject, time: own }) => {
    if (own < time) return false;
    if (kind === 'timeout' && subject === pair.id) return true;
    if (kind === 'bar' || kind === 'empty') reached.add(subject);
    return reached.has(pair.a) && reached.has(pair.b);
  });
}

/** The bar of another symbol that a pair reads at its own bar with this time. */
export function otherBarAt(rows: readonly InputRow[], symbol: string, pair: Pair, time: number): Bar | undefined {
  const seconds = barSecondsOf(pair);
  const known = minutesIn(rows.slice(0, endOfBar(rows, pair, time)), symbol);
  return inTimeframe(known, pair).get(time - seconds);
}

/** Bars in the timeframe of a pair, by their time. */
export function inTimeframe(minutes: readonly Bar[], pair: Pair): Map<number, Bar> {
  const bars = new Map<number, Bar>();
  const resampler = new BarResampler(minutes[0]?.symbol ?? '', barSecondsOf(pair), (bar) => bars.set(bar.time, bar));
  for (const bar of minutes) resampler.take(bar);
  resampler.close();
  return bars;
}

export interface ArrivingBarsOptions<Name extends string> {
  readonly settings: Settings;
  /** Of bundles by name. */
  readonly schemas: Readonly<Record<Name, FeatureSchema>>;
}

/**
 * Daemons with models whose formulas read symbols beside the legs: bars in any order, time-outs, swaps and restarts.
 */
export class ArrivingBars<Name extends string> {
  readonly versions = {} as Record<Name, string>;
  readonly #options: ArrivingBarsOptions<Name>;
  readonly #names: readonly Name[];
  readonly #loaded = new Map<string, ModelSet>();
  #folder = '';

  constructor(options: ArrivingBarsOptions<Name>) {
    this.#options = options;
    this.#names = Object.keys(options.schemas) as Name[];
  }

  /** Writes and loads a bundle with each schema. */
  async prepare(): Promise<void> {
    const { settings, schemas } = this.#options;
    const { windows, pairs } = settings.minutehand;
    this.#folder = mkdtempSync(join(tmpdir(), 'minutehand-arrivals-'));
    for (const [index, name] of this.#names.entries()) {
      const created = new Date(Date.UTC(2026, 0, 1 + index));
      const bundle = { schema: schemas[name], trees: 10, leaves: 5, seed: name, created };
      const path = writeRandomBundle(this.#folder, bundle);
      const set = await loadModelSet(path, featureSchema(windows), pairs.length);
      this.versions[name] = set.version;
      this.#loaded.set(set.version, { ...set, release: () => Promise.resolve() });
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Bars, time-outs, swaps that are warmed while bars come, and processes that end and restart. */
  async live(store: JournalStore, seed: string): Promise<void> {
    const { settings } = this.#options;
    const rng = createRng(seed);
    const pick = (): Name => this.#names[rng.integer(this.#names.length)]!;
    let active: Name | null = null;
    let boots = 0;
    let bench = await this.#boot(store, null, boots);
    let warming: Promise<void> | null = null;
    const turns = arrivals(settings, rng, MINUTES);
    for (const [minute, turn] of turns.entries()) {
      for (const input of turn) {
        bench.pipeline.inputs.take(input);
        if (rng.uniform() < 0.1) {
          bench.passMs(rng.integer(80));
          bench.pipeline.inputs.expire();
        }
        if (rng.uniform() < 0.05) await new Promise(setImmediate);
      }
      bench.passMs(rng.uniform() < 0.3 ? 100 : 5);
      if (rng.uniform() < 0.5) bench.pipeline.inputs.expire();
      if (minute > 60 && warming === null && rng.uniform() < 0.03) {
        active = pick();
        warming = this.#swap(store, bench, active).then(() => void (warming = null));
      }
      if (rng.uniform() < 0.7) await bench.pipeline.settled();
      if (rng.uniform() < 0.02) {
        await warming;
        await bench.pipeline.settled();
        // Sometimes the pointer has changed while there was no daemon, or its last minutes were journaled alone.
        if (rng.uniform() < 0.3) active = pick();
        else
          store.append(
            turns
              .splice(minute + 1, rng.integer(4))
              .flat()
              .filter(isPlausible),
            [],
          );
        bench = await this.#boot(store, active, ++boots);
      }
    }
    await warming;
    await bench.pipeline.settled();
    expect(bench.failures).toEqual([]);
  }

  replayed(store: JournalStore): ReturnType<typeof replayJournal> {
    const { settings } = this.#options;
    return replayJournal({
      settings,
      pairIds: settings.minutehand.pairs,
      clock: { nowMs: () => 0 as never, monotonicUs: () => 0 },
      bootId: 'replay',
      store,
      loadModels: (version) => Promise.resolve(this.#loaded.get(version)!),
      onSignals: () => undefined,
    });
  }

  async #boot(store: JournalStore, active: Name | null, boots: number): Promise<Bench> {
    const { settings } = this.#options;
    const { windows, pairs } = settings.minutehand;
    const subjects = pairs.map(parsePair);
    const journal = createJournal({
      writer: writeInPlace(store),
      scheduler: MACHINE_SCHEDULER,
      onFailure: () => undefined,
      onRecovered: () => undefined,
    });
    const bench = openBench(settings, { journal, bootId: `boot ${boots}` });
    const from = recoveryStart(store, subjects, subjectWarmup(windows));
    const rows = [...restoredInputs(store, from, store.inputsFrom(from))];
    await bench.pipeline.recover(rows, store.lastSignals(), async () => {
      if (active !== null) await this.#swap(store, bench, active);
    });
    return bench;
  }

  async #swap(store: JournalStore, { pipeline }: Bench, name: Name): Promise<void> {
    const set = this.#loaded.get(this.versions[name])!;
    await pipeline.warm(set, store);
    pipeline.inputs.apply({ kind: 'swap', set });
  }
}

/** Whether a screen takes it: only a process marks what it does not. */
function isPlausible({ bar }: SymbolInput): boolean {
  return bar === null || bar.high < 10 * bar.open;
}

/** The minutes of each symbol in their order, those of different symbols in any: some come late, some never. */
function arrivals(settings: Settings, rng: Rng, minutes: number): SymbolInput[][] {
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
