import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../shared/bar.ts';
import type { DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import { featureSchema, instrumentSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { fileRule } from '../shared/bundle/rule/rule_bundle.ts';
import type { RuleManifest } from '../shared/bundle/rule/rule_manifest.ts';
import type { RuleModel } from '../shared/bundle/rule/rule_model.ts';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import { describeError } from '../shared/errors.ts';
import { parseInstrument } from '../shared/pair.ts';
import { instrumentStrategy, type StrategyDocument } from '../shared/policy/strategy_file.ts';
import { createRng } from '../shared/rng.ts';
import { openJournal, type JournalStore, type ShadowRow, type SignalRow } from '../shared/store/journal.ts';
import { tinyBars, tinySettings } from '../test/tiny_settings.ts';
import { createJournal } from './journal/journal.ts';
import { writeInPlace } from './journal/journal_writer.ts';
import { byMinute, openBench, START_MS, type Bench } from './pipeline.fixture.ts';
import { barInput } from './queue/input.ts';

const settings = tinySettings({ core: { require_edge: false } });
const { windows, pairs } = settings.minutehand;
const configured = featureSchema(windows);
const PAIRS = byMinute(tinyBars(settings, 260));
const ID = 'BTCUSDT';

const DOCUMENT: StrategyDocument = {
  name: 'reversal',
  description: 'a test',
  subject: 'instrument',
  entry_long: 'close / mean(close, 20) - 1 < -0.001',
  entry_short: 'close / mean(close, 20) - 1 > 0.001',
  exit: 'rsi(14) > 70',
  stop: { bps: 25 },
  target: { bps: 45 },
  max_age: 9,
};

const INSTRUMENT: readonly { readonly bars: readonly Bar[] }[] = (() => {
  const rng = createRng('warm-up waits');
  let close = 20_000;
  return Array.from({ length: 1800 }, (_, n) => {
    const open = close;
    close *= Math.exp(0.001 * rng.normal());
    const high = Math.max(open, close) * 1.0001;
    const low = Math.min(open, close) * 0.9999;
    const time = (START_MS / 1000 + 60 * n) as OpenTime;
    return { bars: [{ symbol: ID, time, open, high, low, close, volume: 3, takerBuyVolume: 1 }] };
  });
})();

let folder: string;
let store: JournalStore;
let refuses: boolean;
let answers: (SignalRow | ShadowRow)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-waits-'));
  store = openJournal(join(folder, 'journal.db'));
  refuses = false;
  answers = [];
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

/** A pipeline whose journal is on disk, and refused while `refuses`. */
function openOnDisk(changes: Parameters<typeof openBench>[1]): Bench {
  const writer = writeInPlace(store);
  const full = describeError(Object.assign(new Error('disk full'), { code: 'ENOSPC' }));
  const journal = createJournal({
    writer: {
      ...writer,
      write(batches, onWritten) {
        if (refuses) return onWritten(0, full);
        answers.push(...batches.flatMap(({ signals, shadows }) => [...signals, ...shadows]));
        writer.write(batches, onWritten);
      },
    },
    scheduler: MACHINE_SCHEDULER,
    onFailure: () => undefined,
    onRecovered: () => undefined,
  });
  return openBench(settings, { ...changes, journal });
}

async function feed({ pipeline }: Bench, minutes: readonly { readonly bars: readonly Bar[] }[]): Promise<void> {
  for (const { bars } of minutes) {
    for (const bar of bars) pipeline.inputs.take(barInput(bar, false));
    await pipeline.settled();
  }
}

function ruleOf(): RuleModel {
  const manifest = { version: '20260101_0000-00000000', instrument: ID, market: 'live', strategy: DOCUMENT };
  const judged = { ...manifest, edge: { no_edge: false } } as unknown as RuleManifest;
  return fileRule(judged, 'of a rule', instrumentStrategy(DOCUMENT, 'test'));
}

function describeAnswer(row: SignalRow | ShadowRow): string {
  const crc = 'featuresCrc' in row ? row.featuresCrc : 'shadow';
  return `${row.pairId} ${row.time} ${crc} ${row.body}`;
}

interface Kind {
  readonly name: string;
  readonly subjects: Parameters<typeof openBench>[1];
  readonly market: readonly { readonly bars: readonly Bar[] }[];
  /** What waits for the formulas, and what then answers. */
  load(): Promise<{ warm(bench: Bench): Promise<void>; use(bench: Bench): void }>;
}

const ALONE = { pairs: [], instruments: [parseInstrument(ID)] };
const KINDS: readonly Kind[] = [
  {
    name: 'models of pairs',
    subjects: {},
    market: PAIRS,
    async load() {
      const schema = featureSchema({ ...windows, formulas: 'far = rank(z_score, 70)\nratio = a.close / b.close' });
      const path = writeRandomBundle(mkdtempSync(join(folder, 'models-')), {
        schema,
        trees: 5,
        leaves: 5,
        seed: 'waits',
        created: new Date(0),
      });
      const set: ModelSet = await loadModelSet(path, configured, pairs.length);
      return {
        warm: ({ pipeline }) => pipeline.warm(set, store),
        use: ({ pipeline }) => pipeline.inputs.apply({ kind: 'swap', set }),
      };
    },
  },
  {
    name: 'a rule',
    subjects: ALONE,
    market: INSTRUMENT,
    load: () =>
      Promise.resolve({
        warm: ({ pipeline }) => pipeline.warmRule(ruleOf(), store),
        use: ({ pipeline }) => pipeline.inputs.apply({ kind: 'rule', instrument: ID, rule: ruleOf() }),
      }),
  },
  {
    name: 'a rule in shadow',
    subjects: ALONE,
    market: INSTRUMENT,
    load: () =>
      Promise.resolve({
        warm: ({ pipeline }) => pipeline.warmRule(ruleOf(), store, 'shadow'),
        use: ({ pipeline }) =>
          pipeline.inputs.apply({ kind: 'rule_shadow', instrument: ID, rule: ruleOf(), positions: new Map() }),
      }),
  },
  {
    name: 'a direction model',
    subjects: ALONE,
    market: INSTRUMENT,
    load() {
      const rowSchema = instrumentSchema({ ...INSTRUMENT_WINDOWS, formulas: 'far = rank(close, 70)' }, 60);
      const model = { rowSchema, manifest: { version: 'direction', timeframe: 60 } } as unknown as DirectionModel;
      return Promise.resolve({ warm: ({ pipeline }) => pipeline.warmDirection(model, store), use: () => undefined });
    },
  },
];

describe.each(KINDS)('formulas of $name', ({ subjects, market, load }) => {
  it('wait while the disk refuses the last bars, and are then those of a disk that never did', async () => {
    const early = market.length - 40;
    const runs: (readonly string[])[] = [];
    for (const isRefusing of [true, false]) {
      store.close();
      rmSync(join(folder, 'journal.db'), { force: true });
      store = openJournal(join(folder, 'journal.db'));
      const bench = openOnDisk(subjects);
      const { warm, use } = await load();
      await feed(bench, market.slice(0, early));
      refuses = isRefusing;
      await feed(bench, market.slice(early, early + 5));
      if (isRefusing) {
        for (let look = 0; look < 2; look++) await expect(warm(bench)).rejects.toMatchObject({ code: 'WARM_UP_WAITS' });
      }
      refuses = false;
      await feed(bench, market.slice(early + 5, early + 6));
      await warm(bench);
      use(bench);
      await feed(bench, market.slice(early + 6));
      expect(await bench.pipeline.settled()).toBe(true);
      runs.push(answers.splice(0).map(describeAnswer));
    }
    expect(runs[0]!.length).toBeGreaterThanOrEqual(market.length);
    expect(runs[0]!.length).toBe(runs[1]!.length);
    for (const [row, text] of runs[0]!.entries()) expect(text).toBe(runs[1]![row]);
  });
});
