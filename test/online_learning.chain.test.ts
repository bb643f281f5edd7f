import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseDocument } from 'yaml';
import { readActive, readManifest } from '../shared/bundle/bundle.ts';
import { readRollout } from '../shared/bundle/rollout.ts';
import type { SignalBody } from '../shared/signal/signal.ts';
import { openJournal } from '../shared/store/journal.ts';
import type { RetrainRun } from '../trainer/control/schedule/run.ts';
import { ADOPTABLE, ADOPTABLE_MINUTES, storeBars } from './adoptable_settings.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import type { SettingsOverrides } from './tiny_models.ts';

// Each wait has its own deadline and names its condition.
vi.setConfig({ testTimeout: 480_000, hookTimeout: 120_000 });

/** Small, and passes every gate; days of its market pass quickly. */
const SETTINGS: SettingsOverrides = {
  ...ADOPTABLE,
  retrain: {
    ...ADOPTABLE.retrain,
    online_learning: 'warm_start',
    rollout_min_labels: 5,
    rollout_loss_budget_bps: 10_000,
  },
  minutehand: { ...ADOPTABLE.minutehand, simulated: { seed: 2, bar_interval_ms: 60, history_bars: 600 } },
};
const DAY = 1440;
/** Of the full training, and of the first update: a fifth of its time, its holdout, has to pass every gate. */
const MINUTES = { full: ADOPTABLE_MINUTES, updated: ADOPTABLE_MINUTES + 15 * DAY };

let place: Workplace;
let daemon: Running;
let trainer: Running;
let trainerPort: number;

beforeAll(async () => {
  place = createWorkplace(SETTINGS);
  await importBars(MINUTES.full);
  daemon = place.start(['daemon']);
  trainer = place.start(['trainer', '--json']);
  const ready = await eventually('the ready line of the trainer', () => trainer.stdout() || undefined);
  ({ port: trainerPort } = JSON.parse(ready) as { port: number });
});
afterAll(() => place.remove());

/** The trainer learns from them; the daemon's own market comes to them later. */
function importBars(minutes: number): Promise<void> {
  return storeBars(join(place.home, 'trainer.db'), place.settings, minutes);
}

async function runThatEnded(id: number): Promise<RetrainRun> {
  return eventually(
    `the end of run ${id}`,
    async () => {
      const response = await fetch(`http://127.0.0.1:${trainerPort}/runs`);
      const { runs } = (await response.json()) as { runs: RetrainRun[] };
      return runs.find(({ run_id, finished_at }) => run_id === id && finished_at !== null);
    },
    7,
  );
}

/** What the schedule begins every day. */
async function update(): Promise<RetrainRun> {
  const response = await fetch(`http://127.0.0.1:${trainerPort}/retrain?kind=incremental`, { method: 'POST' });
  expect(response.status).toBe(202);
  return runThatEnded(((await response.json()) as RetrainRun).run_id);
}

const journalPath = (): string => join(place.home, 'simulated_main.db');

function fromJournal<Result>(read: (journal: ReturnType<typeof openJournal>) => Result): Result {
  const journal = openJournal(journalPath(), { readOnly: true });
  try {
    return read(journal);
  } finally {
    journal.close();
  }
}

const published = (): SignalBody[] =>
  fromJournal((journal) => [...journal.signals()].map(({ body }) => JSON.parse(`${body}}`) as SignalBody));

async function newSignals(what: string, isWanted: (body: SignalBody) => boolean): Promise<void> {
  const before = published().length;
  await eventually(what, () => published().slice(before).some(isWanted) || undefined);
}

function setRetrain(key: string, value: unknown): void {
  const path = join(place.config, 'retrain_policy.yaml');
  const document = parseDocument(readFileSync(path, 'utf8'));
  document.setIn([key, 'value'], value);
  writeFileSync(path, document.toString());
}

async function json<Answer>(...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await place.run([...args, '--json']);
  expect(`${code} ${stderr}`).toMatch(/^0 /);
  return JSON.parse(stdout) as Answer;
}

interface Look {
  readonly facts: { readonly labels: number };
  readonly verdict: string;
}

describe('online learning', () => {
  let full: string;
  let rollout: string;
  const updates: string[] = [];
  const challengers = (): Set<string> =>
    new Set(published().flatMap(({ arm, model_version }) => (arm === 'challenger' ? [model_version] : [])));

  it('begins a rollout of updates with the first one, although bundles are adopted by swap', async () => {
    const first = await runThatEnded(1);
    expect(first).toMatchObject({ status: 'adopted' });
    full = first.model_version!;
    await importBars(MINUTES.updated);
    const run = await update();
    expect(run.reasons).toEqual([]);
    expect(run).toMatchObject({ kind: 'incremental', status: 'rollout_started', previous_version: full });
    updates.push(run.model_version!);
    const state = readRollout(place.models)!;
    rollout = state.id;
    expect(state).toMatchObject({ of_updates: true, champion: full, challenger: updates[0], status: 'active' });
    expect(state.updates).toEqual([{ from: state.started, version: updates[0] }]);
    expect(readManifest(join(place.models, updates[0]!)).warm_start_from).toMatchObject({ version: full, times: 1 });
    await newSignals('signals of the update', ({ arm }) => arm === 'challenger');
    expect(readActive(place.models)!.version).toBe(full);
  });

  it('gives the next day’s update its place in the same rollout, across a kill of the daemon', async () => {
    const labels = await eventually('labels of the first update', async () => {
      const { facts } = await json<Look>('rollout', 'status');
      return facts.labels > 20 ? facts.labels : undefined;
    });
    await importBars(MINUTES.updated + DAY);
    const run = await update();
    expect(run.reasons).toEqual([]);
    expect(run).toMatchObject({ status: 'rollout_started' });
    updates.push(run.model_version!);
    // From the same full models again, not from the update before.
    expect(readManifest(join(place.models, updates[1]!)).warm_start_from).toMatchObject({ version: full, times: 1 });
    daemon.kill('SIGKILL');
    await daemon.ended;
    daemon = place.start(['daemon']);
    const state = readRollout(place.models)!;
    // Its stage is that of its age: days of this market pass while the second update is learned.
    expect(state).toMatchObject({ id: rollout, challenger: updates[1], status: 'active', history: [] });
    expect(state.updates!.map(({ version }) => version)).toEqual(updates);
    await newSignals('signals of the second update', ({ model_version }) => model_version === updates[1]);
    expect(challengers()).toEqual(new Set(updates));
    const { stdout } = await place.run(['status']);
    expect(stdout).toContain(`update ${updates[1]}`);
    const shown = await place.run(['rollout', 'status']);
    expect(shown.stdout).toContain(`Rollout ${rollout}: update 2, ${updates[1]} against ${full}`);
    // The evidence of the first one stays, and what the second answers is added.
    const after = await eventually('labels of the second update', async () => {
      const { facts } = await json<Look>('rollout', 'status');
      return facts.labels > labels + 20 ? facts.labels : undefined;
    });
    const answered = fromJournal((journal) => [...journal.shadowsOf(`updates@${rollout}`, 0 as never)].length);
    expect(after).toBeLessThan(answered);
  });

  it('returns by itself without decisive evidence, and rests until other models are active', async () => {
    setRetrain('rollout_timeout_days', 0.01);
    await eventually(
      'the end of the rollout',
      () => (readRollout(place.models)!.status === 'inconclusive' ? true : undefined),
      4,
    );
    await newSignals('signals of the full models alone', ({ arm, model_version }) => !arm && model_version === full);
    await importBars(MINUTES.updated + 2 * DAY);
    const run = await update();
    expect(run).toMatchObject({ status: 'nothing_new', error: null });
    expect(run.reasons).toEqual([expect.stringContaining(`rollout ${rollout} of the updates of ${full}`)]);
    const typed = await place.run(['train', '--warm-start', '--adopt', '--json']);
    expect([typed.code, typed.stderr]).toEqual([1, expect.stringContaining('WARM_START_REFUSED')]);
    expect(readActive(place.models)!.version).toBe(full);
  });

  it('leaves a journal that replays byte for byte, both updates included', async () => {
    for (const running of [trainer, daemon]) {
      running.kill('SIGTERM');
      await running.ended;
    }
    const replay = await json<{ equal: number; signals: number; differences: unknown[] }>(
      ...['replay', '--journal', journalPath(), '--models', place.models],
    );
    expect([replay.differences, replay.equal]).toEqual([[], replay.signals]);
    expect(challengers()).toEqual(new Set(updates));
  });
});
