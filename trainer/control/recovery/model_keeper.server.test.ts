import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setShadow, unjudged } from '../../../test/activate.ts';
import { tinyRule } from '../../../test/tiny_rule.ts';
import { passedGates, verdict } from '../../../test/passed_gates.ts';
import { copyUnder, tinySettings } from '../../../test/tiny_models.ts';
import { writeTinyDirection } from '../../../test/tiny_direction.ts';
import type { EpochMs } from '../../../shared/bar.ts';
import { activateAdmitted, endRule, setRuleShadow } from '../../../shared/bundle/admission/activation.ts';
import { activePath, readActive, readActiveFile } from '../../../shared/bundle/bundle.ts';
import { directionFolder, readActiveDirection } from '../../../shared/bundle/direction/active_direction.ts';
import { addStops, liftStops, readHalts } from '../../../shared/bundle/halts.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { DespiteGates } from '../../../shared/bundle/recorded_gates.ts';
import { writeRandomBundle } from '../../../shared/bundle/random_bundle.fixture.ts';
import { readActiveRule, ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { trainerMarksOf, type PointerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { readShadow, shadowPointer, type ShadowFile } from '../../../shared/bundle/shadow_pointer.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { openStore } from '../../store/store.ts';
import type { AuditEntry } from '../api/audit.ts';
import type { Notice } from '../notify/outbox.ts';
import { ModelKeeper } from './model_keeper.ts';
import { fenceOfHolder } from '../registry/promotion_fence.ts';
import { withRegistry } from '../registry/outcome.ts';
import { ruleSlot } from '../../../shared/subject/slot.ts';
import { filesOf } from '../../../shared/bundle/slot_files.ts';

const settings = tinySettings({ minutehand: { instruments: ['BTCUSDT@1h'] } });
const OLD = '20240106_1200';
const NEW = '20240107_1200';
const FAILED = verdict({ code: 'auc', role: 'ai1', passed: false, value: 0.5, limit: 0.52 });
const DESPITE: DespiteGates = { gates: [FAILED], at: '2024-01-08T00:00:00.000Z', reason: 'a drill', by: 'ann' };

let root: string;
let template: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-keeper-'));
  const schema = featureSchema(settings.minutehand.windows);
  const created = new Date('2024-01-05T12:00:00Z');
  const { pairs } = settings.minutehand;
  template = writeRandomBundle(join(root, 'template'), { schema, trees: 2, leaves: 3, seed: 'one', pairs, created });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

let paths: HomePaths;
let keeper: ModelKeeper;
let nowMs: number;
let looks: (() => void)[];
let raised: Notice[];
let cleared: string[];
let audited: AuditEntry[];
let printed: string[];

beforeEach(() => {
  paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(root, 'home-')) });
  nowMs = 0;
  looks = [];
  raised = [];
  cleared = [];
  audited = [];
  printed = [];
});
afterEach(() => keeper.stop());

function addBundle(version: string, changes: object = {}): string {
  const gates = passedGates('pairs');
  const period = { from: '2024-01-01T00:00Z', to: '2024-01-05T00:00Z', holdout_from: '2024-01-04T00:00Z' };
  const source = copyUnder(join(root, 'template'), basename(template), version, { gates, period, ...changes });
  mkdirSync(paths.models, { recursive: true });
  copyInto(join(root, 'template', source), join(paths.models, version));
  rmSync(join(root, 'template', source), { recursive: true });
  return version;
}

function copyInto(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) writeFileSync(join(to, name), readFileSync(join(from, name)));
}

const mend = (): Promise<void> => withRegistry({}, paths, (registry) => registry.mend());

/** Makes a bundle the active one and tells the registry. */
async function promote(version: string, despite: DespiteGates | null = null): Promise<void> {
  activateAdmitted(unjudged('promotion', paths.models, version, { despite }), paths);
  await mend();
}

async function start(own = settings): Promise<void> {
  keeper = new ModelKeeper({
    settings: own,
    paths,
    env: {},
    log: pino({ enabled: false }),
    clock: { nowMs: () => (1_700_000_000_000 + nowMs) as EpochMs, monotonicUs: () => nowMs * 1000 },
    scheduler: {
      afterTurn: () => undefined,
      after: () => () => undefined,
      every: (_, work) => (looks.push(work), () => looks.splice(0)),
    },
    notifier: {
      raise: (notice) => Promise.resolve(void raised.push(notice)),
      clear: (key) => Promise.resolve(void cleared.push(key)),
    },
    print: (line) => void printed.push(line),
    audit: (entry) => Promise.resolve(void audited.push(entry)),
  });
  await keeper.start();
}

async function pass(seconds: number): Promise<void> {
  for (let at = 0; at < seconds; at += 10) {
    nowMs += 10_000;
    for (const look of looks) look();
    // Joins the running look.
    await keeper.look();
  }
}

describe('lost models of a home', () => {
  beforeEach(async () => {
    addBundle(OLD);
    addBundle(NEW);
    await promote(OLD);
    await promote(NEW);
  });

  const LOSSES: Readonly<Record<string, () => void>> = {
    'a deleted folder': () => rmSync(paths.models, { recursive: true }),
    'an empty folder': () => {
      rmSync(paths.models, { recursive: true });
      mkdirSync(paths.models);
    },
    'a deleted pointer': () => rmSync(activePath(paths.models)),
    'a pointer of half a line': () => writeFileSync(activePath(paths.models), '{"version": "2024'),
    'an empty pointer': () => writeFileSync(activePath(paths.models), ''),
    'a deleted bundle': () => rmSync(join(paths.models, NEW), { recursive: true }),
    'a bundle without its manifest': () => rmSync(join(paths.models, NEW, 'manifest.json')),
    'a manifest of zeros': () => writeFileSync(join(paths.models, NEW, 'manifest.json'), Buffer.alloc(4096)),
    'a model that was cut': () => writeFileSync(join(paths.models, NEW, 'ai2.onnx'), 'cut'),
  };

  it.each(Object.keys(LOSSES))('of %s are restored at the start, byte for byte, and reported', async (name) => {
    const bytes = readFileSync(join(paths.models, NEW, 'ai2.onnx'));
    const serial = readActiveFile(paths.models)!.serial!;
    LOSSES[name]!();
    await start();
    expect(readActive(paths.models)).toEqual({ version: NEW, previous: OLD });
    expect(readActiveFile(paths.models)!.serial).toBeGreaterThanOrEqual(serial);
    expect(readFileSync(join(paths.models, NEW, 'ai2.onnx'))).toEqual(bytes);
    expect(raised.map(({ event }) => event)).toEqual(['models_recovered']);
    expect(audited).toMatchObject([{ actor: 'trainer', action: 'models recover', outcome: 'done' }]);
    expect(printed.join()).toContain('Restored from the registry');
  });

  it.each(['a deleted folder', 'a pointer of half a line', 'a model that was cut'])(
    'of %s are restored within a look while the trainer runs',
    async (name) => {
      await start();
      await pass(60);
      expect(raised).toEqual([]);
      LOSSES[name]!();
      await pass(10);
      expect(readActive(paths.models)).toEqual({ version: NEW, previous: OLD });
      expect(raised.map(({ event }) => event)).toEqual(['models_recovered']);
    },
  );

  it('whose home is gone meanwhile are restored once it is back, and the looks go on', async () => {
    await start();
    await pass(10);
    const moved = `${paths.home}-moved`;
    renameSync(paths.home, moved);
    await pass(30);
    renameSync(moved, paths.home);
    LOSSES['a deleted bundle']!();
    await pass(60);
    expect(readActive(paths.models)).toEqual({ version: NEW, previous: OLD });
    expect(raised.map(({ event }) => event)).toContain('models_recovered');
  });

  it('are left to a person when a pointer is an old copy: nothing is rewritten', async () => {
    const old = readFileSync(activePath(paths.models));
    await promote(OLD);
    writeFileSync(activePath(paths.models), old);
    await start();
    await pass(60);
    expect(readFileSync(activePath(paths.models))).toEqual(old);
    expect(raised).toEqual([]);
  });

  it('never become an older version than the pointer that this home accepted last', async () => {
    // Promoted while the store was down: the registry still has NEW as active.
    activateAdmitted(unjudged('promotion', paths.models, OLD), paths);
    rmSync(activePath(paths.models));
    await start();
    expect(readActive(paths.models)).toBeNull();
    expect(raised).toMatchObject([{ event: 'models_lost', key: 'models_lost' }]);
    expect(raised[0]!.text).toContain('POINTER_ROLLBACK');
    expect(raised[0]!.text).toContain('minutehand models recover');
    await expect(
      withRegistry(
        {},
        paths,
        async (registry) => (await registry.recover(undefined, () => Promise.reject(new Error()))).failed,
      ),
    ).resolves.toMatchObject([{ version: NEW, error: { code: 'POINTER_ROLLBACK' } }]);
  });

  it('whose bytes the registry lost too are an alert, tried at doubled distances, until they are whole', async () => {
    const copy = join(root, 'copy');
    copyInto(join(paths.models, NEW), copy);
    const store = await openStore(paths.trainer);
    await store.db.deleteFrom('core.model_artifacts').where('version', '=', NEW).execute();
    await store.close();
    rmSync(join(paths.models, NEW), { recursive: true });
    await start();
    await pass(600);
    expect(raised.map(({ event }) => event)).toEqual(['models_lost']);
    expect(cleared).toEqual([]);
    copyInto(copy, join(paths.models, NEW));
    await pass(10);
    expect(cleared).toEqual(['models_lost']);
  });

  it('of a store that cannot be opened are an alert that names the command', async () => {
    rmSync(paths.models, { recursive: true });
    rmSync(paths.trainer);
    mkdirSync(paths.trainer);
    await start();
    expect(raised).toMatchObject([{ event: 'models_lost' }]);
    expect(raised[0]!.text).toMatch(/MODEL_MISSING.*STORE_UNUSABLE.*models recover/s);
  });
});

describe('never restored by itself', () => {
  it('is a bundle whose gates failed, unless a person’s override is known', async () => {
    addBundle(NEW, { gates: passedGates('pairs', FAILED) });
    await promote(NEW, DESPITE);
    rmSync(paths.models, { recursive: true });
    await start();
    expect(readActiveFile(paths.models)).toMatchObject({
      version: NEW,
      despite_gates: { by: 'ann', reason: 'a drill' },
    });
    await keeper.stop();
    // Without the marks of the home nothing shows that a person decided so.
    rmSync(paths.models, { recursive: true });
    for (const name of readdirSync(paths.home)) if (name.startsWith('active_mark_')) rmSync(join(paths.home, name));
    raised = [];
    await start();
    expect(readActive(paths.models)).toBeNull();
    expect(raised.at(-1)).toMatchObject({ event: 'models_lost' });
    expect(raised.at(-1)!.text).toContain('MODEL_GATES');
  });

  it('is a bundle of another market', async () => {
    addBundle(NEW);
    await promote(NEW);
    rmSync(paths.models, { recursive: true });
    await start(tinySettings({ minutehand: { market: 'live' } }));
    expect(readActive(paths.models)).toBeNull();
    expect(raised.at(-1)!.text).toMatch(/MODEL_(SIMULATED|MARKET)/);
  });

  it('is anything in a new installation, without an alert', async () => {
    await start();
    await pass(100);
    expect([raised, printed, readActive(paths.models)]).toEqual([[], [], null]);
  });
});

it('lost direction models are restored beside those of pairs', async () => {
  addBundle(NEW);
  await promote(NEW);
  const version = writeTinyDirection(paths.models, 'BTCUSDT', '1h', new Date('2024-01-09T12:00:00Z'));
  activateAdmitted(unjudged('promotion', paths.models, version, { slot: 'direction 1h' }), paths);
  await withRegistry({}, paths, (registry) => registry.mend(), 'direction');
  rmSync(directionFolder(paths.models), { recursive: true });
  await start();
  expect(readActiveDirection(paths.models, '1h')).toMatchObject({ version });
  expect(readActive(paths.models)?.version).toBe(NEW);
});

describe('a lost pointer beside the active models', () => {
  const INSTRUMENT = 'BTCUSDT@1h';
  const shadows = (): PointerMarks<ShadowFile> => trainerMarksOf(shadowPointer('pairs'), paths);

  function addRule(day: number, changes: Parameters<typeof tinyRule>[1] = {}): string {
    const folder = writeRuleBundle(
      ruleFolder(paths.models),
      new Date(Date.UTC(2024, 0, day)),
      tinyRule(INSTRUMENT, { market: 'simulated', ...changes }),
    );
    return basename(folder);
  }

  function serve(version: string, despite: DespiteGates | null = null): void {
    activateAdmitted(unjudged('promotion', paths.models, version, { slot: ruleSlot(INSTRUMENT), despite }), paths);
  }

  const readPointerFile = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
  const markNames = (): string[] => readdirSync(paths.home).filter((name) => name.includes('_mark_'));

  beforeEach(async () => {
    addBundle(OLD);
    addBundle(NEW);
    await promote(NEW);
  });

  it('of a shadow is restored with its bundle; one that was ended is not', async () => {
    setShadow(paths.models, OLD, undefined, shadows());
    await start();
    rmSync(join(paths.models, OLD), { recursive: true });
    rmSync(join(paths.models, 'shadow.json'));
    await pass(10);
    expect(readShadow(paths.models, 'pairs')).toBe(OLD);
    expect(raised.map(({ event }) => event)).toEqual(['models_recovered']);
    setShadow(paths.models, null, undefined, shadows());
    rmSync(join(paths.models, 'shadow.json'));
    await pass(100);
    expect([readShadow(paths.models, 'pairs'), raised.length]).toEqual([null, 1]);
  });

  it('of a rule is restored byte for byte; one that was ended is not', async () => {
    const version = addRule(6);
    serve(version);
    await start();
    const manifest = readFileSync(join(ruleFolder(paths.models), version, 'manifest.json'));
    rmSync(paths.models, { recursive: true });
    await pass(10);
    expect(readActiveRule(paths.models, INSTRUMENT)?.version).toBe(version);
    expect(readFileSync(join(ruleFolder(paths.models), version, 'manifest.json'))).toEqual(manifest);
    endRule(INSTRUMENT, paths);
    rmSync(paths.models, { recursive: true });
    await pass(10);
    expect(readActive(paths.models)?.version).toBe(NEW);
    expect(readActiveRule(paths.models, INSTRUMENT)).toBeNull();
  });

  it('of a rule whose gates failed is restored only with the override of a person', async () => {
    const failed = tinyRule(INSTRUMENT).manifest.gates.map((gate, at) =>
      at === 0 ? { ...gate, passed: false } : gate,
    );
    const version = addRule(6, { gates: failed });
    serve(version);
    await start();
    rmSync(filesOf(paths.models, ruleSlot(INSTRUMENT)).active.path);
    await pass(10);
    expect(readActiveRule(paths.models, INSTRUMENT)).toBeNull();
    expect(raised.at(-1)).toMatchObject({ event: 'models_lost' });
    expect(raised.at(-1)!.text).toMatch(/MODEL_GATES.*models recover/s);
    serve(version, DESPITE);
    rmSync(filesOf(paths.models, ruleSlot(INSTRUMENT)).active.path);
    await pass(10);
    expect(readActiveRule(paths.models, INSTRUMENT)?.version).toBe(version);
  });

  it('of a rule is not restored while another installation owns the promotions', async () => {
    const version = addRule(6);
    serve(version);
    await start();
    const store = await openStore(paths.trainer);
    await store.db.deleteFrom('core.promotion_owners').execute();
    await fenceOfHolder(store, 'another home', { market: settings.minutehand.market });
    await store.close();
    rmSync(filesOf(paths.models, ruleSlot(INSTRUMENT)).active.path);
    await pass(10);
    expect(readActiveRule(paths.models, INSTRUMENT)).toBeNull();
    expect(raised.at(-1)!.text).toContain('PROMOTION_OWNER');
  });

  /** The machine is lost, and the store, which is on another, is not. */
  async function moveToNewHome(): Promise<void> {
    await keeper.stop();
    const lost = paths;
    paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(root, 'home-')) });
    const store = await openStore(lost.trainer);
    await store.db.deleteFrom('core.promotion_owners').execute();
    await store.close();
    copyFileSync(lost.trainer, paths.trainer);
  }

  it('comes back on a new machine from the store alone, as shadows, rules, what was ended, and halts do', async () => {
    const served = addRule(6);
    serve(served);
    const shadow = addRule(7);
    setRuleShadow(unjudged('shadow', paths.models, shadow, { slot: ruleSlot(INSTRUMENT) }), paths);
    setShadow(paths.models, OLD, undefined, shadows());
    addStops(paths.models, ['*'], { kind: 'entries', reason: 'a drill', by: 'ann' }, new Date(0));
    const despite = addBundle('20240108_1200', { gates: [FAILED] });
    await promote(despite, DESPITE);
    await start();
    await moveToNewHome();
    await start();
    expect(readActive(paths.models)).toMatchObject({ version: despite });
    expect(readActiveFile(paths.models)!.despite_gates).toMatchObject({ by: 'ann', reason: 'a drill' });
    expect(readActiveRule(paths.models, INSTRUMENT)?.version).toBe(served);
    expect(readPointerFile(filesOf(paths.models, ruleSlot(INSTRUMENT)).shadow.path)).toMatchObject({ version: shadow });
    expect(readShadow(paths.models, 'pairs')).toBe(OLD);
    expect(readHalts(paths.models).stops).toMatchObject([{ pair_id: '*', kind: 'entries', by: 'ann' }]);
    expect(audited[0]).toMatchObject({ action: 'models recover', after: { files: expect.any(Array) as string[] } });
    // What is ended on the new machine stays ended on the next one, and what is resumed there resumed.
    setShadow(paths.models, null, undefined, shadows());
    endRule(INSTRUMENT, paths);
    liftStops(paths.models, ['*'], new Date(1));
    await pass(10);
    await moveToNewHome();
    await start();
    expect(readActive(paths.models)).toMatchObject({ version: despite });
    expect(readActiveRule(paths.models, INSTRUMENT)).toBeNull();
    expect(readShadow(paths.models, 'pairs')).toBeNull();
    expect(readHalts(paths.models).stops).toBeUndefined();
  });

  it('waits on a new machine, as the models do, until its owner is gone for a minute', async () => {
    serve(addRule(6));
    addStops(paths.models, ['*'], { kind: 'entries', reason: 'a drill', by: 'ann' }, new Date(0));
    await start();
    await moveToNewHome();
    const store = await openStore(paths.trainer);
    await fenceOfHolder(store, 'another home', { market: settings.minutehand.market });
    await start();
    await pass(20);
    expect([existsSync(paths.models), markNames()]).toEqual([false, []]);
    await store.db.updateTable('core.promotion_owners').set({ renewed_ms: 0 }).execute();
    await store.close();
    await pass(10);
    expect(readActive(paths.models)?.version).toBe(NEW);
    expect(readActiveRule(paths.models, INSTRUMENT)).not.toBeNull();
    expect(readHalts(paths.models).stops).toHaveLength(1);
  });

  it('stays as it is in a home that has models of its own; the halts of the other installation count', async () => {
    serve(addRule(6));
    addStops(paths.models, ['*'], { kind: 'entries', reason: 'a drill', by: 'ann' }, new Date(0));
    await start();
    await moveToNewHome();
    addBundle(OLD);
    activateAdmitted(unjudged('promotion', paths.models, OLD), paths);
    addStops(paths.models, ['*'], { kind: 'close', reason: 'own', by: 'bob' }, new Date(0));
    await start();
    expect(readActiveRule(paths.models, INSTRUMENT)).toBeNull();
    expect(readHalts(paths.models).stops!.map(({ kind }) => kind)).toEqual(['close', 'entries']);
    expect(markNames().filter((name) => name.includes('kept'))).toEqual([]);
  });
});
