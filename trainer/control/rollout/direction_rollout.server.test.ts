import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import { directionFolder, readActiveDirection } from '../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { EARLIER_COSTS } from '../../../shared/bundle/direction/direction_manifest.ts';
import { unmeasured } from '../../../shared/bundle/recorded_gates.ts';
import { armVersion, readRollout, type Rollout } from '../../../shared/bundle/rollout.ts';
import { homePaths } from '../../../shared/home.ts';
import { createRng } from '../../../shared/rng.ts';
import { ARMS, type Arm } from '../../../shared/core/rollout/assignment.ts';
import { openJournal, type InputRow, type ShadowRow, type SignalRow } from '../../../shared/store/journal.ts';
import { activateDirection, unjudged } from '../../../test/activate.ts';
import { writeTinyDirection } from '../../../test/tiny_direction.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import type { RolloutQuestion } from '../../jobs/comparison/live_comparison.ts';
import { DIRECTION_COMPARISON } from '../../jobs/strategies/direction/live_comparison.ts';
import { openShelf } from '../registry/shelf.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { standingOverrides } from '../admission/standing.ts';
import { shadowPower } from './shadow_power.ts';
import { carryOut, lookAtRollout, startRollout, type RolloutLook } from './steps.ts';

const ID = 'BTCUSDT@1h';
const HOUR = 3600;
const START = Date.parse('2026-01-05T00:00:00Z') / 1000;
const settings = tinySettings({
  minutehand: { instruments: [ID] },
  retrain: {
    deployment_stages: [
      { name: 'test', allocation: 0.1, duration: '24h' },
      { name: 'pilot', allocation: 0.3, duration: '3d' },
      { name: 'rollout', allocation: 0.7, duration: '7d' },
      { name: 'full', allocation: 1, duration: 'ongoing' },
    ],
    rollout_min_labels: 40,
    rollout_timeout_days: 60,
    rollout_loss_budget_bps: 100_000,
  },
});
const EVEN = [0.35, 0.35, 0.3] as const;
/** By the direction of the next hour. */
const KNOWING = { 1: [0.8, 0.1, 0.1], '-1': [0.1, 0.8, 0.1] } as const;

let paths: ReturnType<typeof homePaths>;
let champion: string;
let challenger: string;
/** Hours of the market so far. */
let hours: number;
let close: number;
let rng: ReturnType<typeof createRng>;
/** Direction of the next hour: more than the threshold of the label. */
let next: 1 | -1;

beforeEach(() => {
  paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-direction-rollout-')) });
  const write = (day: number): string =>
    writeTinyDirection(paths.models, 'BTCUSDT', '1h', new Date(Date.UTC(2026, 0, day)));
  champion = write(1);
  challenger = write(2);
  activateDirection(paths.models, champion, paths.home);
  hours = 0;
  close = 20_000;
  rng = createRng('hours');
  next = 1;
});
afterEach(() => rmSync(paths.home, { recursive: true }));

const place = () => ({
  settings,
  paths,
  registered: () => Promise.resolve(undefined),
  promotionFence: () => Promise.resolve(1),
});
const start = (version = challenger): Rollout =>
  startRollout({ settings, paths }, unjudged('rollout', paths.models, version, { slot: 'direction 1h' }), null);
const look = async (): Promise<RolloutLook> => (await lookAtRollout({ settings, paths }))!;

/** What is journaled of an hour beside its bar: by the direction of the next one, known to this test alone. */
type Journaled = (hour: number, time: OpenTime) => { readonly signals?: SignalRow[]; readonly shadows?: ShadowRow[] };

/** Hours of the market. */
function hoursPass(count: number, journaled: Journaled): void {
  const inputs: InputRow[] = [];
  const signals: SignalRow[] = [];
  const shadows: ShadowRow[] = [];
  for (let hour = hours; hour < hours + count; hour++) {
    close *= 1 + 0.03 * next;
    const time = (START + (hour + 1) * HOUR - SECONDS_PER_BAR) as OpenTime;
    const bar = { symbol: 'BTCUSDT', time, open: close, high: close, low: close, close, volume: 1 };
    inputs.push({ kind: 'bar', subject: 'BTCUSDT', time, bar, backfill: false });
    next = rng.uniform() < 0.5 ? 1 : -1;
    const own = journaled(hour, time);
    signals.push(...(own.signals ?? []));
    shadows.push(...(own.shadows ?? []));
  }
  hours += count;
  const path = paths.journal('simulated', 'main');
  mkdirSync(dirname(path), { recursive: true });
  const journal = openJournal(path);
  journal.append(inputs, signals, shadows);
  journal.close();
}

/** A virtual answer. */
function answerOf(modelVersion: string, signalId: string, time: OpenTime, isKnowing: boolean): ShadowRow {
  const [ml_up_prob, ml_down_prob, ml_range_prob] = isKnowing ? KNOWING[next] : EVEN;
  const probabilities = { ml_up_prob, ml_down_prob, ml_range_prob };
  const body = { pair_id: ID, model_version: modelVersion, action: 'HOLD', price: close, target: 0, ...probabilities };
  const text = JSON.stringify(body).slice(0, -1);
  return { signalId, pairId: ID, time, modelVersion, body: text, riskProb: null, position: '{}' };
}

/** Hours of the market, each with the virtual answers of both arms where a rollout is given. */
function pass(count: number, rollout: Rollout | null, isBetter = true): void {
  hoursPass(count, (hour, time) => {
    if (rollout === null) return {};
    const isKnowing = { champion: !isBetter, challenger: isBetter };
    const of = (arm: Arm): ShadowRow =>
      answerOf(armVersion(rollout[arm], rollout.id), `${arm} ${hour}`, time, isKnowing[arm]);
    return { shadows: ARMS.map(of) };
  });
}

/** Hours that the active model answers, with a shadow. @param isBetter whether the shadow is */
function shadowed(count: number, isBetter: boolean): void {
  hoursPass(count, (hour, time) => {
    const { modelVersion: _version, ...answer } = answerOf(champion, `${hour}`, time, !isBetter);
    const signal = { ...answer, bootId: 'boot', seq: hour, featuresCrc: null, generatedAtMs: 1000 * time };
    return { signals: [signal], shadows: [answerOf(challenger, `${hour}`, time, isBetter)] };
  });
}

/** Evaluates every second day, the trainer does more often, until the rollout ends. @returns its stages, and its end */
async function until(rollout: Rollout, isBetter: boolean): Promise<string[]> {
  const seen = [rollout.stage as string];
  for (let day = 0; day < 58; day += 2) {
    pass(48, rollout, isBetter);
    const { stage, status, reason } = await carryOut({ settings, paths }, await look(), place());
    if (stage !== seen.at(-1)) seen.push(stage);
    if (status !== 'active') return [...seen, `${status}: ${reason}`];
  }
  return seen;
}

describe('a rollout of a direction model', () => {
  it('goes through its stages on evidence of its own loss, and makes a better model the active one', async () => {
    pass(30, null);
    const rollout = start();
    expect(rollout).toMatchObject({ champion, challenger, timeframe: '1h', stage: 'test', share: 0.1 });
    expect(rollout.started).toBe(new Date((START + 30 * HOUR) * 1000).toISOString());
    expect(await until(rollout, true)).toEqual(['test', 'pilot', 'rollout', 'full', 'promoted: evidence']);
    expect(readActiveDirection(paths.models, '1h')).toMatchObject({ version: challenger, previous: champion });
  });

  it('ends when the challenger is worse', async () => {
    pass(30, null);
    const seen = await until(start(), false);
    expect(seen.at(-1)).toMatch(/^aborted: the challenger is worse: e-value/);
    expect(readActiveDirection(paths.models, '1h')!.version).toBe(champion);
  });

  it('has its power stated from the shadow period of its challenger, and of none is unknown', async () => {
    const ask = (): Promise<number | null> =>
      shadowPower({ settings, paths }, { version: challenger, slot: 'direction 1h' });
    pass(30, null);
    expect(await ask()).toBeNull();
    shadowed(60, true);
    // Not longer than a block of the bootstrap, three days.
    expect(await ask()).toBeNull();
    shadowed(240, true);
    expect(await ask()).toBe(1);
    rmSync(paths.journal('simulated', 'main'));
    shadowed(300, false);
    expect(await ask()).toBe(0);
  });

  it('counts labels once their hours are over, and results of both arms after costs', async () => {
    pass(30, null);
    const rollout = start();
    pass(60, rollout);
    const { facts, lossBps } = await look();
    // Every hour moves beyond the threshold of the label: only the last one has no label yet.
    expect(facts).toMatchObject({ labels: 59, stage: 'test' });
    expect([facts.meanLogLoss > 0.8, facts.meanBrier > 0.4, lossBps]).toEqual([true, true, 0]);
  });

  it('charges each arm a round trip for each position that it closes', async () => {
    pass(30, null);
    const rollout = start();
    const { manifest } = readDirectionBundle(join(directionFolder(paths.models), champion));
    const { taker_fee_bps, slippage_bps } = manifest.costs ?? EARLIER_COSTS;
    expect(taker_fee_bps + slippage_bps).toBeGreaterThan(0);
    // The champion enters and exits by turns, the challenger once, long or short; prices stay.
    const actions: Record<Arm, readonly (readonly [string, number])[]> = {
      champion: [1, -1, 1].flatMap((side) => [['ENTER', side] as const, ['EXIT', 0] as const]),
      challenger: [['ENTER', -1], ...Array.from({ length: 4 }, () => ['HOLD', -1] as const), ['EXIT', 0]],
    };
    hoursPass(6, (hour, time) => ({
      shadows: ARMS.map((arm) => {
        const row = answerOf(armVersion(rollout[arm], rollout.id), `${arm} ${hour}`, time, true);
        const [action, target] = actions[arm][hour - 30]!;
        const body = { ...(JSON.parse(`${row.body}}`) as object), action, target, price: 100 };
        return { ...row, body: JSON.stringify(body).slice(0, -1) };
      }),
    }));
    const question = {
      rollout,
      from: Math.floor(Date.parse(rollout.started) / 1000) as OpenTime,
      journals: [openJournal(paths.journal('simulated', 'main'), { readOnly: true })],
      place: { settings, modelsFolder: paths.models, journals: [paths.journal('simulated', 'main')] },
    };
    const { axes } = await DIRECTION_COMPARISON.rolloutBars(question as unknown as RolloutQuestion);
    question.journals[0]!.close();
    const results = axes[0]!.bars.map(({ guard }) => guard(0, 0));
    const trip = -2 * (taker_fee_bps + slippage_bps);
    expect(results.map(({ championBps }) => championBps)).toEqual([0, trip, 0, trip, 0, trip]);
    expect(results.map(({ challengerBps }) => challengerBps)).toEqual([0, 0, 0, 0, 0, trip]);
  });

  it('ends when another model becomes active, and is one at a time', async () => {
    pass(30, null);
    const rollout = start();
    expect(() => start()).toThrow(expect.objectContaining({ code: 'ROLLOUT_STATE', seen: `${rollout.id} is active` }));
    pass(3, rollout);
    const other = writeTinyDirection(paths.models, 'BTCUSDT', '1h', new Date(Date.UTC(2026, 0, 3)));
    activateDirection(paths.models, other, paths.home);
    const ended = await carryOut({ settings, paths }, await look(), place());
    expect(ended).toMatchObject({ status: 'aborted', reason: `models ${other} were activated`, timeframe: '1h' });
    expect(readRollout(paths.models)!.status).toBe('aborted');
    expect(() => start(other)).toThrow(expect.objectContaining({ seen: `${other} is active already` }));
    expect(start().earlier).toMatchObject([{ challenger, timeframe: '1h', status: 'aborted' }]);
  });

  it('keeps both arms from being removed, and is shown as what is in use', () => {
    pass(1, null);
    const { models } = paths;
    const others = (): readonly (string | null)[] => openShelf('direction', models, MACHINE_FILES, () => null).others();
    expect(others()).toEqual([]);
    const admitted = unjudged('rollout', models, challenger, {
      slot: 'direction 1h',
      despite: {
        gates: [unmeasured({ code: 'f1', role: null }, {})],
        at: '2026-01-05T00:00:00.000Z',
        reason: 'tried',
        by: 'Ann',
      },
    });
    startRollout({ settings, paths }, admitted, null);
    expect(others()).toEqual([champion, challenger]);
    expect(standingOverrides(models)).toMatchObject([
      { slot: 'direction 1h', role: 'challenger', version: challenger, by: 'Ann' },
    ]);
  });
});
