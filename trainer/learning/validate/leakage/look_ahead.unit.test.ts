import { writtenGate } from '../../../../test/written_gate.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { readBarFolder } from '../../../../shared/bar_file/bar_file.ts';
import { realData, skipNote } from '../../../../shared/bar_file/real_data.fixture.ts';
import { featureDefinitions, warmupBars } from '../../../../shared/core/features/features.ts';
import { parsePair } from '../../../../shared/pair.ts';
import { loadSettings } from '../../../../shared/policy/policy.ts';
import { tinyBars, tinySettings } from '../../../../test/tiny_settings.ts';
import { wholeHistory, type StoredHistory } from '../../history/kept_history.ts';
import { buildPairHistory, type PairHistory } from '../../history/pair_history.ts';
import { EVALUATION_BARRIERS, reversionLabel } from '../../strategies/pair_reversion/label/reversion.ts';
import { riskLabel } from '../../strategies/pair_reversion/label/risk.ts';
import { scaleLabel } from '../../strategies/pair_reversion/label/scale.ts';
import {
  checkFeatureLookAhead,
  checkLabelEnds,
  type LookAheadOptions,
  longRun,
  type LabelOf,
  type LongRun,
} from './look_ahead.ts';

const settings = tinySettings();
const { windows } = settings.minutehand;
const RISK = { horizon: 20, leverage: 10, dd_threshold: 0.02, vol_ratio: 1.5, corr_drop: -0.15 };
const SCALE = { horizon: 20, leverage: 10, target_sigma: 0.005 };
const LABELS: Record<string, LabelOf> = {
  reversion: (history, t) => reversionLabel(history, t, EVALUATION_BARRIERS),
  risk: (history, t) => riskLabel(history, t, RISK),
  scale: (history, t) => scaleLabel(history, t, SCALE),
};
const options: LookAheadOptions = {
  build: (pair, a, b) => buildPairHistory(pair, a, b, windows, () => true),
  names: featureDefinitions(windows).map(({ name }) => name),
  outside: [],
  warmupBars: warmupBars(windows),
  samples: 60,
  seed: 'cut off',
};

/** The long runs by `build`; features are kept of every third bar unless it keeps all. */
function runsOf(build: LookAheadOptions['build'], keepAll = false): LongRun[] {
  const bars = tinyBars(settings, 1500);
  return settings.minutehand.pairs.map((id) => {
    const pair = parsePair(id);
    const a = bars.get(pair.a)!;
    const b = bars.get(pair.b)!;
    const history = build(pair, a, b);
    return longRun(keepAll ? history : buildPairHistory(pair, a, b, windows, (time) => time % 180 === 0), a, b);
  });
}

/** A history in which feature 2 of each bar was changed after all bars were known. */
function tampered(change: (history: PairHistory, t: number) => number): LookAheadOptions['build'] {
  return (pair, a, b) => {
    const history = options.build(pair, a, b);
    const width = history.features.length / history.rows;
    const features = history.features.slice();
    for (let t = 0; t < history.length; t++) features[history.row[t]! * width + 2] = change(history, t);
    return { ...history, features };
  };
}

/** The history as if it were in a file; `read` receives the id of its pair whenever it is read. */
function storedIn(history: PairHistory, read: string[]): StoredHistory {
  const { pair, length, rows } = history;
  return { pair, length, rows, read: () => (read.push(pair.id), history) };
}

let runs: LongRun[];

beforeAll(() => {
  runs = runsOf(options.build);
});

describe('checkFeatureLookAhead', () => {
  it('passes the features of the core, from exactly their warm-up', () => {
    const verdict = writtenGate(checkFeatureLookAhead(runs, options));
    expect(verdict).toMatchObject({
      name: 'features look-ahead',
      passed: true,
      seen: '60 sampled bars equal to the bit',
      limit: `features from the ${options.warmupBars} minutes up to a bar equal those of the long run`,
    });
  });

  it('fails a series other than features that looks one bar ahead, and names all differences', () => {
    const ahead: LookAheadOptions['build'] = (pair, a, b) => {
      const history = tampered((own, t) => own.z[Math.min(t + 1, own.length - 1)]!)(pair, a, b);
      return { ...history, z: history.z.map((z, t) => (t === 0 ? z + 1 : z)), beta: history.beta };
    };
    const verdict = writtenGate(checkFeatureLookAhead(runsOf(ahead, true), { ...options, build: ahead }));
    expect(verdict.passed).toBe(false);
    expect(verdict.seen).toMatch(/^60 of 60 sampled bars differ, first \w+ 20.*Z: z, feature corr$/);
  });

  it('accuses no column of a table, whose values the bars do not have, and names it; the others as before', () => {
    const table = tampered((_, t) => t);
    const own = { ...options, outside: [options.names[2]!] };
    const given = runsOf(table, true);
    expect(writtenGate(checkFeatureLookAhead(given, own))).toMatchObject({
      passed: true,
      seen: `60 sampled bars equal to the bit, but of ${options.names[2]!}, which a table has`,
    });
    expect(checkFeatureLookAhead(given, { ...own, outside: [options.names[3]!] }).passed).toBe(false);
  });

  it('tries every bar with kept features, including the first one of each pair', () => {
    const tried = new Set<string>();
    const short = settings.minutehand.pairs.map((id): LongRun => {
      const pair = parsePair(id);
      const [a, b] = [pair.a, pair.b].map((symbol) => tinyBars(settings, options.warmupBars + 2).get(symbol)!);
      return longRun(options.build(pair, a!, b!), a!, b!);
    });
    const labelOf: LabelOf = (history, t) => {
      tried.add(`${history.pair.id} ${t}`);
      return null;
    };
    checkLabelEnds('ai1', short, labelOf, options);
    const all = short.flatMap(({ history }) =>
      Array.from({ length: history.length }, (_, t) => `${history.pair.id} ${t}`),
    );
    expect([...tried].sort()).toEqual(all.sort());
  });

  it('fails a feature that looks one bar ahead', () => {
    const ahead = tampered((history, t) => history.z[Math.min(t + 1, history.length - 1)]!);
    const verdict = writtenGate(checkFeatureLookAhead(runsOf(ahead, true), { ...options, build: ahead }));
    expect(verdict.passed).toBe(false);
    expect(verdict.seen).toMatch(/of 60 sampled bars differ, first \w+ 20.*Z: feature corr$/);
  });

  it('fails a feature that was scaled by statistics of the whole run', () => {
    const scaled = tampered((history, t) => history.z[t]! / Math.max(...history.z));
    expect(checkFeatureLookAhead(runsOf(scaled, true), { ...options, build: scaled }).passed).toBe(false);
  });

  it('fails a feature that depends on where the run began', () => {
    const summed = tampered((history, t) => history.z.subarray(0, t + 1).reduce((sum, z) => sum + z, 0) / (t + 1));
    expect(checkFeatureLookAhead(runsOf(summed, true), { ...options, build: summed }).passed).toBe(false);
  });

  it('fails a warm-up that is stated too short or too long', () => {
    for (const off of [-1, 1]) {
      const verdict = writtenGate(checkFeatureLookAhead(runs, { ...options, warmupBars: options.warmupBars + off }));
      expect(verdict.passed).toBe(false);
      expect(verdict.seen).toMatch(/has [02] warm bars/);
    }
  });

  it('fails one that differs in its last bit', () => {
    const [first, ...others] = runs;
    const history = wholeHistory(first!.history);
    const features = new Float32Array(history.features);
    const bits = new Uint32Array(features.buffer);
    for (let i = 2; i < bits.length; i += features.length / history.rows) bits[i]! ^= 1;
    const turned = [{ ...first!, history: { ...history, features } }, ...others];
    expect(checkFeatureLookAhead(turned, options).passed).toBe(false);
  });

  it('reads stored histories one pair after the other, and finds the same in them', () => {
    const [first, ...others] = runs;
    const history = wholeHistory(first!.history);
    const features = history.features.map((value) => value + 1);
    const changed = [{ ...first!, history: { ...history, features } }, ...others];
    const read: string[] = [];
    const stored = changed.map((run): LongRun => ({ ...run, history: storedIn(wholeHistory(run.history), read) }));
    expect(checkFeatureLookAhead(stored, options)).toEqual(checkFeatureLookAhead(changed, options));
    expect(checkLabelEnds('ai1', stored, LABELS['risk']!, options)).toEqual(
      checkLabelEnds('ai1', changed, LABELS['risk']!, options),
    );
    const ids = stored.map((run) => run.history.pair.id);
    // Bars with features are counted, features are compared; bars are counted, labels are made, and made again.
    expect(read).toEqual([...ids, ...ids, ...ids, ...ids, ...ids]);
  });

  it('does not pass without a bar to test', () => {
    expect(checkFeatureLookAhead([], options).passed).toBe(false);
  });
});

describe('checkLabelEnds', () => {
  it.each(Object.keys(LABELS))('passes the %s label: it needs no bar after its end', (name) => {
    const verdict = writtenGate(checkLabelEnds('ai1', runs, LABELS[name]!, options));
    expect(verdict).toMatchObject({ name: 'ai1 label ends', passed: true });
    expect(verdict.seen).toBe('60 sampled labels the same');
    expect(verdict.limit).toBe('a label needs no bar after the one at which it was known');
  });

  it('fails a label whose end depends on later bars', () => {
    const moving: LabelOf = (history, t) =>
      t + 3 < history.length ? { label: 1, end: t + 2 } : t + 2 < history.length ? { label: 1, end: t + 1 } : null;
    const verdict = writtenGate(checkLabelEnds('ai1', runs, moving, options));
    expect(verdict.passed).toBe(false);
    expect(verdict.seen).toMatch(/: 1 after 2 bars became 1 after 1 bars$/);
  });

  it('finds labels to test where few bars have one, and does not pass without any', () => {
    const candidates: LabelOf = (history, t) =>
      Math.abs(history.z[t]!) >= 2 ? LABELS['reversion']!(history, t) : null;
    expect(writtenGate(checkLabelEnds('ai1', runs, candidates, options)).seen).toBe('60 sampled labels the same');
    expect(checkLabelEnds('ai1', runs, () => null, options).passed).toBe(false);
  });

  it('fails a label that was known later than stated', () => {
    const early: LabelOf = (history, t) => {
      const outcome = riskLabel(history, t, RISK);
      return outcome && { ...outcome, end: outcome.end - 1 };
    };
    const verdict = writtenGate(checkLabelEnds('ai1', runs, early, options));
    expect(verdict.passed).toBe(false);
    expect(verdict.seen).toMatch(/sampled labels differ, first .* after 19 bars became none/);
  });

  it('fails a label that reads a bar after its end', () => {
    const peeking: LabelOf = (history, t) => {
      const outcome = scaleLabel(history, t, SCALE);
      return outcome && { ...outcome, label: outcome.label + (history.z[outcome.end + 1] ?? 0) };
    };
    expect(checkLabelEnds('ai1', runs, peeking, options).passed).toBe(false);
  });
});

const m1 = realData('m1');
describe('on real bars', () => {
  it.skipIf(m1 === null)(`gold and silver have features and labels without look-ahead${skipNote(m1)}`, async () => {
    const real = loadSettings({ env: {} }).minutehand.windows;
    const bars = await readBarFolder(m1!, ['XAUUSD', 'XAGUSD']);
    const a = bars.get('XAUUSD')!;
    const b = bars.get('XAGUSD')!;
    const history = buildPairHistory(parsePair('XAUUSD_XAGUSD'), a, b, real, (time) => time % 300 === 0);
    const own: LookAheadOptions = {
      build: (pair, legA, legB) => buildPairHistory(pair, legA, legB, real, () => true),
      names: options.names,
      outside: [],
      warmupBars: warmupBars(real),
      samples: 100,
      seed: 'real',
    };
    const run = [longRun(history, a, b)];
    expect(checkFeatureLookAhead(run, own)).toMatchObject({ passed: true });
    for (const labelOf of Object.values(LABELS))
      expect(checkLabelEnds('ai1', run, labelOf, own)).toMatchObject({ passed: true });
  });
});
