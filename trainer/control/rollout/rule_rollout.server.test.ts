import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import { activateAdmitted, endRule } from '../../../shared/bundle/admission/activation.ts';
import { admit, type Admitted } from '../../../shared/bundle/admission/admission.ts';
import { armVersion, readRollout, type Rollout } from '../../../shared/bundle/rollout.ts';
import { readActiveRule, ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { ARMS, type Arm } from '../../../shared/core/rollout/assignment.ts';
import { homePaths } from '../../../shared/home.ts';
import { createRng } from '../../../shared/rng.ts';
import { openJournal, type InputRow, type ShadowRow } from '../../../shared/store/journal.ts';
import { tinyRule } from '../../../test/tiny_rule.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { RULE_COMPARISON } from '../../jobs/strategies/formula_rule/live_comparison.ts';
import { standingOverrides } from '../admission/standing.ts';
import { removeOldRules } from '../records/old_bundles.ts';
import { abortRollout, carryOut, folderOfChallenger, lookAtRollout, startRollout, type RolloutLook } from './steps.ts';

const ID = 'BTCUSDT@1h';
const HOUR = 3600;
const START = Date.parse('2026-01-05T00:00:00Z') / 1000;
const settings = tinySettings({
  minutehand: { market: 'live', instruments: [ID] },
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

let paths: ReturnType<typeof homePaths>;
let champion: string;
let challenger: string;
let hours: number;
let close: number;
let rng: ReturnType<typeof createRng>;

const place = () => ({
  settings,
  paths,
  registered: () => Promise.reject(new Error('the registry has no rules')),
  promotionFence: () => Promise.resolve(1),
});
const write = (day: number): string =>
  basename(writeRuleBundle(ruleFolder(paths.models), new Date(Date.UTC(2026, 0, day)), tinyRule(ID)));
const admitted = <Through extends 'promotion' | 'rollout'>(door: Through, version: string) =>
  admit(place(), { door, folder: folderOfChallenger(paths.models, version) }) as Promise<Admitted<Through>>;
const serve = async (version: string) => activateAdmitted(await admitted('promotion', version), paths);
const start = async (version = challenger): Promise<Rollout> =>
  startRollout({ settings, paths }, await admitted('rollout', version), null);
const look = async (): Promise<RolloutLook> => (await lookAtRollout({ settings, paths }))!;
const step = async (): Promise<Rollout> => carryOut({ settings, paths }, await look(), place());

beforeEach(() => {
  paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-rule-rollout-')) });
  champion = write(1);
  challenger = write(2);
  hours = 0;
  close = 20_000;
  rng = createRng('hours');
  // A rollout begins behind the newest bar.
  pass(1, null, () => ({ champion: 0, challenger: 0 }));
});
afterEach(() => rmSync(paths.home, { recursive: true }));

/** What an arm holds through the next hour, by what that hour does: nothing knows it but this test. */
type Sides = (next: number) => Readonly<Record<Arm, number>>;

/** Hours of the market, with the virtual answers of both arms of a rollout. */
function pass(count: number, rollout: Rollout | null, sides: Sides): void {
  const inputs: InputRow[] = [];
  const shadows: ShadowRow[] = [];
  const held: Record<Arm, number> = { champion: 0, challenger: 0 };
  for (const end = hours + count; hours < end; hours++) {
    const time = (START + (hours + 1) * HOUR - SECONDS_PER_BAR) as OpenTime;
    const bar = { symbol: 'BTCUSDT', time, open: close, high: close, low: close, close, volume: 1 };
    inputs.push({ kind: 'bar', subject: 'BTCUSDT', time, bar, backfill: false });
    const move = 0.01 * rng.normal();
    const target = hours === end - 1 ? { champion: 0, challenger: 0 } : sides(Math.sign(move));
    if (rollout !== null) for (const arm of ARMS) shadows.push(answerOf(rollout, arm, time, held[arm], target[arm]));
    for (const arm of ARMS) held[arm] = held[arm] !== 0 ? 0 : target[arm];
    close *= 1 + move;
  }
  const path = paths.journal('live', 'main');
  mkdirSync(dirname(path), { recursive: true });
  const journal = openJournal(path);
  journal.append(inputs, [], shadows);
  journal.close();
}

/** An arm in a position leaves it; a flat one enters the side that it wants. */
function answerOf(rollout: Rollout, arm: Arm, time: OpenTime, held: number, wanted: number): ShadowRow {
  const modelVersion = armVersion(rollout[arm], rollout.id);
  const target = held !== 0 ? 0 : wanted;
  const action = held !== 0 ? 'EXIT' : target !== 0 ? 'ENTER' : 'HOLD';
  const body = JSON.stringify({ pair_id: ID, model_version: `rule/${rollout[arm]}`, action, price: close, target });
  return {
    signalId: `${arm} ${time}`,
    pairId: ID,
    time,
    modelVersion,
    body: body.slice(0, -1),
    riskProb: null,
    position: '{}',
  };
}

/** One look after each day, as the trainer does more often. @returns stages, and the end */
async function until(rollout: Rollout, sides: Sides): Promise<string[]> {
  const seen = [rollout.stage as string];
  for (let day = 0; day < 58; day++) {
    pass(24, rollout, sides);
    const { stage, status, reason } = await step();
    if (stage !== seen.at(-1)) seen.push(stage);
    if (status !== 'active') return [...seen, `${status}: ${reason}`];
  }
  return seen;
}

describe('a rollout of a rule', () => {
  it('is refused where no rule is served for its instrument, and for the one that is', async () => {
    await expect(start()).rejects.toThrow(`no rule is served for ${ID}`);
    await serve(champion);
    await expect(start(champion)).rejects.toThrow(`${champion} is active already`);
    await start();
    await expect(start()).rejects.toThrow('is active');
  });

  it('charges each arm the costs of the fills that it makes, wherever it trades', async () => {
    await serve(champion);
    const rollout = await start();
    const { spread_bps, commission_bps, slippage_bps } = tinyRule(ID).manifest.costs;
    const fill = spread_bps / 2 + commission_bps + slippage_bps;
    expect(fill).toBeGreaterThan(0);
    // The champion trades twice, long and short; the challenger holds on. Prices stay.
    const targets: Record<Arm, readonly number[]> = { champion: [1, 0, -1, 0], challenger: [1, 1, 1, 0] };
    const shadows = ARMS.flatMap((arm) =>
      targets[arm].map((target, hour): ShadowRow => {
        const before = targets[arm][hour - 1] ?? 0;
        const action = target === before ? 'HOLD' : target === 0 ? 'EXIT' : 'ENTER';
        const time = (START + (hours + hour + 1) * HOUR - SECONDS_PER_BAR) as OpenTime;
        const row = answerOf(rollout, arm, time, 0, 0);
        const body = { ...(JSON.parse(`${row.body}}`) as object), action, target, price: 100 };
        return { ...row, body: JSON.stringify(body).slice(0, -1) };
      }),
    );
    const path = paths.journal('live', 'main');
    const journal = openJournal(path);
    journal.append([], [], shadows);
    const from = Math.floor(Date.parse(rollout.started) / 1000) as OpenTime;
    const { axes } = await RULE_COMPARISON.rolloutBars({
      rollout,
      from,
      journals: [journal],
      place: { settings, modelsFolder: paths.models, journals: [path] },
    });
    journal.close();
    const results = axes[0]!.bars.map(({ guard }) => guard(0, 0));
    expect(results.map(({ championBps }) => championBps)).toEqual([-fill, -fill, -fill, -fill]);
    expect(results.map(({ challengerBps }) => challengerBps)).toEqual([-fill, 0, 0, -fill]);
  });

  it('goes through its stages by what both arms earn, and serves the challenger that earns more', async () => {
    await serve(champion);
    const rollout = await start();
    expect(rollout).toMatchObject({ champion, challenger, instrument: ID, stage: 'test', share: 0.1, power: null });
    expect(rollout).not.toHaveProperty('timeframe');
    const seen = await until(rollout, (next) => ({ champion: 0, challenger: next }));
    expect(seen).toEqual(['test', 'pilot', 'rollout', 'full', 'promoted: evidence']);
    expect(readActiveRule(paths.models, ID)).toMatchObject({ version: challenger, previous: champion });
  });

  it('ends when the challenger earns less, and the champion is served as before', async () => {
    await serve(champion);
    const seen = await until(await start(), (next) => ({ champion: next, challenger: 0 }));
    expect(seen.at(-1)).toMatch(/^aborted: the challenger is worse: e-value/);
    expect(readActiveRule(paths.models, ID)!.version).toBe(champion);
  });

  it('ends at the loss budget, in basis points of the arms as their trades earn them', async () => {
    await serve(champion);
    const rollout = await start();
    pass(48, rollout, (next) => ({ champion: 0, challenger: -next }));
    const { lossBps } = await look();
    // Each of the trades loses its hour and a round trip of 12 bps, at a tenth of the share.
    expect(lossBps).toBeGreaterThan(0.1 * 12 * 20);
    const strict = { ...settings, retrain: { ...settings.retrain, rollout_loss_budget_bps: 10 } };
    const verdict = (await lookAtRollout({ settings: strict, paths }))!.verdict;
    expect(verdict).toMatchObject({ verdict: 'abort', reason: expect.stringMatching(/^guard loss/) as string });
  });

  it('ends when its champion is no longer served, and by hand', async () => {
    await serve(champion);
    await start();
    endRule(ID, paths);
    expect(await step()).toMatchObject({ status: 'aborted', reason: 'rule none serves' });
    await serve(champion);
    await start();
    expect(abortRollout(paths, 'enough')).toMatchObject({ status: 'aborted', reason: 'enough' });
    expect(readRollout(paths.models)!.earlier).toMatchObject([{ challenger, instrument: ID, status: 'aborted' }]);
  });

  it('keeps both arms from retention, and is listed among overrides as the challenger of its instrument', async () => {
    await serve(champion);
    const gates = tinyRule(ID).manifest.gates.map((gate, i) => (i === 0 ? { ...gate, passed: false } : gate));
    const made = new Date(Date.UTC(2025, 0, 1));
    const failed = basename(writeRuleBundle(ruleFolder(paths.models), made, tinyRule(ID, { gates })));
    await expect(start(failed)).rejects.toMatchObject({ code: 'MODEL_GATES' });
    const override = { reason: 'a test', by: 'a test' };
    const folder = join(ruleFolder(paths.models), failed);
    startRollout({ settings, paths }, await admit(place(), { door: 'rollout', folder, override }), null);
    expect(standingOverrides(paths.models)).toMatchObject([
      { slot: `rule ${ID}`, role: 'challenger', version: failed },
    ]);
    expect(removeOldRules(paths.models, 1)).toEqual([challenger]);
    abortRollout(paths, 'enough');
    expect(removeOldRules(paths.models, 1)).toEqual([failed]);
  });
});
