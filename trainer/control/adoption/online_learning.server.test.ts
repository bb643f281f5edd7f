import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import { readActive, readManifest } from '../../../shared/bundle/bundle.ts';
import { armVersions, readRollout } from '../../../shared/bundle/rollout.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import type { OnlineLearning } from '../../../shared/policy/online_learning.ts';
import { copyUnder, tinyModels, tinySettings } from '../../../test/tiny_models.ts';
import { activate } from '../../../test/activate.ts';
import { withRegistry } from '../registry/outcome.ts';
import { abortRollout, carryOut, returnedUpdates, type RolloutLook } from '../rollout/steps.ts';
import { adoptTrained, type Adoption } from './adopt_trained.ts';

let folder: string;
let paths: HomePaths;
let full: string;
let notes: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-online-'));
  paths = homePaths({ MINUTEHAND_HOME: folder });
  ({ version: full } = await tinyModels(paths.models));
  activate(paths.models, full);
  notes = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As a warm start of that day would write it. */
const updateOf = (day: number): string => copyUnder(paths.models, full, `202402${String(day).padStart(2, '0')}_2230`);

const admission = {
  registered: () => Promise.resolve(undefined),
  promotionFence: () => Promise.resolve(1),
};

interface Asked {
  readonly kind?: string;
  readonly policy?: OnlineLearning;
  readonly by?: 'swap' | 'rollout';
  readonly weekly?: string | null;
}

function adopt(
  version: string,
  { kind = 'warm_start', policy = 'warm_start', by = 'swap', weekly = null }: Asked = {},
): Promise<Adoption> {
  const settings = tinySettings({
    retrain: { adopt_by: by, online_learning: policy, retrain_weekly_cron: weekly },
  });
  const gates = (readManifest(join(paths.models, version)).gates ?? []) as RecordedGate[];
  return adoptTrained(
    { shelf: 'pairs', version },
    gates,
    { adopt: true, kind, output: { folder: null } },
    {
      settings,
      paths,
      ...admission,
      withRegistry: (work, shelf) => withRegistry({}, paths, work, shelf),
      note: (text) => void notes.push(text),
    },
  );
}

const state = () => readRollout(paths.models)!;
const active = (): string => readActive(paths.models)!.version;
const lookWith = (verdict: RolloutLook['verdict']): RolloutLook =>
  ({ rollout: state(), verdict, facts: { sinceStartMs: 0 } }) as RolloutLook;
const settings = tinySettings();
const execute = (look: RolloutLook) => carryOut({ settings, paths }, look, { settings, paths, ...admission });

describe('an update of the active models', () => {
  it('is never swapped in: it begins a rollout, and the next one takes its place there', async () => {
    const first = await adopt(updateOf(1));
    expect(first).toMatchObject({ adopted: false, rollout: state().id });
    const begun = state();
    expect(begun).toMatchObject({ of_updates: true, champion: full, challenger: '20240201_2230', history: [] });
    const second = await adopt(updateOf(2), { policy: 'recalibrate' });
    expect(second).toMatchObject({ adopted: false, rollout: begun.id });
    // One candidate of the false-discovery control, one assignment of entries, one stage.
    const { updates, ...after } = state();
    const { updates: before, ...same } = begun;
    expect(after).toEqual({ ...same, challenger: '20240202_2230' });
    expect([before!.length, updates!.map(({ version }) => version)]).toEqual([1, ['20240201_2230', '20240202_2230']]);
    expect(notes.at(-1)).toBe(`Rollout ${begun.id} goes on with update 2: 20240202_2230.`);
    expect(active()).toBe(full);
    const statuses = await withRegistry({}, paths, async (registry) => registry.list());
    expect(new Map(statuses.map(({ version, status }) => [version, status]))).toEqual(
      new Map([
        [full, 'active'],
        ['20240201_2230', 'candidate'],
        ['20240202_2230', 'candidate'],
      ]),
    );
  });

  it('is adopted as any bundle where online learning is off, and other bundles by adopt_by in any case', async () => {
    expect(await adopt(updateOf(1), { policy: 'off' })).toMatchObject({ adopted: true, rollout: null });
    expect(await adopt(updateOf(2), { kind: 'train' })).toMatchObject({ adopted: true, rollout: null });
    expect(active()).toBe('20240202_2230');
    // A rollout of another bundle is not given to an update.
    await adopt(updateOf(3), { kind: 'train', by: 'rollout' });
    expect(state().of_updates).toBeUndefined();
    const late = await adopt(updateOf(4));
    expect(late).toMatchObject({ adopted: false, rollout: null });
    expect(late.gates.at(-1)).toMatchObject({ code: 'rollout', passed: false, evidence: { active: state().id } });
    expect(state().challenger).toBe('20240203_2230');
  });

  it('is promoted as the newest one that was judged, and the next begins anew against it', async () => {
    await adopt(updateOf(1));
    const old = lookWith({ verdict: 'promote' });
    await adopt(updateOf(2));
    // The evaluation is older than the second update.
    expect(await execute(old)).toMatchObject({ status: 'active', challenger: '20240202_2230' });
    expect(active()).toBe(full);
    expect(await execute(lookWith({ verdict: 'promote' }))).toMatchObject({ status: 'promoted' });
    expect(active()).toBe('20240202_2230');
    expect(returnedUpdates(paths)).toBeNull();
    await adopt(updateOf(3));
    expect(state()).toMatchObject({ champion: '20240202_2230', challenger: '20240203_2230', history: [true] });
  });

  it('rests after a return until other models are active, by every way of asking', async () => {
    await adopt(updateOf(1));
    await execute(lookWith({ verdict: 'abort', reason: 'the challenger is worse: e-value 21.0' }));
    expect([state().status, active()]).toEqual(['aborted', full]);
    const refused = {
      code: 'WARM_START_REFUSED',
      seen: `rollout ${state().id} of the updates of ${full} was aborted: the challenger is worse: e-value 21.0`,
    };
    await expect(adopt(updateOf(2))).rejects.toMatchObject(refused);
    await expect(adopt(updateOf(3), { policy: 'recalibrate', by: 'rollout' })).rejects.toMatchObject(refused);
    // Another full training.
    await adopt(updateOf(4), { kind: 'train' });
    expect(active()).toBe('20240204_2230');
    await adopt(updateOf(5));
    expect(state()).toMatchObject({ champion: '20240204_2230', challenger: '20240205_2230', history: [false] });
    expect(state().promotion_e_value).toBeGreaterThan(20);
  });

  it('says where the weekly training would end its rollout before the last stage', async () => {
    await adopt(updateOf(1), { weekly: '0 4 * * 6' });
    expect(notes.at(-1)).toBe(
      'Its stages take 11.0 days, and a full training that is adopted ends it: retrain_weekly_cron is 0 4 * * 6; null leaves it the time.',
    );
    abortRollout(paths, 'by hand');
    await adopt(updateOf(2), { kind: 'train' });
    await adopt(updateOf(3));
    expect(notes.filter((text) => text.startsWith('Its stages take'))).toHaveLength(1);
  });

  it('does not join a rollout whose champion is no longer active', async () => {
    await adopt(updateOf(1));
    await adopt(updateOf(2), { kind: 'train' });
    const third = await adopt(updateOf(3));
    expect(third).toMatchObject({ adopted: false, rollout: null });
    expect(state()).toMatchObject({ champion: full, challenger: '20240201_2230' });
    abortRollout(paths, 'by hand');
    await adopt(updateOf(4));
    expect(state()).toMatchObject({ champion: '20240202_2230', challenger: '20240204_2230' });
  });

  it('is kept while its rollout is active, for a replay needs every update', async () => {
    await adopt(updateOf(1));
    for (const day of [2, 3, 4, 5, 6, 7, 8]) await adopt(updateOf(day));
    expect(armVersions(state())).toHaveLength(9);
    await withRegistry({}, paths, (registry) => registry.retain(1));
    for (const version of armVersions(state())) expect(readManifest(join(paths.models, version)).version).toBe(version);
    abortRollout(paths, 'by hand');
    const { removed } = await withRegistry({}, paths, (registry) => registry.retain(1));
    expect([...removed].sort()).toEqual(
      armVersions(state())
        .filter((version) => version !== full)
        .sort(),
    );
  });
});
