import type { Admitted } from '../../../shared/bundle/admission/admission.ts';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { activate, unjudged } from '../../../test/activate.ts';
import { readRollout, writeRollout, type Rollout } from '../../../shared/bundle/rollout.ts';
import { homePaths } from '../../../shared/home.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { rolloutRules } from './rules.ts';
import { abortRollout, carryOut, lookAtRollout, rolloutOutcomes, startRollout, type RolloutLook } from './steps.ts';

const CHAMPION = '20260101_0000';
const CHALLENGERS = ['20260102_0000', '20260103_0000', '20260104_0000'] as const;
const settings = tinySettings();

let paths: ReturnType<typeof homePaths>;
beforeEach(() => {
  paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-second-')) });
  for (const version of [CHAMPION, ...CHALLENGERS]) {
    mkdirSync(join(paths.models, version), { recursive: true });
    writeFileSync(join(paths.models, version, 'manifest.json'), '{}');
  }
  activate(paths.models, CHAMPION);
});
afterEach(() => rmSync(paths.home, { recursive: true }));

const admittedOf = (version: string): Admitted<'rollout'> => unjudged('rollout', paths.models, version);
const start = (version: string): Rollout => startRollout({ settings, paths }, admittedOf(version), null);
const end = (status: Rollout['status']): void =>
  void writeRollout(paths.models, { ...readRollout(paths.models)!, status, reason: 'over' });

it('each further rollout knows the outcomes of all before it, and needs the e-value that follows from them', () => {
  const first = start(CHALLENGERS[0]);
  expect([first.history, first.earlier]).toEqual([[], []]);
  expect(() => start(CHALLENGERS[1])).toThrow(expect.objectContaining({ code: 'ROLLOUT_STATE' }));
  end('promoted');
  expect(rolloutOutcomes(paths)).toEqual([true]);
  const second = start(CHALLENGERS[1]);
  expect(second.history).toEqual([true]);
  expect(second.promotion_e_value).toBe(rolloutRules(settings.retrain, [true]).promotionEValue);
  expect(second.earlier).toMatchObject([
    { id: first.id, challenger: CHALLENGERS[0], status: 'promoted', candidate: 1 },
  ]);
  // A start over: entries are assigned anew.
  expect(second.key).not.toBe(first.key);
  end('inconclusive');
  const third = start(CHALLENGERS[2]);
  expect(third.history).toEqual([true, false]);
  expect(third.promotion_e_value).toBe(rolloutRules(settings.retrain, [true, false]).promotionEValue);
  expect(third.earlier!.map(({ status, candidate }) => [status, candidate])).toEqual([
    ['promoted', 1],
    ['inconclusive', 2],
  ]);
  // The threshold is that of its place, not of the first.
  expect(third.promotion_e_value).not.toBe(first.promotion_e_value);
  abortRollout(paths, 'a person');
  expect(rolloutOutcomes(paths)).toEqual([true, false, false]);
});

it('is judged by the threshold of its start, not by that of the present configuration', async () => {
  const { stages } = rolloutRules(settings.retrain);
  const started = start(CHALLENGERS[0]);
  writeRollout(paths.models, { ...started, stage: stages.at(-2)!.name, promotion_e_value: 4711 });
  const look = await lookAtRollout({ settings, paths });
  expect(look!.outlook.blocked.filter((text) => text.includes('e-value'))).toEqual(['benefit e-value 1.0 of 4711']);
});

const FACTS = { stage: 'test', inStageMs: 0, sinceStartMs: 3_600_000 } as unknown as RolloutLook['facts'];
const lookAt = (rollout: Rollout, verdict: RolloutLook['verdict']): RolloutLook =>
  ({ rollout, facts: FACTS, verdict }) as unknown as RolloutLook;
const admission = (): Parameters<typeof carryOut>[2] => ({
  settings,
  paths,
  registered: () => Promise.resolve(undefined),
  promotionFence: () => Promise.resolve(1),
});

it('what happened between an evaluation and its step is not undone: an abort, another stage, another rollout', async () => {
  const place = { settings, paths };
  const [, next] = rolloutRules(settings.retrain).stages;
  const advance = { verdict: 'advance', to: next! } as const;
  const started = start(CHALLENGERS[0]);
  const advanced = await carryOut(place, lookAt(started, advance), admission());
  const advancedAt = new Date(Date.parse(started.started) + FACTS.sinceStartMs).toISOString();
  expect(advanced).toMatchObject({ stage: next!.name, share: next!.share, status: 'active' });
  expect(Date.parse(advanced.stage_started)).toBe(Date.parse(advancedAt));
  expect(advanced.stages.at(-1)).toMatchObject({ from: advanced.stage_started, share: next!.share });
  // Evaluated before the stage was reached.
  expect(await carryOut(place, lookAt(started, { verdict: 'abort', reason: 'late' }), admission())).toEqual(advanced);
  expect(readRollout(paths.models)).toMatchObject({ status: 'active', stage: next!.name });

  const aborted = abortRollout(paths, 'a person');
  for (const verdict of [advance, { verdict: 'inconclusive', reason: 'late' } as const])
    expect(await carryOut(place, lookAt(advanced, verdict), admission())).toMatchObject({ status: 'aborted' });
  expect(readRollout(paths.models)).toEqual(aborted);

  const second = { ...started, id: 'another', challenger: CHALLENGERS[1] };
  writeRollout(paths.models, second);
  expect(await carryOut(place, lookAt(started, advance), admission())).toMatchObject({
    id: 'another',
    stage: started.stage,
  });
  expect(readRollout(paths.models)).toMatchObject({ id: 'another', stage: started.stage, status: 'active' });
});

it('a challenger that is active already is promoted, and other models that a person activated end the rollout', async () => {
  const place = { settings, paths };
  start(CHALLENGERS[0]);
  expect((await lookAtRollout(place))!.verdict).toEqual({ verdict: 'continue' });
  activate(paths.models, CHALLENGERS[0]);
  expect((await lookAtRollout(place))!.verdict).toEqual({ verdict: 'promote' });
  activate(paths.models, CHALLENGERS[2]);
  expect((await lookAtRollout(place))!.verdict).toEqual({
    verdict: 'abort',
    reason: `models ${CHALLENGERS[2]} were activated`,
  });
});

it('the time in a stage counts from the beginning of the stage', async () => {
  const started = start(CHALLENGERS[0]);
  const hours = (count: number): string => new Date(Date.parse(started.started) - count * 3_600_000).toISOString();
  writeRollout(paths.models, { ...started, stage_started: hours(3) });
  const { facts } = (await lookAtRollout({ settings, paths }))!;
  expect([facts.inStageMs, facts.sinceStartMs]).toEqual([3 * 3_600_000, 0]);
});

it.each([
  ['return', 'inconclusive'],
  ['stay', 'active'],
] as const)('without decisive evidence in time, %s leaves it %s', async (rollout_on_timeout, status) => {
  const retrain = { ...settings.retrain, rollout_on_timeout };
  const place = { settings: { ...settings, retrain }, paths };
  const started = start(CHALLENGERS[0]);
  const look = lookAt(started, { verdict: 'inconclusive', reason: 'benefit e-value 1.0' });
  expect(await carryOut(place, look, admission())).toMatchObject({ status });
  expect(readRollout(paths.models)).toMatchObject({ status });
});
