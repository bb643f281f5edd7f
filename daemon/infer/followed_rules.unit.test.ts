import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RuleModel } from '../../shared/bundle/rule/rule_model.ts';
import { RULE_REPORT } from '../../shared/bundle/rule/rule_manifest.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { parseInstrument } from '../../shared/pair.ts';
import type { LastSignal } from '../../shared/store/journal.ts';
import type { DegradationInput, RuleInput, RuleShadowInput } from '../queue/input.ts';
import type { FollowedMarks, FollowedSlots } from './followed_slots.ts';
import { followRules, followRuleShadows } from './followed_rules.ts';
import { filesOf } from '../../shared/bundle/slot_files.ts';
import { ruleSlot } from '../../shared/subject/slot.ts';

const BITCOIN = 'BTCUSDT@1h';
const ETHER = 'ETHUSDT@1h';
const FIRST = '20260101_0000-00000000';
const SECOND = '20260102_0000-00000000';
const THIRD = '20260103_0000-00000000';

let models: string;
let applied: string[];
let printed: string[];
let codes: string[];
let loads: string[];
let broken: Set<string>;
/** What each bundle was judged for, where not for bitcoin in the live market. */
let judgedFor: Map<string, Partial<Pick<RuleModel['manifest'], 'instrument' | 'market'>>>;
/** What the marks of every pointer know. */
let accepted: string[];
let forgotten: number;

beforeEach(() => {
  models = mkdtempSync(join(tmpdir(), 'rules-'));
  mkdirSync(join(models, 'rule'));
  applied = [];
  printed = [];
  codes = [];
  loads = [];
  accepted = [];
  broken = new Set();
  judgedFor = new Map();
  forgotten = 0;
});
afterEach(() => rmSync(models, { recursive: true }));

const marks: FollowedMarks = {
  accepted: () => accepted.map((version) => ({ version })) as never,
  check: () => undefined,
  forget: () => void forgotten++,
  raiseQuietly: () => Promise.resolve(),
};

function describeInput(input: RuleInput | RuleShadowInput | DegradationInput): string {
  if ('what' in input) return `${input.kind} ${input.what}`;
  return `${input.kind} ${input.instrument} ${input.rule?.manifest.version ?? 'none'}`;
}

const options = () => ({
  modelsFolder: models,
  subjects: [BITCOIN, ETHER].map(parseInstrument),
  market: 'live' as const,
  marksOf: () => marks,
  pollMs: 1,
  files: MACHINE_FILES,
  scheduler: { every: () => () => undefined } as never,
  log: pino({ level: 'silent' }),
  load: (folder: string): Promise<RuleModel> => {
    const version = folder.split('/').at(-1)!;
    loads.push(version);
    if (broken.has(version)) throw new MinutehandError('MODEL_FILE', { seen: version });
    const manifest = { version, instrument: BITCOIN, market: 'live', ...judgedFor.get(version) };
    return Promise.resolve({ manifest, strategy: { name: `rule of ${version}` } } as unknown as RuleModel);
  },
  onRefused: (code: string) => void codes.push(code),
  onFailed: (code: string) => void codes.push(code),
  print: (line: string) => void printed.push(line),
});

const follow = (): FollowedSlots<string, RuleModel> =>
  followRules({ ...options(), apply: (input) => void applied.push(describeInput(input)) });

function bundle(version: string, content = version): void {
  mkdirSync(join(models, 'rule', version), { recursive: true });
  for (const name of ['manifest.json', RULE_REPORT]) writeFileSync(join(models, 'rule', version, name), content);
}

const point = (path: string, version: string): void => writeFileSync(path, JSON.stringify({ version, previous: null }));

describe('the pointers of rules', () => {
  it('wait with a rule whose formulas wait for the journal: no other one answers in its place', async () => {
    accepted = [SECOND];
    for (const version of [FIRST, SECOND]) bundle(version);
    let waits = true;
    const followed = followRules({
      ...options(),
      load: (folder) => (waits ? Promise.reject(new MinutehandError('WARM_UP_WAITS')) : options().load(folder)),
      apply: (input) => void applied.push(describeInput(input)),
    });
    point(filesOf(models, ruleSlot(BITCOIN)).active.path, FIRST);
    for (let i = 0; i < 3; i++) await followed.check();
    expect([applied, codes, followed.refused?.code]).toEqual([
      ['degraded rule_pointer'],
      ['WARM_UP_WAITS'],
      'WARM_UP_WAITS',
    ]);
    waits = false;
    await followed.check();
    expect([applied.slice(1), followed.refused]).toEqual([
      ['recovered rule_pointer', `rule ${BITCOIN} ${FIRST}`],
      null,
    ]);
    await followed.stop();
  });

  it('name the rule of an instrument, which is loaded once, and ends where its pointer is removed', async () => {
    const followed = follow();
    const { path } = filesOf(models, ruleSlot(BITCOIN)).active;
    await followed.check();
    expect([applied, followed.refused]).toEqual([[], null]);
    bundle(FIRST);
    point(path, FIRST);
    for (let i = 0; i < 3; i++) await followed.check();
    expect([applied, loads]).toEqual([[`rule ${BITCOIN} ${FIRST}`], [FIRST]]);
    rmSync(path);
    for (let i = 0; i < 3; i++) await followed.check();
    expect(applied).toEqual([`rule ${BITCOIN} ${FIRST}`, `rule ${BITCOIN} none`]);
    expect(forgotten).toBeGreaterThan(0);
    expect(printed).toEqual([
      `Rule ${FIRST} (rule of ${FIRST}) answers for ${BITCOIN}.`,
      `The rule of ${BITCOIN} has ended.`,
    ]);
    await followed.stop();
  });

  it('refuse what was judged for another instrument or market, or is damaged, and keep what is active', async () => {
    const followed = follow();
    const { path } = filesOf(models, ruleSlot(BITCOIN)).active;
    bundle(FIRST);
    point(path, FIRST);
    await followed.check();
    for (const version of [SECOND, THIRD]) bundle(version);
    judgedFor.set(SECOND, { instrument: ETHER });
    point(path, SECOND);
    await followed.check();
    expect(followed.refused).toMatchObject({ version: SECOND, code: 'MODEL_TIMEFRAME' });
    judgedFor.set(THIRD, { market: 'simulated' });
    point(path, THIRD);
    await followed.check();
    expect(codes).toEqual(['MODEL_TIMEFRAME', 'MODEL_SIMULATED']);
    expect(applied).toEqual([`rule ${BITCOIN} ${FIRST}`]);
    // It has the active rule again.
    point(path, FIRST);
    await followed.check();
    expect([followed.refused, loads]).toEqual([null, [FIRST, SECOND, THIRD]]);
    await followed.stop();
  });

  it('have the models answer, DEGRADED, where theirs is refused and no other serves', async () => {
    for (const version of [FIRST, SECOND]) bundle(version);
    broken.add(FIRST);
    const { path } = filesOf(models, ruleSlot(BITCOIN)).active;
    point(path, FIRST);
    const followed = follow();
    for (let i = 0; i < 3; i++) await followed.check();
    expect(applied).toEqual(['degraded rule_pointer']);
    point(path, SECOND);
    await followed.check();
    expect(applied.slice(1)).toEqual(['recovered rule_pointer', `rule ${BITCOIN} ${SECOND}`]);
    // The rule that serves already stays active.
    point(path, FIRST);
    await followed.check();
    expect(applied.slice(3)).toEqual([]);
    await followed.stop();
  });

  it.each(['its pointer is removed', 'its bundle is mended'])('are as they were once %s', async (how) => {
    bundle(FIRST);
    broken.add(FIRST);
    const { path } = filesOf(models, ruleSlot(BITCOIN)).active;
    point(path, FIRST);
    const followed = follow();
    await followed.check();
    broken.clear();
    if (how === 'its pointer is removed') rmSync(path);
    else bundle(FIRST, 'mended');
    await followed.check();
    expect(applied.slice(0, 2)).toEqual(['degraded rule_pointer', 'recovered rule_pointer']);
    await followed.stop();
  });

  it('let a rule that was accepted before serve, DEGRADED, where theirs is refused at the start', async () => {
    for (const version of [FIRST, SECOND]) bundle(version);
    broken.add(SECOND);
    accepted = [FIRST];
    const { path } = filesOf(models, ruleSlot(BITCOIN)).active;
    point(path, SECOND);
    const followed = follow();
    await followed.check();
    expect(applied).toEqual(['degraded rule_pointer', `rule ${BITCOIN} ${FIRST}`]);
    rmSync(path);
    await followed.check();
    expect(applied.slice(2)).toEqual(['recovered rule_pointer', `rule ${BITCOIN} none`]);
    await followed.stop();
  });
});

describe('the pointers of rules in shadow', () => {
  const positions: LastSignal[] = [{ pairId: BITCOIN, position: JSON.stringify({ side: 1 }) } as LastSignal];
  let asked: string[];
  let inputs: RuleShadowInput[];

  function followShadows(): FollowedSlots<string, RuleModel> {
    asked = [];
    inputs = [];
    return followRuleShadows({
      ...options(),
      apply: (input) => void inputs.push(input),
      lastShadows: (version) => (asked.push(version), positions),
    });
  }

  it('name a rule that answers in shadow with the virtual positions it had, until they are removed', async () => {
    const followed = followShadows();
    bundle(FIRST);
    const { path } = filesOf(models, ruleSlot(BITCOIN)).shadow;
    point(path, FIRST);
    for (let i = 0; i < 2; i++) await followed.check();
    expect(followed.versions).toEqual({ [BITCOIN]: FIRST });
    expect(asked).toEqual([`rule/${FIRST}`]);
    expect(inputs.map(describeInput)).toEqual([`rule_shadow ${BITCOIN} ${FIRST}`]);
    expect(inputs[0]!.positions).toEqual(new Map([[BITCOIN, { side: 1 }]]));
    rmSync(path);
    await followed.check();
    expect([followed.versions, describeInput(inputs[1]!)]).toEqual([{}, `rule_shadow ${BITCOIN} none`]);
    expect(printed).toEqual([
      `Rule ${FIRST} (rule of ${FIRST}) answers in shadow for ${BITCOIN}, unpublished.`,
      `No rule in shadow for ${BITCOIN} any more.`,
    ]);
    await followed.stop();
  });

  it('have no stand-in: a refused one is none, also where another was accepted before', async () => {
    for (const version of [FIRST, SECOND]) bundle(version);
    accepted = [FIRST];
    broken.add(SECOND);
    point(filesOf(models, ruleSlot(BITCOIN)).shadow.path, SECOND);
    const followed = followShadows();
    await followed.check();
    expect([inputs, followed.versions, codes]).toEqual([[], {}, ['MODEL_FILE']]);
    await followed.stop();
  });

  it('are no longer in use where their rule has failed', async () => {
    bundle(FIRST);
    point(filesOf(models, ruleSlot(BITCOIN)).shadow.path, FIRST);
    const followed = followShadows();
    await followed.check();
    followed.dropFailed(BITCOIN, FIRST, new MinutehandError('MODEL_FILE', { seen: 'a test' }));
    await followed.check();
    expect([followed.versions, codes, inputs.length]).toEqual([{}, ['MODEL_FILE'], 1]);
    expect(printed.at(-1)).toMatch(
      /^Rule in shadow 20260101_0000-00000000 of \S+ failed and was dropped. MODEL_FILE: /,
    );
    await followed.stop();
  });

  it('are in use after the failure of the rule before them', async () => {
    for (const version of [FIRST, SECOND]) bundle(version);
    const { path } = filesOf(models, ruleSlot(BITCOIN)).shadow;
    const followed = followShadows();
    for (const version of [FIRST, SECOND]) {
      point(path, version);
      await followed.check();
    }
    followed.dropFailed(BITCOIN, FIRST, new MinutehandError('MODEL_FILE', { seen: 'a test' }));
    expect(followed.versions).toEqual({ [BITCOIN]: SECOND });
    await followed.stop();
  });

  it('are all that a daemon without high-water marks accepts', async () => {
    bundle(FIRST);
    point(filesOf(models, ruleSlot(BITCOIN)).shadow.path, FIRST);
    const shadows: string[] = [];
    const followed = followRuleShadows({
      ...options(),
      marksOf: () => null,
      apply: (input) => void shadows.push(describeInput(input)),
      lastShadows: () => [],
    });
    await followed.check();
    expect(shadows).toEqual([`rule_shadow ${BITCOIN} ${FIRST}`]);
    await followed.stop();
  });
});
