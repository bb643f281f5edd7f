import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainerMarks } from '../shared/bundle/pointer_marks.ts';
import { directionFolder } from '../shared/bundle/direction/active_direction.ts';
import { rolloutPath } from '../shared/bundle/rollout.ts';
import { ruleFolder } from '../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../shared/bundle/rule/rule_bundle.ts';
import { folderOfVersion } from '../shared/bundle/shelves/registry.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import { activate, activateDirection } from './activate.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { IMPLAUSIBLE, passedGates, verdict } from './passed_gates.ts';
import { writeTinyDirection } from './tiny_direction.ts';
import { tinyRule } from './tiny_rule.ts';
import { copyUnder, tinyModels } from './tiny_models.ts';
import { slotOfTimeframe } from '../shared/subject/written_names.ts';
import { filesOf } from '../shared/bundle/slot_files.ts';
import { ruleSlot, directionSlot } from '../shared/subject/slot.ts';

/** What every strategy has in the terminal, by one suite: list, card, checks, promotion, return, shadow, rollout. */

const INSTRUMENT = 'XAUUSD';

let place: Workplace;
/** Active one and candidate. */
let pairs: readonly [string, string];
let directions: readonly [string, string];

beforeAll(async () => {
  place = createWorkplace({ minutehand: { instruments: [INSTRUMENT] } });
  const { version } = await tinyModels(place.models);
  pairs = [version, copyUnder(place.models, version, `${version}_2`)];
  activate(place.models, pairs[0], MACHINE_FILES, trainerMarks(place));
  const first = writeTinyDirection(place.models, INSTRUMENT, '1m', new Date('2026-01-01'));
  const second = writeTinyDirection(place.models, INSTRUMENT, '1m', new Date('2026-01-02'));
  directions = [first, second];
  activateDirection(place.models, first, place.home);
}, 60_000);
afterAll(() => place.remove());

const STRATEGIES = [
  {
    name: 'pairs',
    strategy: 'pair_reversion',
    timeframe: {},
    place: null,
    slot: [],
    endShadow: ['models', 'shadow', 'off'],
    file: 'ai1.onnx',
    models: ['AI1', 'AI2', 'AI3'],
    subject: 'pairs',
    versions: () => pairs,
  },
  {
    name: 'direction',
    strategy: 'direction',
    timeframe: { timeframe: '1m' },
    place: '1m',
    slot: ['--direction', '1m'],
    endShadow: ['models', 'shadow', 'off', '--direction', '1m'],
    file: 'direction.onnx',
    models: ['DIRECTION'],
    subject: INSTRUMENT,
    versions: () => directions,
  },
] as const;

async function command(...args: readonly string[]) {
  const { code, stdout } = await place.call([...args, '--json']);
  return { code, ...(JSON.parse(stdout) as Record<string, unknown> & Partial<Checked>) };
}

interface Listed {
  readonly version: string;
  readonly active: boolean;
  readonly shadow: boolean;
}
interface Checked {
  readonly ok: boolean;
  readonly bundles: readonly Record<string, unknown>[];
  readonly without_model: readonly string[];
  readonly problems: readonly { readonly slot: string; readonly text: string }[];
}

describe.each(STRATEGIES)('$name in the terminal', (own) => {
  const { strategy, timeframe, slot, file, models, subject, versions } = own;
  const listed = async (): Promise<Listed[]> => {
    const { bundles, direction_bundles } = (await command('models', 'list')) as unknown as Record<string, Listed[]>;
    return strategy === 'direction' ? direction_bundles! : bundles!;
  };
  const marks = async () => (await listed()).map(({ version, active, shadow }) => ({ version, active, shadow }));
  const check = async (...flags: string[]) => command('check', 'models', ...flags);

  it('are listed, shown and verified', async () => {
    const [active, candidate] = versions();
    expect(await marks()).toEqual([
      { version: active, active: true, shadow: false },
      { version: candidate, active: false, shadow: false },
    ]);
    expect(await command('models', 'show', candidate)).toMatchObject({ code: 0, version: candidate });
    const verified = await command('models', 'verify', candidate);
    expect(verified).toMatchObject({ code: 0, version: candidate, ok: true });
    expect(await command('check', 'features', '--model', candidate)).toMatchObject({
      code: 0,
      ok: true,
      place: candidate,
    });
  });

  it('are all checked by `check models`, with and without a measurement', async () => {
    const [active, candidate] = versions();
    const { bundles, ...result } = await check('--test');
    expect(result).toMatchObject({ code: 0, ok: true, without_model: [] });
    expect(bundles!.filter((bundle) => bundle['strategy'] === strategy)).toMatchObject([
      { version: active, role: 'active', ok: true, rows_per_second: expect.any(Number) as number, error: null },
      { version: candidate, role: null, ok: true, rows_per_second: expect.any(Number) as number, error: null },
    ]);
  });

  it('fail `check models` while a bundle is damaged, or the active one is lost', async () => {
    const [active, candidate] = versions();
    const shelf = dirname(folderOfVersion(place.models, active));
    const damaged = copyUnder(shelf, active, '20260201_0000');
    const folder = join(shelf, damaged);
    writeFileSync(join(folder, file), 'damaged');
    const found = await check();
    expect(found).toMatchObject({ code: 1, ok: false, without_model: [] });
    expect(found.bundles!.find(({ version }) => version === damaged)).toMatchObject({ strategy, ok: false });
    rmSync(folder, { recursive: true });

    renameSync(join(shelf, active), join(place.folder, active));
    const lost = await check();
    expect(lost).toMatchObject({ code: 1, ok: false, without_model: [subject] });
    expect(lost.bundles!.map(({ version }) => version)).toContain(candidate);
    renameSync(join(place.folder, active), join(shelf, active));
    expect(await check()).toMatchObject({ code: 0, ok: true });
  });

  it('are promoted, and rolled back', async () => {
    const [active, candidate] = versions();
    const promoted = await command('models', 'promote', candidate);
    expect(promoted).toEqual({ code: 0, version: candidate, previous: active, ...timeframe });
    expect(await marks()).toMatchObject([{ active: false }, { active: true }]);
    const returned = await command('models', 'rollback', ...slot);
    expect(returned).toEqual({ code: 0, version: active, previous: candidate, ...timeframe });
    expect(await marks()).toMatchObject([{ active: true }, { active: false }]);
  });

  it('have a shadow, which ends', async () => {
    const [, candidate] = versions();
    expect(await command('models', 'shadow', candidate)).toEqual({ code: 0, version: candidate, ...timeframe });
    expect(await marks()).toMatchObject([{ shadow: false }, { shadow: true }]);
    expect(await command(...own.endShadow)).toMatchObject({ code: 0 });
    expect(await marks()).toMatchObject([{ shadow: false }, { shadow: false }]);
  });

  it('have a shadow named, or ended, where its pointer is damaged, as the error says', async () => {
    const [, candidate] = versions();
    const pointer = filesOf(place.models, slotOfTimeframe(own.place)).shadow.path;
    for (const change of [['models', 'shadow', candidate], own.endShadow]) {
      writeFileSync(pointer, '{"version":');
      expect(await command('models', 'shadow')).toMatchObject({ code: 1, error: { code: 'MODEL_MANIFEST' } });
      const problem = { slot: ['shadow', own.place].filter((part) => part !== null).join(' '), version: '' };
      expect(await check()).toMatchObject({ code: 1, ok: false, without_model: [], problems: [problem] });
      expect(await command(...change)).toMatchObject({ code: 0 });
      expect(await check()).toMatchObject({ code: 0, ok: true, problems: [] });
      expect(await command('models', 'shadow')).toMatchObject({ code: 0 });
    }
    expect(await marks()).toMatchObject([{ shadow: false }, { shadow: false }]);
  });

  it('have a rollout, one at a time, which is evaluated and aborted', async () => {
    const [active, candidate] = versions();
    const started = await command('rollout', 'start', candidate);
    const rollout = { champion: active, challenger: candidate, stage: 'test', status: 'active', ...timeframe };
    expect(started).toMatchObject({ code: 0, ...rollout });
    const again = await command('rollout', 'start', candidate);
    expect(again).toMatchObject({ code: 1, error: { code: 'ROLLOUT_STATE' } });
    for (const look of ['status', 'advance'])
      expect(await command('rollout', look)).toMatchObject({ code: 0, rollout, verdict: 'continue' });
    const aborted = await command('rollout', 'abort', 'seen enough');
    expect(aborted).toMatchObject({ code: 0, status: 'aborted', reason: 'seen enough' });
    expect(await command('rollout', 'abort')).toMatchObject({ code: 1, error: { code: 'ROLLOUT_STATE' } });
    expect(await marks()).toMatchObject([{ active: true }, { active: false }]);
  });

  it('have notes in the registry', async () => {
    const [, candidate] = versions();
    const noted = await command('models', 'note', candidate, 'looks fine');
    expect(noted).toEqual({ code: 0, version: candidate, models, notes: 'looks fine' });
  });
});

it('a damaged rollout is a finding of `check models`', async () => {
  writeFileSync(rolloutPath(place.models), '{"status":');
  const checked = await command('check', 'models');
  expect(checked).toMatchObject({ code: 1, ok: false, problems: [{ slot: 'challenger', version: '' }] });
  rmSync(rolloutPath(place.models));
  expect(await command('check', 'models')).toMatchObject({ code: 0, ok: true });
});

it('rules are checked, too, and an instrument that one serves needs no direction model', async () => {
  const [active] = directions;
  const folder = writeRuleBundle(
    ruleFolder(place.models),
    new Date('2026-01-03'),
    tinyRule(INSTRUMENT, { market: 'simulated' }),
  );
  const version = basename(folder);
  const pointer = filesOf(place.models, directionSlot('1m')).active.path;
  const aside = join(place.folder, 'direction_1m.json');
  renameSync(pointer, aside);
  const without = await command('check', 'models');
  expect(without).toMatchObject({ code: 1, ok: false, without_model: [INSTRUMENT] });
  const rule = { strategy: 'formula_rule', version, ok: true, failed_gates: [], rows_per_second: null };
  expect(without.bundles).toContainEqual({ ...rule, role: null, error: null });
  const promoted = await command('models', 'promote', version);
  expect(promoted).toMatchObject({ code: 0, version });
  const served = await command('check', 'models');
  expect(served).toMatchObject({ code: 0, ok: true, without_model: [] });
  expect(served.bundles).toContainEqual({ ...rule, role: 'active', error: null });
  writeFileSync(join(ruleFolder(place.models), version, 'report.json'), 'damaged');
  expect(await command('check', 'models')).toMatchObject({ code: 1, ok: false, without_model: [INSTRUMENT] });
  const features = await command('check', 'features', '--model', version);
  expect(features).toMatchObject({ code: 2, error: { code: 'USAGE' } });
  renameSync(aside, pointer);
  expect(await command('models', 'list')).toMatchObject({ direction: { '1m': active } });
  const shadow = filesOf(place.models, ruleSlot(INSTRUMENT)).shadow.path;
  writeFileSync(shadow, '{"version":');
  expect(await command('models', 'shadow')).toMatchObject({ code: 1, error: { code: 'MODEL_MANIFEST' } });
  const { problems } = await command('check', 'models');
  expect(JSON.stringify(problems)).toContain(`the pointer of shadow ${INSTRUMENT}`);
  expect(await command('models', 'shadow', 'off', '--rule', INSTRUMENT)).toMatchObject({ code: 0 });
  expect(await command('models', 'shadow')).toMatchObject({ code: 0, rule: {} });
});

const FAILED = verdict({ code: 'brier', role: 'ai1', passed: false, value: 0.9, relation: '<=', limit: 0.3 });
const UNLUCKY = verdict({ code: 'rule_spa', passed: false, value: 0.4, relation: '<=', limit: 0.05 });
const NOTHING_RECORDED = { gates: undefined };

function writeRule(day: number, changes: Parameters<typeof tinyRule>[1]): string {
  const rule = tinyRule(INSTRUMENT, { market: 'simulated', seed: String(day), ...changes });
  return basename(writeRuleBundle(ruleFolder(place.models), new Date(Date.UTC(2026, 2, day)), rule));
}

/** The same of pairs, direction models and rules: bundles whose gates passed, that failed one, without verdicts. */
const JUDGED = [
  {
    name: 'pairs',
    list: 'bundles',
    place: () => filesOf(place.models, 'pairs').active.path,
    gate: 'ai1.brier',
    good: () => pairs[0],
    failed: () => copyUnder(place.models, pairs[0], '20260301_0000', { gates: passedGates('pairs', FAILED) }),
    unjudged: () => copyUnder(place.models, pairs[0], '20260302_0000', NOTHING_RECORDED),
  },
  {
    name: 'direction models',
    list: 'direction_bundles',
    place: () => filesOf(place.models, directionSlot('1m')).active.path,
    gate: 'direction.plausible',
    good: () => directions[0],
    failed: () =>
      copyUnder(directionFolder(place.models), directions[0], '20260303_0000', {
        gates: passedGates('direction', IMPLAUSIBLE),
      }),
    unjudged: () => copyUnder(directionFolder(place.models), directions[0], '20260304_0000', NOTHING_RECORDED),
  },
  {
    name: 'rules',
    list: 'rule_bundles',
    place: () => filesOf(place.models, ruleSlot(INSTRUMENT)).active.path,
    gate: 'rule_spa',
    good: () => writeRule(3, {}),
    failed: () => writeRule(1, { gates: [UNLUCKY] }),
    unjudged: () => writeRule(2, { gates: [] }),
  },
] as const;

const OVERRIDE = ['--despite-gates', '--reason', 'a drill, agreed with risk'];

describe.each(JUDGED)('gates of $name in the terminal', (own) => {
  let good: string;
  let failed: string;
  let unjudged: string;

  beforeAll(async () => {
    rmSync(ruleFolder(place.models), { recursive: true, force: true });
    good = own.good();
    failed = own.failed();
    unjudged = own.unjudged();
    expect(await command('models', 'promote', good)).toMatchObject({ code: 0 });
  });

  const entryOf = async (version: string) => {
    const listed = (await command('models', 'list')) as unknown as Record<string, readonly { version: string }[]>;
    return listed[own.list]!.find((one) => one.version === version);
  };
  const roleOf = async (version: string) => {
    const { bundles } = await command('check', 'models');
    return bundles!.find((one) => one['version'] === version && one['role'] !== null)?.['role'];
  };

  it('are listed: those that failed, and those without a verdict', async () => {
    expect(await entryOf(good)).toMatchObject({ failed_gates: [], missing_gates: [] });
    expect(await entryOf(failed)).toMatchObject({ failed_gates: [own.gate] });
    const { missing_gates } = (await entryOf(unjudged)) as unknown as { missing_gates: string[] };
    expect(missing_gates.length).toBeGreaterThan(0);
  });

  it('refuse a promotion and a rollout; a person with a reason overrides them', async () => {
    for (const version of [failed, unjudged])
      for (const door of [
        ['models', 'promote'],
        ['rollout', 'start'],
      ])
        expect(await command(...door, version)).toMatchObject({ code: 1, error: { code: 'MODEL_GATES' } });
    expect(await command('rollout', 'start', failed, ...OVERRIDE)).toMatchObject({ code: 0, challenger: failed });
    expect(await roleOf(failed)).toBe('challenger');
    expect(await command('rollout', 'abort', 'seen enough')).toMatchObject({ code: 0, status: 'aborted' });
    expect(await command('models', 'promote', failed, ...OVERRIDE)).toMatchObject({
      code: 0,
      version: failed,
      despite_gates: { reason: OVERRIDE[2] },
    });
    expect(await roleOf(failed)).toBe('active');
    const { problems } = (await command('models', 'list')) as unknown as { problems: { text: string }[] };
    expect(problems.map(({ text }) => text).join(' ')).toContain(failed);
    expect(await command('models', 'promote', good)).toMatchObject({ code: 0, previous: failed });
  });

  it('are listed also where the pointer is damaged, which a promotion replaces', async () => {
    writeFileSync(own.place(), '{"version":');
    expect(await entryOf(good)).toMatchObject({ failed_gates: [] });
    const { problems } = (await command('models', 'list')) as unknown as { problems: { code: string }[] };
    expect(JSON.stringify(problems)).toContain('MODEL_MANIFEST');
    const checked = await command('check', 'models');
    expect(checked).toMatchObject({ code: 1, ok: false });
    expect(JSON.stringify(checked.problems)).toContain('MODEL_MANIFEST');
    expect(checked.bundles!.find(({ version }) => version === good)).toMatchObject({ ok: true, role: null });
    expect(await command('models', 'promote', good)).toMatchObject({ code: 0, previous: null });
    expect((await command('models', 'list')) as unknown).toMatchObject({ problems: [] });
  });
});
