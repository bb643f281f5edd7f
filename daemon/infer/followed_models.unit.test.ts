import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate, setShadow } from '../../test/activate.ts';
import { writeTinyDirection } from '../../test/tiny_direction.ts';
import { anySchema } from '../../shared/bundle/any_schema.fixture.ts';
import { MODEL_FILES } from '../../shared/bundle/manifest.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { loadModelSet, type ModelSet } from '../../shared/bundle/model_set.ts';
import { PointerMarks, trainerMarks, type MarksOf } from '../../shared/bundle/pointer_marks.ts';
import { writeRandomBundle } from '../../shared/bundle/random_bundle.fixture.ts';
import { writeRollout, type Rollout } from '../../shared/bundle/rollout.ts';
import { FLAT } from '../../shared/core/position/position.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { Scheduler } from '../../shared/ports.ts';
import type { LastSignal } from '../../shared/store/journal.ts';
import type { DegradationInput, RolloutInput, ShadowInput, SwapInput } from '../queue/input.ts';
import { FollowedModels, type FollowedModelsOptions } from './followed_models.ts';
import { filesOf } from '../../shared/bundle/slot_files.ts';

const schema = anySchema(3);
const CREATED = new Date('2026-11-20T07:30:00Z');
const [FIRST, SECOND] = ['20261120_0730', '20261120_073000'] as const;
const ROLLOUT: Rollout = {
  id: '20261120T080000',
  stage: 'test',
  share: 0.25,
  champion: FIRST,
  challenger: SECOND,
  key: 'ab'.repeat(16),
  block_minutes: 60,
  status: 'active',
  reason: '',
  started: CREATED.toISOString(),
  stage_started: CREATED.toISOString(),
  stages: [],
  promotion_e_value: 20,
  power: null,
  history: [],
};

let root: string;
let models: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-followed-'));
  for (const seed of ['a', 'b'])
    writeRandomBundle(join(root, 'originals'), { schema, trees: 1, leaves: 2, seed, created: CREATED });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  models = mkdtempSync(join(root, 'models-'));
  cpSync(join(root, 'originals'), models, { recursive: true });
});

/** Polls the folder manually, and records what it applies, prints, logs and counts. */
function follow(options: Partial<FollowedModelsOptions> = {}) {
  const applied: (SwapInput | ShadowInput | RolloutInput | DegradationInput)[] = [];
  const printed: string[] = [];
  const logged: Record<string, unknown>[] = [];
  const counted: string[] = [];
  const scheduler: Scheduler = {
    afterTurn: () => undefined,
    after: () => () => undefined,
    every: () => () => undefined,
  };
  const held = { ...FLAT, side: 1, positionId: 'of the shadow' };
  const followed = new FollowedModels({
    modelsFolder: models,
    running: { market: 'simulated', timeframes: ['1m'] },
    subjects: [],
    warm: () => Promise.resolve(),
    pollMs: 500,
    files: MACHINE_FILES,
    scheduler,
    load: (folder) => loadModelSet(folder, schema, 4),
    apply: (input) => void applied.push(input),
    lastShadows: (version) =>
      [FIRST, `${SECOND}@${ROLLOUT.id}`].includes(version)
        ? [{ pairId: 'XAUUSD_XAGUSD', position: JSON.stringify(held) } as LastSignal]
        : [],
    onRefused: (code) => void counted.push(`refused ${code}`),
    onFailed: (code) => void counted.push(`failed ${code}`),
    log: pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line) as object as never) }),
    print: (line) => void printed.push(line),
    ...options,
  });
  return { followed, applied, printed, logged, counted, held };
}

const damage = (version: string): void => writeFileSync(join(models, version, MODEL_FILES.ai2), 'damaged');

describe('the followed models', () => {
  it('are swapped in when active.json names them, and reported when they take effect', async () => {
    const { followed, applied, printed, logged } = follow();
    activate(models, FIRST);
    await followed.check();
    expect(applied).toMatchObject([{ kind: 'swap', set: { version: FIRST } }]);
    expect([printed, followed.refused]).toEqual([[], null]);
    const { set } = applied[0] as { set: ModelSet };
    followed.onSwap(set);
    expect(printed).toEqual([expect.stringMatching(new RegExp(`^Models ${FIRST} \\(simulated market\\) .+`))]);
    expect(logged).toMatchObject([{ level: 30, version: FIRST, engines: set.engines }]);
    expect(logged[0]!['msg']).toMatch(/^models /);
    await followed.stop();
    activate(models, SECOND);
    await followed.check();
    expect(applied).toHaveLength(1);
  });

  it('that are refused are named with their code until another set is accepted or the pointer is restored', async () => {
    const { followed, applied, printed, logged, counted } = follow();
    activate(models, FIRST);
    await followed.check();
    damage(SECOND);
    activate(models, SECOND);
    await followed.check();
    const code = 'MODEL_HASH';
    expect(followed.refused).toMatchObject({ version: SECOND, code });
    expect(counted).toEqual([`refused ${code}`]);
    expect(printed.at(-1)).toMatch(new RegExp(`^Models ${SECOND} refused\\. ${code}: .+`));
    expect(printed.at(-1)).toContain(followed.refused!.next);
    expect(logged.at(-1)).toMatchObject({ level: 50, slot: 'active', version: SECOND, code, msg: 'models refused' });
    activate(models, FIRST);
    await followed.check();
    expect([followed.refused, applied.length]).toEqual([null, 1]);
  });

  it('end a refusal when they take effect', async () => {
    const { followed, applied } = follow();
    activate(models, FIRST);
    await followed.check();
    damage(SECOND);
    activate(models, SECOND);
    await followed.check();
    expect(followed.refused).not.toBeNull();
    followed.onSwap((applied[0] as { set: ModelSet }).set);
    expect(followed.refused).toBeNull();
  });

  it('that fail or are slow are reported with what answers now: a fallback, themselves or none', () => {
    const { followed, printed, logged, counted } = follow();
    const setOf = (version: string): ModelSet => ({ version }) as ModelSet;
    const error = new MinutehandError('MODEL_OUTPUT', { seen: 'NaN' });
    followed.onModelFailure(error, setOf(SECOND), setOf(FIRST));
    followed.onModelFailure(error, setOf(FIRST), null);
    const only = setOf(FIRST);
    followed.onModelFailure(new MinutehandError('MODEL_SLOW', { seen: '60 ms' }), only, only);
    followed.onModelRecovery(only);
    expect(counted).toEqual(['failed MODEL_OUTPUT', 'failed MODEL_OUTPUT', 'failed MODEL_SLOW']);
    expect(printed[0]).toMatch(new RegExp(`^MODEL_OUTPUT: .*Models ${FIRST} serve`));
    expect(printed[1]).toMatch(/^MODEL_OUTPUT: .*HALT/);
    expect(printed[2]).toMatch(new RegExp(`^MODEL_SLOW: .*Models ${FIRST} continue to answer in mode DEGRADED`));
    expect(printed[3]).toBe(`Models ${FIRST} are fast again.`);
    expect(logged).toMatchObject([
      { level: 50, version: SECOND, fallback: FIRST, code: 'MODEL_OUTPUT' },
      { level: 50, version: FIRST, fallback: null, code: 'MODEL_OUTPUT' },
      { level: 50, version: FIRST, fallback: FIRST, code: 'MODEL_SLOW' },
      { level: 30, version: FIRST },
    ]);
  });
});

describe('a followed shadow', () => {
  it('continues from its last positions, and is removed when no file names it any more', async () => {
    const { followed, applied, printed, held } = follow();
    setShadow(models, FIRST);
    await followed.check();
    expect(followed.shadowVersion).toBe(FIRST);
    expect(applied).toMatchObject([{ kind: 'shadow', set: { version: FIRST } }]);
    expect([...(applied[0] as ShadowInput).positions!]).toEqual([['XAUUSD_XAGUSD', held]]);
    expect(printed.at(-1)).toMatch(new RegExp(`^Shadow models ${FIRST} `));
    setShadow(models, SECOND);
    await followed.check();
    expect([followed.shadowVersion, (applied[1] as ShadowInput).positions!.size]).toEqual([SECOND, 0]);
    rmSync(filesOf(models, 'pairs').shadow.path);
    await followed.check();
    expect(followed.shadowVersion).toBeNull();
    expect(applied[2]).toMatchObject({ kind: 'shadow', set: null });
    expect([(applied[2] as ShadowInput).positions!.size, printed.at(-1)]).toEqual([
      0,
      expect.stringMatching(/^No shadow/),
    ]);
  });

  it('that is refused is no refusal of the active models', async () => {
    const { followed, applied, printed, logged, counted } = follow();
    damage(FIRST);
    setShadow(models, FIRST);
    await followed.check();
    expect([followed.refused, followed.rolloutRefused, followed.shadowVersion, applied]).toEqual([
      null,
      null,
      null,
      [],
    ]);
    expect(counted).toEqual(['refused MODEL_HASH']);
    expect(printed).toEqual([expect.stringMatching(new RegExp(`^Shadow models ${FIRST} refused\\. MODEL_HASH: `))]);
    expect(logged).toMatchObject([{ slot: 'shadow', version: FIRST }]);
  });

  it('of direction models is one for each timeframe, with positions of its own', async () => {
    const version = writeTinyDirection(models, 'BTCUSDT', '1h', CREATED);
    const { followed, applied, printed } = follow({
      directions: {
        timeframes: ['1h'],
        load: (of) => Promise.resolve({ manifest: { version: of } } as DirectionModel),
      },
      lastShadows: (of) => [{ pairId: 'BTCUSDT@1h', position: JSON.stringify({ side: 1, of }) } as LastSignal],
    });
    setShadow(models, version, MACHINE_FILES, null, 'direction 1h');
    await followed.check();
    expect([followed.shadowVersion, followed.directionShadows]).toEqual([null, { '1h': version }]);
    expect(applied).toMatchObject([{ kind: 'shadow', slot: 'direction 1h', set: { manifest: { version } } }]);
    expect([...(applied[0] as ShadowInput).positions!]).toEqual([['BTCUSDT@1h', { side: 1, of: version }]]);
    expect(printed).toEqual([`Shadow direction models ${version} score in shadow for 1h, unpublished.`]);
    followed.onShadowFailure(new MinutehandError('MODEL_OUTPUT'), { version, slot: 'direction 1h' });
    expect(followed.directionShadows).toEqual({});
  });

  it('that fails is no longer reported as loaded', async () => {
    const { followed, applied, printed, logged, counted } = follow();
    setShadow(models, FIRST);
    await followed.check();
    expect(applied).toHaveLength(1);
    followed.onShadowFailure(new MinutehandError('MODEL_OUTPUT'), { version: FIRST, slot: 'pairs' });
    expect([followed.shadowVersion, counted]).toEqual([null, ['failed MODEL_OUTPUT']]);
    expect(printed.at(-1)).toMatch(new RegExp(`^Shadow models ${FIRST} failed.*: .+`));
    expect(logged.at(-1)).toMatchObject({
      level: 50,
      version: FIRST,
      code: 'MODEL_OUTPUT',
      msg: 'shadow models failed',
    });
  });

  it('leaves a refusal of the active models as it is when its own is withdrawn', async () => {
    const { followed } = follow();
    damage(FIRST);
    activate(models, FIRST);
    setShadow(models, FIRST);
    await followed.check();
    rmSync(filesOf(models, 'pairs').shadow.path);
    await followed.check();
    expect(followed.refused).toMatchObject({ version: FIRST });
  });
});

describe('a followed rollout', () => {
  it('gives each arm its last positions, and ends', async () => {
    const { followed, applied, printed, held } = follow();
    writeRollout(models, ROLLOUT);
    await followed.check();
    const { positions, ...begun } = applied[0] as RolloutInput;
    expect(begun).toMatchObject({
      kind: 'rollout',
      rollout: { id: ROLLOUT.id, share: 0.25 },
      set: { version: SECOND },
    });
    expect([[...positions!.champion], [...positions!.challenger]]).toEqual([[], [['XAUUSD_XAGUSD', held]]]);
    expect(printed).toEqual([`Rollout ${ROLLOUT.id}, stage test: ${SECOND} decides 25 % of entries.`]);
    writeRollout(models, { ...ROLLOUT, status: 'aborted' });
    await followed.check();
    expect(applied.slice(1)).toEqual([{ kind: 'rollout', rollout: null, set: null }]);
    expect(printed.slice(1)).toEqual(['The rollout has ended.']);
  });

  it('whose challenger is refused is named until another state is accepted', async () => {
    const { followed, applied, printed, logged } = follow();
    damage(SECOND);
    writeRollout(models, ROLLOUT);
    await followed.check();
    expect(followed.rolloutRefused).toMatchObject({ version: SECOND, code: 'MODEL_HASH' });
    expect([followed.refused, applied]).toEqual([null, []]);
    expect(printed).toEqual([expect.stringMatching(new RegExp(`^Challenger ${SECOND} refused\\. MODEL_HASH: .+`))]);
    expect(logged).toMatchObject([{ level: 50, slot: 'rollout', version: SECOND, msg: 'models refused' }]);
    // A withdrawn refusal of the active models is none of the challenger.
    activate(models, FIRST);
    await followed.check();
    activate(models, SECOND);
    await followed.check();
    activate(models, FIRST);
    await followed.check();
    expect([followed.refused, followed.rolloutRefused?.version]).toEqual([null, SECOND]);
    writeRollout(models, { ...ROLLOUT, status: 'aborted' });
    await followed.check();
    expect(followed.rolloutRefused).toBeNull();
  });

  it('whose challenger fails is not begun again, and is named until it is aborted', async () => {
    const { followed, applied, printed, logged, counted } = follow();
    writeRollout(models, ROLLOUT);
    await followed.check();
    const { set } = applied[0] as RolloutInput;
    followed.onChallengerFailure(new MinutehandError('MODEL_OUTPUT', { seen: 'NaN' }), set as ModelSet, ROLLOUT.id);
    await followed.check();
    expect([applied.length, counted]).toEqual([1, ['failed MODEL_OUTPUT']]);
    expect(followed.rolloutRefused).toMatchObject({ version: SECOND, code: 'MODEL_OUTPUT' });
    expect(printed.at(-1)).toMatch(new RegExp(`^Challenger ${SECOND} failed; the champion answers alone: .*NaN`));
    expect(logged).toMatchObject([{ level: 50, rollout: ROLLOUT.id, version: SECOND, msg: 'challenger failed' }]);
    writeRollout(models, { ...ROLLOUT, status: 'aborted' });
    await followed.check();
    expect([applied.length, followed.rolloutRefused]).toEqual([1, null]);
  });
});

describe('models that were accepted before', () => {
  it('serve for a refused bundle with mode DEGRADED, until the pointer is accepted', async () => {
    const promote = (version: string): void =>
      void activate(models, version, MACHINE_FILES, trainerMarks({ home: models }));
    const marksOf: MarksOf = (kind) => new PointerMarks(models, 'daemon_main', kind);
    promote(FIRST);
    await follow({ marksOf }).followed.check();
    promote(SECOND);
    damage(SECOND);
    const { followed, applied, printed } = follow({ marksOf });
    await followed.check();
    expect(applied).toMatchObject([
      { kind: 'degraded', what: 'model_pointer' },
      { kind: 'swap', set: { version: FIRST } },
    ]);
    expect(printed[0]).toBe(
      `active.json or its bundle is refused: models ${FIRST}, accepted before, serve. Mode DEGRADED.`,
    );
    followed.onSwap((applied[1] as { set: ModelSet }).set);
    expect(followed.refused).toMatchObject({ version: SECOND, code: 'MODEL_HASH' });
    cpSync(join(root, 'originals', SECOND), join(models, SECOND), { recursive: true });
    await followed.check();
    expect(applied.slice(2)).toMatchObject([
      { kind: 'recovered', what: 'model_pointer' },
      { kind: 'swap', set: { version: SECOND } },
    ]);
    // Recovered only once.
    promote(FIRST);
    await followed.check();
    expect(applied.slice(4)).toMatchObject([{ kind: 'swap', set: { version: FIRST } }]);
    expect(applied).toHaveLength(5);
  });
});
