import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { activate, unjudged } from './activate.ts';
import { proveDay } from '../cli/parity/prove_day.ts';
import { replayJournal } from '../daemon/replay.ts';
import { barInput } from '../daemon/queue/input.ts';
import { byMinute, openBench } from '../daemon/pipeline.fixture.ts';
import type { OpenTime } from '../shared/bar.ts';
import { clipBars, readBarFolder, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { realData, skipNote } from '../shared/bar_file/real_data.fixture.ts';
import { readActive, readManifest } from '../shared/bundle/bundle.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { encodeTreeModel } from '../shared/bundle/onnx/onnx.ts';
import { decodeTreeModel } from '../shared/bundle/onnx/tree_graph.ts';
import { readRollout } from '../shared/bundle/rollout.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import { homePaths } from '../shared/home.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { openJournal } from '../shared/store/journal.ts';
import { carryOut, lookAtRollout, startRollout } from '../trainer/control/rollout/steps.ts';
import { IS_WEEKLY, WEEKLY_NOTE } from './weekly.ts';
import { tinySettings, tinyModels } from './tiny_models.ts';
import { sha256Hex } from '../shared/sha256.ts';

const DATA = realData('m1');
const DAY = 86_400;
const at = (day: string): OpenTime => (Date.parse(`${day}T00:00:00Z`) / 1000) as OpenTime;
const [LEARNED_FROM, HISTORY_FROM, JULY, AUGUST] = ['2019-05-01', '2019-06-24', '2019-07-01', '2019-08-01'].map(at) as [
  ...[OpenTime, OpenTime, OpenTime, OpenTime],
];
const MINUTES_PER_LOOK = 360;

const { windows, decision, label } = loadSettings({ env: {} }).minutehand;
const PAIRS = ['EURUSD_GBPUSD', 'AUDUSD_NZDUSD', 'XAUUSD_XAGUSD'];
const TREES = { rounds: 60, learning_rate: 0.1, leaves: 15, min_data_in_leaf: 100 };
const train = { ai1: TREES, ai2: TREES, ai3: TREES, max_rows: 40_000 };
const settings = tinySettings({ minutehand: { pairs: PAIRS, windows, decision, label, train } });
/** Shift in logits. */
const SHIFT = 1;
const schema = featureSchema(windows);

const folder = mkdtempSync(join(tmpdir(), 'minutehand-month-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const paths = homePaths({ MINUTEHAND_HOME: folder });
const journalPath = paths.journal('simulated', 'main');
const load = (version: string, rows: number): Promise<ModelSet> =>
  loadModelSet(join(paths.models, version), schema, rows);

const cut = (bars: ReadonlyMap<string, BarColumns>, from: OpenTime, to: OpenTime): Map<string, BarColumns> =>
  new Map([...bars].map(([symbol, columns]) => [symbol, clipBars(columns, from, to)]));

/** A challenger trained on May and June, and a champion whose reversion probabilities are far too high. */
async function makeModels(bars: ReadonlyMap<string, BarColumns>): Promise<[string, string]> {
  const challenger = await tinyModels(paths.models, { settings, bars: cut(bars, LEARNED_FROM, JULY) });
  const champion = '20240101_0000';
  const folderOf = join(paths.models, champion);
  cpSync(challenger.path, folderOf, { recursive: true });
  const { model, metadata } = decodeTreeModel(readFileSync(join(folderOf, 'ai1.onnx')));
  const ensembles = model.ensembles.map((one) => ({ ...one, baseScore: Math.fround(one.baseScore + SHIFT) }));
  const bytes = encodeTreeModel({ ...model, ensembles }, { metadata });
  writeFileSync(join(folderOf, 'ai1.onnx'), bytes);
  const manifest = readManifest(folderOf);
  const shifted = (p: number): number => 1 / (1 + Math.exp(-(Math.log(p / (1 - p)) + SHIFT)));
  const golden = { ...manifest.golden, ai1: manifest.golden.ai1.map(shifted) };
  const files = { ...manifest.files, 'ai1.onnx': { sha256: sha256Hex(bytes), bytes: bytes.length } };
  writeFileSync(join(folderOf, 'manifest.json'), JSON.stringify({ ...manifest, version: champion, golden, files }));
  return [champion, challenger.version];
}

/**
 * July through the daemon's pipeline; the trainer evaluates the rollout every six hours of bars.
 * @returns the stages
 */
async function live(bars: ReadonlyMap<string, BarColumns>, champion: string, challenger: string): Promise<string[]> {
  const place = { settings, paths };
  const journal = openJournal(journalPath);
  const bench = openBench(settings);
  const { inputs } = bench.pipeline;
  const stages: string[] = [];
  let isStarted = false;
  inputs.apply({ kind: 'swap', set: await load(champion, PAIRS.length) });
  const store = (): void => {
    journal.append(bench.inputs.splice(0), bench.rows.splice(0), bench.shadows.splice(0));
    for (const list of [bench.signals, bench.texts, bench.batches]) list.length = 0;
  };
  /** Applies rollout.json and active.json, as the daemon does. */
  async function follow(): Promise<void> {
    const state = readRollout(paths.models)!;
    stages.push(state.status === 'active' ? `${state.stage} ${state.share}` : state.status);
    if (state.status === 'active')
      inputs.apply({ kind: 'rollout', rollout: state, set: await load(challenger, PAIRS.length) });
    else inputs.apply({ kind: 'rollout', rollout: null, set: null });
    const { version } = readActive(paths.models)!;
    if (version !== champion) inputs.apply({ kind: 'swap', set: await load(version, PAIRS.length) });
  }
  for (const [index, minute] of byMinute(cut(bars, HISTORY_FROM, AUGUST)).entries()) {
    const isHistory = minute.time < JULY;
    if (!isHistory && !isStarted) {
      isStarted = true;
      store();
      startRollout(place, unjudged('rollout', paths.models, challenger), null);
      await follow();
    }
    for (const bar of minute.bars) inputs.take(barInput(bar, isHistory));
    inputs.endMinute();
    await bench.pipeline.settled();
    if (index % MINUTES_PER_LOOK !== 0) continue;
    store();
    const look = isStarted ? await lookAtRollout(place) : null;
    if (look === null) continue;
    const before = `${look.rollout.stage} ${look.rollout.status}`;
    const after = await carryOut(place, look, {
      ...place,
      registered: () => Promise.resolve(undefined),
      promotionFence: () => Promise.resolve(1),
    });
    if (`${after.stage} ${after.status}` !== before) await follow();
  }
  store();
  journal.close();
  return stages;
}

async function replay() {
  const store = openJournal(journalPath, { readOnly: true });
  const loadModels = (version: string): Promise<ModelSet> => load(version, PAIRS.length);
  const options = { settings, pairIds: PAIRS, clock: MACHINE_CLOCK, bootId: '20190801T000000000Z', store, loadModels };
  const { signals, equal, different, sha256 } = await replayJournal({ ...options, onSignals: () => undefined });
  store.close();
  return { signals, equal, different, sha256 };
}

it.runIf(IS_WEEKLY && DATA !== null)(
  `July 2019 goes through all stages of a rollout, replays twice to the byte, and each day is certified${skipNote(DATA)}${WEEKLY_NOTE}`,
  { timeout: 3_600_000 },
  async () => {
    mkdirSync(paths.models, { recursive: true });
    const bars = await readBarFolder(DATA!, symbolsOf(PAIRS.map(parsePair)), { from: LEARNED_FROM, to: AUGUST });
    const [champion, challenger] = await makeModels(bars);
    activate(paths.models, champion);
    const stages = await live(bars, champion, challenger);
    expect(stages).toEqual(['test 0.1', 'pilot 0.3', 'rollout 0.7', 'promoted']);
    expect(readActive(paths.models)).toEqual({ version: challenger, previous: champion });
    const first = await replay();
    expect([first.different, first.equal]).toEqual([0, first.signals]);
    expect(await replay()).toEqual(first);
    const verdicts: string[] = [];
    for (let day = JULY; day < AUGUST; day = (day + DAY) as OpenTime) {
      const options = {
        settings,
        paths,
        market: 'simulated',
        shard: 'main',
        day,
        onProgress: () => undefined,
      } as const;
      try {
        const { verdict, mismatches } = await proveDay(options);
        expect(mismatches).toEqual([]);
        verdicts.push(verdict);
      } catch (error) {
        // A Saturday has no bars.
        expect(error).toMatchObject({ code: 'DATA_MISSING' });
        expect(new Date(day * 1000).getUTCDay()).toBe(6);
      }
    }
    expect(verdicts).toHaveLength(27);
    expect(verdicts).not.toContain('MISMATCH');
  },
);
