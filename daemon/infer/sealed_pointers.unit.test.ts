import { verdict } from '../../test/passed_gates.ts';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { activate, setShadow } from '../../test/activate.ts';
import { anySchema } from '../../shared/bundle/any_schema.fixture.ts';
import { activePath, readActiveFile } from '../../shared/bundle/bundle.ts';
import { shadowPointer } from '../../shared/bundle/shadow_pointer.ts';
import { MODEL_FILES } from '../../shared/bundle/manifest.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { PointerMarks, trainerMarks, trainerMarksOf } from '../../shared/bundle/pointer_marks.ts';
import { ROLLOUT_POINTER, rolloutPath, writeRollout, type Rollout } from '../../shared/bundle/rollout.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { Scheduler } from '../../shared/ports.ts';
import { watchModels } from './model_watch.ts';
import { filesOf } from '../../shared/bundle/slot_files.ts';

const [CHAMPION, CHALLENGER, THIRD] = ['20260101_0000', '20260102_0000', '20260103_0000'] as const;
const STARTED = '2026-11-20T08:00:00.000Z';
const ROLLOUT: Rollout = {
  id: '20261120T080000',
  stage: 'test',
  share: 0.1,
  champion: CHAMPION,
  challenger: CHALLENGER,
  key: 'ab'.repeat(16),
  block_minutes: 60,
  status: 'active',
  reason: '',
  started: STARTED,
  stage_started: STARTED,
  stages: [{ from: STARTED, share: 0.1 }],
  promotion_e_value: 20,
  power: null,
  history: [],
};
const NEVER: Scheduler = {
  afterTurn: () => undefined,
  after: () => () => undefined,
  every: () => () => undefined,
};

let home: string;
let models: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'minutehand-sealed-'));
  models = join(home, 'models');
  for (const version of [CHAMPION, CHALLENGER, THIRD]) {
    mkdirSync(join(models, version), { recursive: true });
    for (const name of ['manifest.json', ...Object.values(MODEL_FILES)])
      writeFileSync(join(models, version, name), version);
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

function useKeys(): void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(home, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(join(home, 'trusted.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  vi.stubEnv('MINUTEHAND_SIGNING_KEY', join(home, 'key.pem'));
  vi.stubEnv('MINUTEHAND_TRUSTED_KEYS', join(home, 'trusted.pem'));
}

/** A daemon that has just started. @param damaged bundles that do not load */
function start(damaged: readonly string[] = []) {
  const seen: string[] = [];
  const watch = watchModels({
    modelsFolder: models,
    running: { market: 'simulated', timeframes: ['1m'] } as const,
    subjects: [],
    warm: () => Promise.resolve(),
    pollMs: 500,
    files: MACHINE_FILES,
    scheduler: NEVER,
    marksOf: (kind) => new PointerMarks(home, 'daemon_main', kind),
    load(folder) {
      const version = folder.slice(models.length + 1);
      if (damaged.includes(version)) return Promise.reject(new MinutehandError('MODEL_HASH'));
      return Promise.resolve({
        version,
        manifest: { version, market: 'simulated', pairs: [] },
        schema: anySchema(1),
        release: () => Promise.resolve(),
      } as unknown as ModelSet);
    },
    onReady: ({ version }, isProved) => seen.push(`active ${version}${isProved ? ' proved' : ''}`),
    onShadow: (set) => seen.push(`shadow ${set?.manifest.version ?? 'none'}`),
    onRollout: (rollout) => seen.push(`rollout ${rollout?.stage ?? 'none'}`),
    onRefused: (_, error, slot) => seen.push(`${slot} ${describeError(error).code}`),
    onWithdrawn: (slot) => seen.push(`${slot} withdrawn`),
  });
  return async (): Promise<string[]> => {
    seen.length = 0;
    await watch.check();
    return [...seen];
  };
}

const promote = (version: string): void => void activate(models, version, MACHINE_FILES, trainerMarks({ home }));
const shadow = (version: string | null): void =>
  setShadow(models, version, MACHINE_FILES, trainerMarksOf(shadowPointer('pairs'), { home }));
const rollOut = (change: Partial<Rollout>): void =>
  writeRollout(models, { ...ROLLOUT, ...change }, MACHINE_FILES, trainerMarksOf(ROLLOUT_POINTER, { home }));
const read = (path: string): string => readFileSync(path, 'utf8');
const altered = (path: string, change: object): void =>
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(read(path)) as object), ...change }));

describe.each([{ signed: true }, { signed: false }])('pointers of this home, signed: $signed', ({ signed }) => {
  beforeEach(() => {
    if (signed) useKeys();
    promote(CHAMPION);
  });

  it('name gates that failed, as data or as an earlier version wrote them, with their seal intact', async () => {
    const { passed: _passed, ...brier } = verdict({
      code: 'brier',
      role: 'ai1',
      passed: false,
      evidence: { error: 0.1 },
    });
    const written = { code: 'ai1 auc', seen: '0.51', limit: 'at least 0.52 on the holdout' };
    const gates = [{ ...brier, group: 'metals' }, written];
    // Members in another order than that of the schema: what is signed is what is read.
    const despite = { at: '2026-11-20T07:30:00.000Z', by: 'ann', reason: 'a drill', gates };
    activate(models, CHALLENGER, MACHINE_FILES, trainerMarks({ home }), despite);
    expect(await start()()).toEqual([`active ${CHALLENGER}`]);
    expect(readActiveFile(models)).toMatchObject({ version: CHALLENGER, despite_gates: despite });
    altered(activePath(models), { despite_gates: { ...despite, gates: [written] } });
    expect(await start()()).toEqual(
      signed ? [`active ${CHALLENGER} proved`, 'active POINTER_SIGNATURE'] : [`active ${CHALLENGER}`],
    );
  });

  it('let no older rollout.json back, nor a forged one: the champion answers alone', async () => {
    const look = start();
    rollOut({});
    const first = read(rolloutPath(models));
    expect(await look()).toEqual([`active ${CHAMPION}`, 'rollout test']);
    rollOut({ stage: 'pilot', share: 0.3 });
    expect(await look()).toEqual(['rollout pilot']);
    writeFileSync(rolloutPath(models), first);
    expect(await look()).toEqual(['rollout none', 'rollout POINTER_ROLLBACK']);
    expect(await start()()).toEqual([`active ${CHAMPION}`, 'rollout POINTER_ROLLBACK']);
    rollOut({ status: 'aborted' });
    const ended = read(rolloutPath(models));
    expect(await look()).toEqual(['rollout withdrawn']);
    altered(rolloutPath(models), { status: 'active', share: 1, stage: 'full' });
    expect(await look()).toEqual([`rollout POINTER_${signed ? 'SIGNATURE' : 'ROLLBACK'}`]);
    writeFileSync(rolloutPath(models), ended);
    expect(await start()()).toEqual([`active ${CHAMPION}`]);
  });

  it('let no older shadow.json back, not even after the shadow has ended', async () => {
    const look = start();
    shadow(CHALLENGER);
    const first = read(filesOf(models, 'pairs').shadow.path);
    expect(await look()).toEqual([`active ${CHAMPION}`, `shadow ${CHALLENGER}`]);
    shadow(null);
    expect(await look()).toEqual(['shadow none']);
    writeFileSync(filesOf(models, 'pairs').shadow.path, first);
    expect(await look()).toEqual(['shadow POINTER_ROLLBACK']);
    expect(await start()()).toEqual([`active ${CHAMPION}`, 'shadow POINTER_ROLLBACK']);
    shadow(THIRD);
    expect(await look()).toEqual([`shadow ${THIRD}`]);
    altered(filesOf(models, 'pairs').shadow.path, { version: CHALLENGER });
    expect(await look()).toEqual([`shadow POINTER_${signed ? 'SIGNATURE' : 'ROLLBACK'}`]);
  });

  it('leave the active set as it is when active.json is refused later', async () => {
    const old = read(activePath(models));
    promote(THIRD);
    const look = start();
    expect(await look()).toEqual([`active ${THIRD}`]);
    writeFileSync(activePath(models), old);
    expect(await look()).toEqual(['active POINTER_ROLLBACK']);
  });

  it('give a daemon that starts with a refused active.json the newest set that was accepted and loads', async () => {
    const old = read(activePath(models));
    for (const version of [CHALLENGER, THIRD]) {
      promote(version);
      await start()();
    }
    writeFileSync(activePath(models), old);
    expect(await start()()).toEqual([`active ${THIRD} proved`, 'active POINTER_ROLLBACK']);
    const look = start();
    await look();
    expect(await look()).toEqual([]);
    promote(THIRD);
    expect(await look()).toEqual(['active withdrawn']);
    writeFileSync(activePath(models), '{"version": ');
    expect(await start()()).toEqual([`active ${THIRD} proved`, 'active MODEL_MANIFEST']);
    promote(CHAMPION);
    rmSync(join(home, 'active_mark_trainer.json'));
    writeFileSync(activePath(models), old);
    expect(await start([THIRD])()).toEqual(['active MODEL_HASH', 'active POINTER_ROLLBACK']);
  });

  it('give a daemon whose active bundle is damaged at the start the accepted set before it', async () => {
    promote(CHALLENGER);
    const look = start([CHALLENGER]);
    expect(await look()).toEqual([`active ${CHAMPION} proved`, 'active MODEL_HASH']);
    expect(await look()).toEqual([]);
    expect(await start([CHALLENGER, CHAMPION])()).toEqual(['active MODEL_HASH', 'active MODEL_HASH']);
    promote(CHAMPION);
    expect(await look()).toEqual(['active withdrawn']);
    // CHALLENGER, which that took back, does not serve for CHAMPION.
    expect(await start([CHAMPION])()).toEqual(['active MODEL_HASH']);
  });

  it('prove nothing while a mark is damaged, or when the copy of the pointer was forged', async () => {
    const old = read(activePath(models));
    promote(THIRD);
    await start()();
    writeFileSync(activePath(models), old);
    const path = join(home, 'active_mark_trainer.json');
    const good = read(path);
    writeFileSync(path, '{');
    expect(await start()()).toEqual(['active POINTER_MARK']);
    if (!signed) return;
    const mark = JSON.parse(good) as { pointer: object };
    rmSync(join(home, 'active_mark_daemon_main.json'));
    writeFileSync(path, JSON.stringify({ ...mark, pointer: { ...mark.pointer, version: CHALLENGER } }));
    expect(await start()()).toEqual(['active POINTER_ROLLBACK']);
  });
});

it('a rollout without a signature is refused where active.json was signed', async () => {
  useKeys();
  promote(CHAMPION);
  await start()();
  writeFileSync(rolloutPath(models), JSON.stringify(ROLLOUT));
  expect(await start()()).toEqual([`active ${CHAMPION}`, 'rollout POINTER_SIGNATURE']);
  writeFileSync(filesOf(models, 'pairs').shadow.path, JSON.stringify({ version: CHALLENGER }));
  expect(await start()()).toEqual([`active ${CHAMPION}`, 'shadow POINTER_SIGNATURE', 'rollout POINTER_SIGNATURE']);
});

it('a rollout goes on while its mark cannot be written, and begins when it can', async () => {
  promote(CHAMPION);
  rollOut({});
  const look = start();
  const blocked = join(home, 'rollout_mark_daemon_main.json');
  mkdirSync(blocked);
  expect(await look()).toEqual([`active ${CHAMPION}`, 'rollout POINTER_MARK']);
  expect(await look()).toEqual([]);
  rmSync(blocked, { recursive: true });
  expect(await look()).toEqual(['rollout test', 'rollout withdrawn']);
});
