import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { groupModelSets } from '../shared/bundle/grouped_models.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { MACHINE_CLOCK, MACHINE_SCHEDULER } from '../shared/clock.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { parsePair } from '../shared/pair.ts';
import { tinyBars, tinyModels, tinySettings } from '../test/tiny_models.ts';
import { marketOf, openBench } from './pipeline.fixture.ts';
import { DryRuns, type DryRunOptions } from './dry_runs.ts';

const settings = tinySettings();
const { windows, pairs } = settings.minutehand;
const WARMUP = warmupBars(windows);
const MINUTES = 40;
const { market, takeMinutes } = marketOf(tinyBars(settings, WARMUP + MINUTES + 20));

let folder: string;
let paths: string[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-dry-runs-'));
  const bundle = async (seed: number): Promise<string> =>
    (await tinyModels(join(folder, `models${seed}`), { seed, settings })).path;
  paths = [await bundle(1), await bundle(2)];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A set that notes how often it was asked and released. */
async function loadSet(path: string): Promise<{ set: ModelSet; noted: { asked: number; released: number } }> {
  const loaded = await loadModelSet(path, featureSchema(windows), pairs.length);
  const noted = { asked: 0, released: 0 };
  const set: ModelSet = {
    ...loaded,
    infer: (...batch) => (noted.asked++, loaded.infer(...batch)),
    release: () => (noted.released++, loaded.release()),
  };
  return { set, noted };
}

interface Options extends Pick<DryRunOptions, 'isIdle' | 'minutes'> {
  readonly ids: readonly string[];
}

function open(models: () => ModelSet | null, { ids = pairs, ...options }: Partial<Options> = {}): DryRuns {
  const machine = { clock: MACHINE_CLOCK, scheduler: MACHINE_SCHEDULER };
  return new DryRuns({ settings, pairs: ids.map(parsePair), ...machine, models, isIdle: () => true, ...options });
}

async function runUntil(dryRuns: DryRuns, answered: number): Promise<void> {
  for (let run = 0; dryRuns.answered < answered; run++) {
    expect(run).toBeLessThan(WARMUP + 20 * answered);
    await dryRuns.run();
  }
}

it('answer bars with the active models, follow a swap, and release none', async () => {
  const first = await loadSet(paths[0]!);
  const second = await loadSet(paths[1]!);
  let models: ModelSet | null = null;
  const dryRuns = open(() => models);
  for (let run = 0; run < 2 * WARMUP; run++) await dryRuns.run();
  expect(dryRuns.answered).toBe(0);
  models = first.set;
  await runUntil(dryRuns, 20);
  expect(first.noted.asked).toBeGreaterThan(5);
  const { asked } = first.noted;
  for (const { set } of [second, first, second]) {
    models = set;
    await runUntil(dryRuns, dryRuns.answered + 5);
  }
  expect(second.noted.asked).toBeGreaterThan(0);
  expect(first.noted.asked).toBeGreaterThan(asked);
  models = null;
  const { answered } = dryRuns;
  await dryRuns.run();
  expect([dryRuns.answered, first.noted.released, second.noted.released]).toEqual([answered, 0, 0]);
});

it('do not happen with models that answer later, or where all pairs have longer bars', async () => {
  const { set, noted } = await loadSet(paths[0]!);
  const later: ModelSet = { ...set, engines: { ...set.engines, ai2: 'onnxruntime-node' } };
  const own = [{ name: 'group', pairs, set: later }];
  const grouped = groupModelSets(set, own, pairs.length, featureSchema(windows).definitions.length);
  const ofHours = pairs.map((id) => `${id}@1h`);
  for (const dryRuns of [open(() => later), open(() => grouped), open(() => set, { ids: ofHours })]) {
    for (let run = 0; run < 2 * WARMUP; run++) await dryRuns.run();
    expect([dryRuns.answered, noted.asked]).toEqual([0, 0]);
  }
  await runUntil(
    open(() => set, { ids: [...pairs, ...ofHours] }),
    10,
  );
});

it('leave the models to a bar that comes in the middle of one', async () => {
  const { set, noted } = await loadSet(paths[0]!);
  let isIdle = true;
  const dryRuns = open(() => set, { isIdle: () => isIdle });
  await runUntil(dryRuns, 10);
  const { asked } = noted;
  for (let run = 0; run < 20; run++) {
    const running = dryRuns.run();
    isIdle = false;
    await running;
    isIdle = true;
  }
  expect(noted.asked).toBe(asked);
  await runUntil(dryRuns, dryRuns.answered + 10);
  expect(noted.asked).toBeGreaterThan(asked);
});

it('go on when the simulated market has ended, with new history', async () => {
  const { set, noted } = await loadSet(paths[0]!);
  const dryRuns = open(() => set, { minutes: WARMUP + 10 });
  await runUntil(dryRuns, 50);
  const { asked } = noted;
  await runUntil(dryRuns, 100);
  expect([noted.asked > asked, noted.released]).toEqual([true, 0]);
});

it('run one at a time', async () => {
  const { set } = await loadSet(paths[0]!);
  const dryRuns = open(() => set);
  const first = dryRuns.run();
  let isDone = false;
  void first.then(() => (isDone = true));
  await dryRuns.run();
  expect(isDone).toBe(false);
  await first;
});

it('do not change one byte of the signals of the pipeline whose models they use', async () => {
  const answer = async (withDryRuns: boolean): Promise<string[]> => {
    const { set } = await loadSet(paths[0]!);
    const bench = openBench(settings);
    const { inputs, queue, status } = bench.pipeline;
    inputs.apply({ kind: 'swap', set });
    const dryRuns = open(() => status.models, { isIdle: () => queue.isIdle });
    if (withDryRuns) await bench.pipeline.settled().then(() => runUntil(dryRuns, 10));
    for (let minute = 0; minute < market.length; minute++) {
      const running = withDryRuns ? dryRuns.run() : undefined;
      // Bars come at each step of a run.
      for (let turn = 0; turn < minute % 4; turn++) await new Promise((resolve) => setImmediate(resolve));
      takeMinutes(bench, minute, minute + 1);
      const other = withDryRuns ? dryRuns.run() : undefined;
      await bench.pipeline.settled();
      await Promise.all([running, other]);
    }
    expect(withDryRuns ? dryRuns.answered : 100).toBeGreaterThan(50);
    return bench.texts;
  };
  const alone = await answer(false);
  const beside = await answer(true);
  expect(alone.filter((text) => text.includes('"mode":"OK"')).length).toBeGreaterThan(MINUTES);
  expect(beside).toEqual(alone);
});
