import { EXPECTED_OF_DIRECTION, EXPECTED_OF_PAIRS, gateKey } from '../shared/bundle/gates/gate_codes.ts';
import { keyOf, type FailedGate } from '../shared/bundle/gates/gate_result.ts';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate, activateDirection } from './activate.ts';
import { readActive, readActiveFile } from '../shared/bundle/bundle.ts';
import { readShadow } from '../shared/bundle/shadow_pointer.ts';
import { directionFolder } from '../shared/bundle/direction/active_direction.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { ACTIVE_POINTER } from '../shared/bundle/active_file.ts';
import { writeSealed } from '../shared/bundle/pointer_file.ts';
import { trainerMarks } from '../shared/bundle/pointer_marks.ts';
import { ruleFolder } from '../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../shared/bundle/rule/rule_bundle.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { readRollout } from '../shared/bundle/rollout.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import { homePaths, type HomePaths } from '../shared/home.ts';
import { activateAdmitted, setShadow } from '../shared/bundle/admission/activation.ts';
import { admit, type AdmissionPlace, type Admitted } from '../shared/bundle/admission/admission.ts';
import { bearer, openApiWorkplace, type ApiWorkplace } from '../trainer/control/api/api.fixture.ts';
import { verifyAudit } from '../trainer/control/api/audit.ts';
import { promotionFence } from '../trainer/control/registry/promotion_fence.ts';
import { createRegistry } from '../trainer/control/registry/registry.ts';
import { carryOut, startRollout, type RolloutLook } from '../trainer/control/rollout/steps.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, type Finished, type Workplace } from './cli_process.ts';
import { IMPLAUSIBLE, FAILED_GATE, passedGates, verdict } from './passed_gates.ts';
import { tinyRule } from './tiny_rule.ts';
import { writeTinyDirection } from './tiny_direction.ts';
import { copyUnder, tinySettings } from './tiny_models.ts';
import { sha256Hex } from '../shared/sha256.ts';
import { MODEL_SLOTS, ruleSlot, directionSlot } from '../shared/subject/slot.ts';
import { filesOf } from '../shared/bundle/slot_files.ts';

const CREATED = new Date('2024-01-05T12:00:00Z');
/** As a bundle of the former format has it. */
const FAILED = { name: 'ai1 brier', passed: false, seen: '0.0192', limit: 'below 0.0192, that of the baseline' };
/** As `error.gates` lists it. */
const FAILURE = { code: 'ai1 brier', seen: FAILED.seen, limit: FAILED.limit };
const REASON = 'a drill, agreed with risk';

const settings = tinySettings({ minutehand: { instruments: ['BTCUSDT@1h'] } });
const [pair] = settings.minutehand.pairs as [string];

/** Somebody took the limits away, and with them what a value would contradict. */
const UNLIMITED = { passed: true, value: 0.3, relation: null, limit: null } as const;

/** Gates that later versions added. */
const MISSING: Readonly<Record<'pairs' | 'direction', readonly string[]>> = {
  pairs: ['ai1.skill', 'ai1.auc_plausible'],
  direction: ['direction.one_bar_later'],
};

/** What is wrong with a bundle, by the change of its manifest, and the code of the refusal. */
const FAULTS = {
  'failed gates': {
    code: 'MODEL_GATES',
    pairs: { gates: passedGates('pairs', FAILED) },
    direction: { gates: passedGates('direction', IMPLAUSIBLE) },
  },
  'a verdict without its limit': {
    code: 'MODEL_GATES',
    pairs: { gates: passedGates('pairs', verdict({ ...UNLIMITED, role: 'ai1' })) },
    // No gate of integrity of a direction needs one: a verdict that its own figures contradict.
    direction: { gates: passedGates('direction', { ...IMPLAUSIBLE, passed: true }) },
  },
  'no recorded gates': { code: 'MODEL_GATES', pairs: { gates: undefined }, direction: { gates: undefined } },
  // A training of version 0.1.0 did not check them.
  'some gates not recorded': {
    code: 'MODEL_GATES',
    pairs: { gates: passedGates('pairs').filter((gate) => !MISSING.pairs.includes(keyOf(gate))) },
    direction: { gates: passedGates('direction').filter((gate) => !MISSING.direction.includes(keyOf(gate))) },
  },
  'another market': { code: 'MODEL_MARKET', pairs: { market: 'live' }, direction: { market: undefined } },
  'another timeframe': { code: 'MODEL_TIMEFRAME', pairs: { pairs: [`${pair}@4h`] }, direction: null },
  'another feature schema': {
    code: 'MODEL_SCHEMA',
    pairs: { feature_schema: '0'.repeat(16) },
    direction: { feature_schema: '0'.repeat(16) },
  },
} as const;
type Fault = keyof typeof FAULTS;
const faults = Object.keys(FAULTS) as Fault[];
const GATE_FAULTS: readonly Fault[] = [
  'failed gates',
  'a verdict without its limit',
  'no recorded gates',
  'some gates not recorded',
];

/** Versions in a models folder. */
interface Bundles {
  /** Passed every gate; active when a door is tried. */
  readonly good: string;
  readonly next: string;
  readonly of: Readonly<Record<Fault, string>>;
  readonly direction: { readonly good: string; readonly of: Readonly<Record<Fault, string>> };
}

let place: Workplace;
let api: ApiWorkplace;
let bundles: Bundles;

/** Every bundle that the doors are tried with. */
function writeBundles(models: string): Bundles {
  const schema = featureSchema(settings.minutehand.windows);
  const { pairs } = settings.minutehand;
  const whole = basename(
    writeRandomBundle(models, { schema, trees: 2, leaves: 3, seed: 'good', pairs, created: CREATED }),
  );
  const period = { from: '2024-01-01T00:00Z', to: '2024-01-05T00:00Z', holdout_from: '2024-01-04T00:00Z' };
  const good = copyUnder(models, whole, '20240106_1200', { gates: passedGates('pairs'), period });
  const next = copyUnder(models, good, '20240107_1200');
  rmSync(join(models, whole), { recursive: true });
  const named = (day: number): string => `202402${String(day).padStart(2, '0')}_1200`;
  const of = faults.map((fault, i) => [fault, copyUnder(models, good, named(i + 1), FAULTS[fault].pairs)]);
  const folder = directionFolder(models);
  const tiny = writeTinyDirection(models, 'BTCUSDT', '1h', CREATED);
  const other = writeTinyDirection(models, 'BTCUSDT', '4h', new Date('2024-01-09T12:00:00Z'));
  const ofDirection = faults.map((fault, i) => {
    const { direction } = FAULTS[fault];
    return [fault, direction === null ? other : copyUnder(folder, tiny, named(i + 11), direction)];
  });
  const all = Object.fromEntries(of) as Bundles['of'];
  return { good, next, of: all, direction: { good: tiny, of: Object.fromEntries(ofDirection) as Bundles['of'] } };
}

beforeAll(async () => {
  place = createWorkplace({ minutehand: { instruments: ['BTCUSDT@1h'] } });
  bundles = writeBundles(place.models);
  activate(place.models, bundles.good, MACHINE_FILES, trainerMarks(place));
  activateDirection(place.models, bundles.direction.good, place.home);
  // No bundle is removed as an old one.
  const overrides = { minutehand: { instruments: ['BTCUSDT@1h'] }, retrain: { model_version_retention: 20 } };
  api = await openApiWorkplace(overrides, (paths) => {
    writeBundles(paths.models);
    activate(paths.models, bundles.good, MACHINE_FILES, trainerMarks(paths));
    activateDirection(paths.models, bundles.direction.good, paths.home);
    return Promise.resolve();
  });
});
afterAll(async () => {
  await place.remove();
  await api.close();
});

/** A door, and what tries it with a bundle: a command, or a request to the API. */
interface Door {
  readonly kind: 'pairs' | 'direction';
  readonly command?: (fault: Fault) => readonly string[];
  readonly request?: (fault: Fault) => { readonly path: string; readonly body?: object };
}

interface Refusal {
  readonly code: string;
  readonly gates?: readonly FailedGate[];
}

function refusalOf({ code, stdout }: Finished): Refusal | null {
  if (code === 0) return null;
  const { error, failed } = JSON.parse(stdout) as { error?: Refusal; failed?: readonly { error: Refusal }[] };
  return error ?? failed![0]!.error;
}

/** Runs commands one after the other in one process. */
async function commands(all: readonly (readonly string[])[]): Promise<(Refusal | null)[]> {
  return (await place.runEach(all.map((args) => [...args, '--json']))).map(refusalOf);
}

const command = async (...args: string[]): Promise<Refusal | null> => (await commands([args]))[0]!;

async function request(method: string, path: string, body?: object): Promise<Refusal | null> {
  const headers = bearer(await api.token('approver', 'ann'));
  const { status, body: answer } = await api.ask(method, path, { headers, ...(body && { body }) });
  return status < 300 ? null : (answer.error as Refusal);
}

const DOORS: Readonly<Record<string, Door>> = {
  'models promote <version>': { kind: 'pairs', command: (fault) => ['models', 'promote', bundles.of[fault]] },
  'models promote <path>, an import': {
    kind: 'pairs',
    command: (fault) => ['models', 'promote', join(place.folder, 'elsewhere', bundles.of[fault])],
  },
  'rollout start': { kind: 'pairs', command: (fault) => ['rollout', 'start', bundles.of[fault]] },
  'models promote of a direction model': {
    kind: 'direction',
    command: (fault) => ['models', 'promote', bundles.direction.of[fault]],
  },
  'rollout start of a direction model': {
    kind: 'direction',
    command: (fault) => ['rollout', 'start', bundles.direction.of[fault]],
  },
  'POST /api/ml/models/{model_name}/load': {
    kind: 'pairs',
    request: (fault) => ({ path: `/api/ml/models/${bundles.of[fault]}/load` }),
  },
  'POST /api/ml/rollout': {
    kind: 'pairs',
    request: (fault) => ({ path: '/api/ml/rollout', body: { model_name: bundles.of[fault] } }),
  },
  'POST /api/ml/rollout of a direction model': {
    kind: 'direction',
    request: (fault) => ({ path: '/api/ml/rollout', body: { model_name: bundles.direction.of[fault] } }),
  },
  'POST /api/ml/direction-models/{model_name}/load': {
    kind: 'direction',
    request: (fault) => ({ path: `/api/ml/direction-models/${bundles.direction.of[fault]}/load` }),
  },
};
const ATTEMPTS = Object.keys(DOORS).flatMap((door) => faults.map((fault) => [door, fault] as const));

/** All pointers of a home. */
function pointersOf(models: string): unknown {
  const texts = [join(models, 'active.json'), join(models, 'rollout.json'), join(models, 'shadow.json')];
  const all = [
    ...texts,
    filesOf(models, directionSlot('1h')).active.path,
    filesOf(models, directionSlot('4h')).active.path,
  ];
  return all.map((path) => (existsSync(path) ? readFileSync(path, 'utf8') : null));
}

describe('every door refuses', () => {
  const refusals = new Map<string, Refusal | null>();
  let before: unknown;

  beforeAll(async () => {
    before = [pointersOf(place.models), pointersOf(api.paths.models)];
    for (const version of Object.values(bundles.of))
      cpSync(join(place.models, version), join(place.folder, 'elsewhere', version), { recursive: true });
    const byCommand = ATTEMPTS.filter(([door]) => DOORS[door]!.command !== undefined);
    const answers = await commands(byCommand.map(([door, fault]) => DOORS[door]!.command!(fault)));
    for (const [i, [door, fault]] of byCommand.entries()) refusals.set(`${door} ${fault}`, answers[i]!);
    for (const [door, fault] of ATTEMPTS) {
      const asked = DOORS[door]!.request?.(fault);
      if (asked !== undefined) refusals.set(`${door} ${fault}`, await request('POST', asked.path, asked.body));
    }
  });

  it.each(ATTEMPTS)('%s: a bundle with %s', (door, fault) => {
    const refusal = refusals.get(`${door} ${fault}`);
    expect(refusal?.code).toBe(FAULTS[fault].code);
    const { passed: _passed, ...implausible } = IMPLAUSIBLE;
    const { kind } = DOORS[door]!;
    if (fault === 'failed gates') expect(refusal!.gates).toEqual([kind === 'pairs' ? FAILURE : implausible]);
    if (fault === 'some gates not recorded') expect(refusal!.gates!.map(keyOf)).toEqual(MISSING[kind]);
  });

  it('and changes no pointer', () => {
    expect([pointersOf(place.models), pointersOf(api.paths.models)]).toEqual(before);
  });

  it.each(faults.filter((fault) => !GATE_FAULTS.includes(fault)))(
    'a bundle of %s also with an override, by command and by API, and as a shadow',
    async (fault) => {
      const flags = ['--despite-gates', '--reason', REASON];
      const body = { despite_gates: true, reason: REASON };
      const answers = [
        ...(await commands([
          ['models', 'promote', bundles.of[fault], ...flags],
          ['rollout', 'start', bundles.of[fault], ...flags],
          ['models', 'promote', bundles.direction.of[fault], ...flags],
          ['models', 'shadow', bundles.of[fault]],
          ['models', 'shadow', bundles.direction.of[fault]],
        ])),
        await request('POST', `/api/ml/models/${bundles.of[fault]}/load`, body),
        await request('POST', `/api/ml/direction-models/${bundles.direction.of[fault]}/load`, body),
        await request('POST', '/api/ml/rollout', { model_name: bundles.of[fault], ...body }),
        await request('PUT', '/api/ml/shadow', { model_name: bundles.of[fault] }),
        await request('PUT', '/api/ml/shadow', { model_name: bundles.direction.of[fault], timeframe: '1h' }),
      ];
      expect(answers.map((refusal) => refusal?.code)).toEqual(Array.from({ length: 10 }, () => FAULTS[fault].code));
      for (const models of [place.models, api.paths.models])
        expect(MODEL_SLOTS.map((slot) => readShadow(models, slot))).toEqual(MODEL_SLOTS.map(() => null));
    },
  );

  it('a bundle that the registry has as rejected, though its own gates passed, and a registry that cannot be read', async () => {
    const registry = createRegistry(api.store, api.paths.models);
    const rejected = copyUnder(api.paths.models, bundles.good, '20240108_1200');
    await registry.reject(rejected, [FAILED_GATE]);
    const refusal = await request('POST', `/api/ml/models/${rejected}/load`);
    expect(refusal).toMatchObject({ code: 'MODEL_GATES', gates: [FAILED_GATE] });
    const unreachable = { MINUTEHAND_DATABASE_URL: 'postgres://u@127.0.0.1:1/d' };
    const [finished] = await place.runEach([['models', 'promote', bundles.next, '--json']], [unreachable]);
    expect(refusalOf(finished!)).toMatchObject({ code: 'MODEL_GATES', gates: [{ code: 'registry' }] });
    expect(finished!.stderr).toContain('The audit has this entry later');
  });

  it('train --adopt: models of files in a simulated installation, before it trains', async () => {
    expect(await command('train', '--adopt', '--data', '.')).toMatchObject({ code: 'MODEL_MARKET' });
  });

  it('an override without a reason, and a reason without an override', async () => {
    const bad = bundles.of['failed gates'];
    const promote = ['models', 'promote', bad];
    const unreadable = [' ', '\u200B\u200B', '\u001B[2Jok', 'a\nb', '…', 'x'.repeat(501)];
    const misuses = [
      ['--despite-gates'],
      ['--reason', REASON],
      ...unreadable.map((reason) => ['--despite-gates', '--reason', reason]),
    ];
    const answers = await commands(misuses.map((flags) => [...promote, ...flags]));
    expect(answers.map((refusal) => refusal?.code)).toEqual(misuses.map(() => 'USAGE'));
    for (const body of [
      { despite_gates: true },
      { reason: REASON },
      ...unreadable.map((reason) => ({ despite_gates: true, reason })),
    ])
      expect(await request('POST', `/api/ml/models/${bad}/load`, body)).toMatchObject({ code: 'REQUEST_INVALID' });
  });
});

describe('an override', () => {
  const record = (by: unknown = expect.any(String)) => ({
    gates: [FAILURE],
    reason: REASON,
    by,
    at: expect.any(String) as string,
  });

  it('by command is in the pointer, the audit and status until another bundle replaces it, and comes back with a rollback', async () => {
    const bad = bundles.of['failed gates'];
    const flags = ['--despite-gates', '--reason', REASON];
    expect(await command('models', 'promote', bad, ...flags)).toBeNull();
    expect(readActiveFile(place.models)).toMatchObject({
      version: bad,
      previous: bundles.good,
      despite_gates: record(),
    });
    const [status] = await place.runEach([['status']]);
    expect(status!.code).toBe(1);
    expect(status!.stdout).not.toContain('All is well');
    expect(status!.stdout).toContain(`${bad} (pairs) is in use despite failed gates`);
    expect(status!.stdout).toContain(`reason: ${REASON}`);
    expect(status!.stdout).toContain('ai1 brier: seen 0.0192, limit below 0.0192, that of the baseline');

    expect(await command('models', 'promote', bundles.next)).toBeNull();
    expect(readActiveFile(place.models)).not.toHaveProperty('despite_gates');
    const [after] = await place.runEach([['status']]);
    expect(after!.stdout).not.toContain('despite failed gates');

    expect(await command('models', 'promote', bad)).toMatchObject({ code: 'MODEL_GATES' });
    expect(await command('models', 'rollback')).toBeNull();
    expect(readActiveFile(place.models)).toMatchObject({
      version: bad,
      previous: bundles.next,
      despite_gates: record(),
    });
    expect(await command('models', 'rollback')).toBeNull();
    expect(readActive(place.models)).toEqual({ version: bundles.next, previous: bad });

    const store = await openStore(join(place.home, 'trainer.db'));
    const rows = await store.db
      .selectFrom('audit.api_writes')
      .selectAll()
      .where('action', '=', 'models promote')
      .orderBy('entry_id')
      .execute();
    const done = rows.filter(({ outcome, target }) => outcome === 'done' && target === bad);
    expect(done).toHaveLength(1);
    expect(done[0]).toMatchObject({ via: 'cli', before: JSON.stringify({ version: bundles.good }) });
    expect(JSON.parse(done[0]!.after!)).toMatchObject({ version: bad, despite_gates: record() });
    expect(rows.some(({ outcome, target }) => outcome === 'refused MODEL_GATES' && target === bad)).toBe(true);
    expect(await verifyAudit(store)).toMatchObject({ broken: null });
    await store.close();
  });

  it('survives the loss of active.json: recover applies it again', async () => {
    const bad = bundles.of['failed gates'];
    expect(await command('models', 'promote', bad, '--despite-gates', '--reason', REASON)).toBeNull();
    rmSync(join(place.models, 'active.json'));
    // The bundles that no registry may have are damaged for the daemon, and none of them is the active one.
    expect(await command('models', 'recover')).toBeNull();
    expect(readActiveFile(place.models)).toMatchObject({ version: bad, despite_gates: record() });
    expect(await command('models', 'promote', bundles.good)).toBeNull();
  });

  it('by API needs the role approver, and stands in status, health and metrics of the trainer', async () => {
    const bad = bundles.of['failed gates'];
    const body = { despite_gates: true, reason: REASON };
    const operator = bearer(await api.token('operator'));
    const refused = await api.ask('POST', `/api/ml/models/${bad}/load`, { headers: operator, body });
    expect(refused.status).toBe(403);
    expect(await request('POST', `/api/ml/models/${bad}/load`, body)).toBeNull();
    const shown = [{ slot: 'pairs', version: bad, ...record('ann') }];
    expect((await api.ask('GET', '/api/status', { headers: operator })).body['despite_gates']).toEqual(shown);
    expect((await api.ask('GET', '/healthz')).body['despite_gates']).toEqual(shown);
    expect((await api.ask('GET', '/metrics')).text).toContain('\nminutehand_models_despite_gates 1\n');
    const [row] = await api.store.db
      .selectFrom('audit.api_writes')
      .selectAll()
      .orderBy('entry_id', 'desc')
      .limit(1)
      .execute();
    expect(row).toMatchObject({ actor: 'ann', role: 'approver', target: bad, outcome: 'done' });
    expect(JSON.parse(row!.after!)).toMatchObject({ despite_gates: record('ann') });

    expect(await request('POST', `/api/ml/models/${bundles.next}/load`)).toBeNull();
    expect((await api.ask('GET', '/metrics')).text).toContain('\nminutehand_models_despite_gates 0\n');
    // The dashboard's button "Roll back".
    expect(await request('POST', `/api/ml/models/${bad}/load`)).toBeNull();
    expect((await api.ask('GET', '/healthz')).body['despite_gates']).toEqual(shown);
    expect(await request('POST', `/api/ml/models/${bundles.next}/load`)).toBeNull();
  });

  it('of a direction model is in its pointer, and of a challenger in rollout.json', async () => {
    const version = bundles.direction.of['failed gates'];
    const body = { despite_gates: true, reason: REASON };
    expect(await request('POST', `/api/ml/direction-models/${version}/load`, body)).toBeNull();
    const bad = bundles.of['no recorded gates'];
    expect(await request('POST', '/api/ml/rollout', { model_name: bad, ...body })).toBeNull();
    const { body: health } = await api.ask('GET', '/healthz');
    expect(health['despite_gates']).toMatchObject([
      {
        slot: 'challenger',
        version: bad,
        gates: [{ code: 'gates', evidence: { reason: 'no_verdict' } }],
        reason: REASON,
      },
      {
        slot: 'direction 1h',
        version,
        gates: [{ code: 'plausible', role: 'direction', evidence: IMPLAUSIBLE.evidence }],
        reason: REASON,
      },
    ]);
    expect(await request('POST', '/api/ml/rollout/abort', { reason: 'a test' })).toBeNull();
    expect(await request('POST', `/api/ml/direction-models/${bundles.direction.good}/load`)).toBeNull();
    expect((await api.ask('GET', '/healthz')).body['despite_gates']).toEqual([]);
  });

  it('of a bundle that passed is not recorded', async () => {
    const [finished] = await place.runEach([
      ['models', 'promote', bundles.next, '--despite-gates', '--reason', REASON],
    ]);
    expect(finished).toMatchObject({ code: 0, stderr: expect.stringContaining('is not recorded') as string });
    expect(readActiveFile(place.models)).not.toHaveProperty('despite_gates');
  });
});

describe('the writers of pointers', () => {
  it('take only what `admit` made, and for its own door: the compiler refuses the rest', () => {
    const plain = { door: 'promotion', version: '20240101_0000', timeframe: null, despite: null } as const;
    const pointer = { version: '20240101_0000', previous: null };
    const sealing = { files: MACHINE_FILES, marks: null };
    // Never called: the type check of this file is the test.
    const refusedByTypes = (shadow: Admitted<'shadow'>, rollout: Admitted<'rollout'>, folder: Admitted<'folder'>) => {
      // @ts-expect-error not made by admit
      activateAdmitted(plain, place);
      // @ts-expect-error gates of a shadow were not checked
      activateAdmitted(shadow, place);
      // @ts-expect-error a challenger is active after its rollout only
      activateAdmitted(rollout, place);
      // @ts-expect-error market and timeframe were not checked
      activateAdmitted(folder, place);
      // @ts-expect-error a version is not enough
      setShadow('20240101_0000', place.models);
      // @ts-expect-error nor is it for a rollout
      void startRollout({ settings, paths: api.paths }, plain, null);
      // @ts-expect-error no other module can write this kind of pointer
      writeSealed(ACTIVE_POINTER, 'active.json', pointer, sealing);
    };
    expect(refusedByTypes).toBeTypeOf('function');
  });
});

describe('a manifest that was changed after its bundle was registered', () => {
  it('is refused at every door, also with an override', async () => {
    const version = copyUnder(api.paths.models, bundles.of['failed gates'], '20240301_1200');
    const registry = createRegistry(api.store, api.paths.models);
    await registry.register(version);
    const path = join(api.paths.models, version, 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...manifest, gates: passedGates('pairs') }));
    const override = { despite_gates: true, reason: REASON };
    const answers = [
      await request('POST', `/api/ml/models/${version}/load`),
      await request('POST', `/api/ml/models/${version}/load`, override),
      await request('POST', '/api/ml/rollout', { model_name: version, ...override }),
    ];
    expect(answers.map((refusal) => refusal?.code)).toEqual(['MODEL_EXISTS', 'MODEL_EXISTS', 'MODEL_EXISTS']);
    const place = {
      settings,
      paths: api.paths,
      registered: (one: string) => registry.verdictsOf(one),
      promotionFence: () => promotionFence(api.store, api.paths, { market: 'simulated' }),
    };
    const folder = join(api.paths.models, version);
    for (const door of ['rollback', 'recovery', 'rollout_end'] as const)
      await expect(admit(place, { door, folder }), door).rejects.toMatchObject({ code: 'MODEL_EXISTS' });
    expect(readActive(api.paths.models)!.version).not.toBe(version);
  });
});

describe('a copy whose manifest says that all gates passed', () => {
  /** As a person with access to files makes it. */
  function copyOf(folder: string, version: string, to: string, kind: 'pairs' | 'direction'): string {
    cpSync(join(folder, version), to, { recursive: true });
    const path = join(to, 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...manifest, gates: passedGates(kind) }));
    return to;
  }

  it('lends its verdicts to no installed bundle of the same version: by path, or under another name in the folder', async () => {
    const pairs = bundles.of['failed gates'];
    const direction = bundles.direction.of['failed gates'];
    const before = [pointersOf(place.models), pointersOf(api.paths.models)];
    const outside = join(place.folder, 'lent');
    const folders = [
      copyOf(place.models, pairs, join(outside, 'pairs'), 'pairs'),
      copyOf(directionFolder(place.models), direction, join(outside, 'direction'), 'direction'),
    ];
    const answers = await commands(folders.map((folder) => ['models', 'promote', folder]));
    const other = '20240401_1200';
    for (const models of [place.models, api.paths.models]) {
      copyOf(models, pairs, join(models, other), 'pairs');
      copyOf(directionFolder(models), direction, join(directionFolder(models), other), 'direction');
    }
    answers.push(
      ...(await commands([
        ['models', 'promote', join(place.models, other)],
        ['rollout', 'start', other],
        ['models', 'shadow', join(place.models, other)],
      ])),
      await request('POST', `/api/ml/models/${other}/load`),
      await request('POST', `/api/ml/direction-models/${other}/load`),
      await request('POST', '/api/ml/rollout', { model_name: other }),
      await request('PUT', '/api/ml/shadow', { model_name: other }),
    );
    // A folder that is named as a version has that version's bundle.
    const codes = answers.map((_, at) => (at < folders.length ? 'MODEL_EXISTS' : 'MODEL_MANIFEST'));
    expect(answers.map((refusal) => refusal?.code)).toEqual(codes);
    expect([pointersOf(place.models), pointersOf(api.paths.models)]).toEqual(before);
    for (const models of [place.models, api.paths.models]) {
      rmSync(join(models, other), { recursive: true });
      rmSync(join(directionFolder(models), other), { recursive: true });
    }
  });
});

describe('models that an earlier version activated', () => {
  it('stay active, and every place shows which gates have no verdict', async () => {
    const version = bundles.of['some gates not recorded'];
    const direction = bundles.direction.of['some gates not recorded'];
    for (const { models, home } of [place, api.paths]) {
      activate(models, version, MACHINE_FILES, trainerMarks({ home }));
      activateDirection(models, direction, home);
    }
    const [status] = await place.runEach([['status']]);
    expect(status!.stdout).not.toContain('All is well');
    expect(status!.stdout).toContain(`${version} (pairs) is in use without a verdict of ai1 skill, ai1 auc plausible`);
    expect(status!.stdout).toContain(
      `${direction} (direction 1h) is in use without a verdict of direction one bar later`,
    );
    expect(status!.stdout).toContain('Train new models with this version');
    const missing = (keys: readonly string[]) =>
      [...EXPECTED_OF_PAIRS, ...EXPECTED_OF_DIRECTION]
        .filter((identity) => keys.includes(gateKey(identity)))
        .map((identity) => ({ ...identity, value: null, evidence: { reason: 'no_verdict' } }));
    const shown = [
      { slot: 'pairs', version, reason: '', gates: missing(MISSING.pairs) },
      { slot: 'direction 1h', version: direction, reason: '', gates: missing(MISSING.direction) },
    ];
    expect((await api.ask('GET', '/healthz')).body['despite_gates']).toMatchObject(shown);
    const { body } = await api.ask('GET', '/api/status', { headers: bearer(await api.token('viewer')) });
    expect(body).toMatchObject({ active_version: version, active_error: null, despite_gates: shown });
    expect((await api.ask('GET', '/metrics')).text).toContain('\nminutehand_models_despite_gates 2\n');
    for (const { models, home } of [place, api.paths]) {
      activate(models, bundles.good, MACHINE_FILES, trainerMarks({ home }));
      activateDirection(models, bundles.direction.good, home);
    }
  });
});

describe('a pointer that a person wrote', () => {
  const INSTRUMENT = 'BTCUSDT@1h';
  const SLOTS = ['pairs', 'direction 1h', `rule ${INSTRUMENT}`] as const;
  const pathsOf = (models: string): readonly string[] => [
    join(models, 'active.json'),
    filesOf(models, directionSlot('1h')).active.path,
    filesOf(models, ruleSlot(INSTRUMENT)).active.path,
  ];
  const ruleGates = tinyRule(INSTRUMENT).manifest.gates;
  const failedRule = { ...ruleGates[0]!, passed: false, value: 0.01 };

  /** A rule with a fault of the same name. */
  function writeRule(models: string, fault: string): string {
    const rule = {
      'failed gates': { gates: [failedRule, ...ruleGates.slice(1)] },
      'no recorded gates': { gates: [] },
      'another timeframe': { instrument: 'BTCUSDT@4h' },
      'another market': {},
    }[fault];
    const market = fault === 'another market' ? 'live' : 'simulated';
    const folder = writeRuleBundle(ruleFolder(models), CREATED, tinyRule(INSTRUMENT, { market, ...rule }));
    if (fault === 'another feature schema') change(folder, { feature_schema: '0'.repeat(16) });
    return basename(folder);
  }

  function change(folder: string, changes: object): void {
    const path = join(folder, 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...manifest, ...changes }));
  }

  /** Points all slots at bundles with the fault. @returns what puts everything back */
  function pointAt(models: string, fault: string): { versions: readonly string[]; restore: () => void } {
    const kept = pathsOf(models).map((path) => (existsSync(path) ? readFileSync(path) : null));
    const isOfManifest = (faults as readonly string[]).includes(fault);
    const pairs = isOfManifest ? bundles.of[fault as Fault] : copyUnder(models, bundles.good, '20240501_1200');
    const folder = directionFolder(models);
    const direction = isOfManifest
      ? bundles.direction.of[fault as Fault]
      : copyUnder(folder, bundles.direction.good, '20240501_1200');
    const rule = writeRule(models, fault);
    const versions = [pairs, direction, rule];
    const folders = [join(models, pairs), join(folder, direction), join(ruleFolder(models), rule)];
    for (const [i, path] of pathsOf(models).entries()) {
      writeFileSync(path, JSON.stringify({ version: versions[i], previous: null }));
      if (fault === 'a damaged pointer') writeFileSync(path, '{"version":');
      if (fault === 'an expired pointer')
        writeFileSync(path, JSON.stringify({ version: versions[i], previous: null, expires: '2024-01-01T00:00:00Z' }));
      if (fault === 'a missing bundle') rmSync(folders[i]!, { recursive: true });
      if (fault === 'a changed file')
        for (const name of readdirSync(folders[i]!).filter((own) => own !== 'manifest.json'))
          writeFileSync(join(folders[i]!, name), 'changed');
    }
    const restore = (): void => {
      for (const [i, path] of pathsOf(models).entries())
        if (kept[i] === null) rmSync(path, { force: true });
        else writeFileSync(path, kept[i]!);
      for (const [i, own] of folders.entries())
        if (!isOfManifest || i === 2) rmSync(own, { recursive: true, force: true });
    };
    return { versions, restore };
  }

  const GATES = ['failed gates', 'no recorded gates'] as const;
  const REFUSED = {
    'another market': 'MODEL_MARKET',
    'another timeframe': 'MODEL_TIMEFRAME',
    'another feature schema': 'MODEL_SCHEMA',
    'a changed file': 'MODEL_HASH',
    'a missing bundle': 'MODEL_MISSING',
    'a damaged pointer': 'MODEL_MANIFEST',
    'an expired pointer': 'POINTER_EXPIRED',
  } as const;
  const ALL = [...GATES, ...Object.keys(REFUSED)];
  const COMMANDS = [['status'], ['doctor'], ['check', 'models'], ['golive'], ['models', 'list']] as const;

  interface Said {
    readonly versions: readonly string[];
    readonly status: Finished;
    readonly doctor: Finished;
    readonly check: Finished;
    readonly golive: Finished;
    readonly list: Finished;
  }
  const said = new Map<string, Said>();

  beforeAll(async () => {
    const homes = ALL.map((fault) => {
      const home = join(place.folder, 'homes', fault);
      cpSync(place.models, join(home, 'models'), { recursive: true });
      return { fault, home, versions: pointAt(join(home, 'models'), fault).versions };
    });
    const commandsOf = homes.flatMap(() => COMMANDS.map((args) => [...args, '--json']));
    const envs = homes.flatMap(({ home }) => COMMANDS.map(() => ({ MINUTEHAND_HOME: home })));
    const finished = await place.runEach(commandsOf, envs);
    for (const [i, { fault, versions }] of homes.entries()) {
      const [status, doctor, check, golive, list] = finished.slice(i * COMMANDS.length) as [
        Finished,
        Finished,
        Finished,
        Finished,
        Finished,
      ];
      said.set(fault, { versions, status, doctor, check, golive, list });
    }
  });

  /** What the trainer says of such pointers. */
  async function saidByTrainer(fault: string) {
    const { restore } = pointAt(api.paths.models, fault);
    const { body: health } = await api.ask('GET', '/healthz');
    const { body: status } = await api.ask('GET', '/api/status', { headers: bearer(await api.token('viewer')) });
    restore();
    return { health, status };
  }

  /** Slots that doctor has an error of. */
  function errorsOf({ stdout }: Finished): string[] {
    const { findings } = JSON.parse(stdout) as { findings: { what: string; verdict: string }[] };
    const errors = findings.filter(({ verdict }) => verdict === 'error').map(({ what }) => what);
    return SLOTS.filter((slot) => errors.includes(slot === 'pairs' ? 'models' : slot));
  }

  it.each(GATES)('to a bundle with %s is shown without a reason, and no check says that all is well', async (fault) => {
    const { versions, status, doctor, check, golive, list } = said.get(fault)!;
    expect([status, doctor, check, golive, list].map(({ code }) => code)).toEqual([1, 1, 1, 1, 0]);
    const words =
      fault === 'failed gates' ? 'is in use despite failed gates; no reason' : 'is in use without a verdict';
    for (const [i, slot] of SLOTS.entries())
      for (const { stdout } of [status, doctor, check, list])
        expect(stdout).toContain(`${versions[i]} (${slot}) ${words}`);
    expect(errorsOf(doctor)).toEqual(SLOTS);
    expect(golive.stdout).toContain(versions[0]);
    for (const { despite_gates } of Object.values(await saidByTrainer(fault)))
      expect((despite_gates as { slot: string }[]).map(({ slot }) => slot)).toEqual(SLOTS);
  });

  it('to a bundle that the registry has rejected, though its own gates passed, is shown likewise', async () => {
    const home = join(place.folder, 'homes', 'rejected');
    const models = join(home, 'models');
    cpSync(place.models, models, { recursive: true });
    const rejected = copyUnder(models, bundles.good, '20240501_1200');
    const store = await openStore(homePaths({ MINUTEHAND_HOME: home }).trainer);
    const registry = createRegistry(store, models);
    await registry.register(rejected);
    await registry.reject(rejected, [FAILED_GATE]);
    await store.close();
    writeFileSync(join(models, 'active.json'), JSON.stringify({ version: rejected, previous: null }));
    const found = await place.runEach(
      COMMANDS.map((args) => [...args, '--json']),
      COMMANDS.map(() => ({ MINUTEHAND_HOME: home })),
    );
    const [status, doctor, check, golive, list] = found as [Finished, Finished, Finished, Finished, Finished];
    for (const { stdout } of [status, doctor, check, list])
      expect(stdout).toContain(`${rejected} (pairs) is in use despite failed gates; no reason`);
    expect([status, doctor, check, golive, list].map(({ code }) => code)).toEqual([1, 1, 1, 1, 0]);
    expect(errorsOf(doctor)).toContain('pairs');
    expect(golive.stdout).toContain(rejected);
  });

  it.each(Object.entries(REFUSED))(
    'that names %s is a problem of every command that checks, and no model that the trainer calls right',
    async (fault, code) => {
      const { versions, status, doctor, check, golive } = said.get(fault)!;
      expect([status, doctor, check, golive].map((own) => own.code)).toEqual([1, 1, 1, 1]);
      const isDamaged = fault === 'a damaged pointer';
      for (const [i, slot] of SLOTS.entries()) {
        const named = isDamaged ? `the pointer of ${slot}` : `${versions[i]} (${slot})`;
        expect(status.stdout).toContain(`daemons refuse ${named}. ${code}`);
        // Of a damaged pointer it is the error of the command.
        if (!isDamaged) expect(check.stdout).toContain(`daemons refuse ${named}. ${code}`);
      }
      expect(errorsOf(doctor)).toEqual(SLOTS);
      for (const { stdout } of [check, golive]) expect(stdout).toContain(code);
      const { health, status: shown } = await saidByTrainer(fault);
      for (const { refused_models } of [health, shown])
        expect((refused_models as { slot: string; code: string }[]).map((own) => [own.slot, own.code])).toEqual(
          SLOTS.map((slot) => [slot, code]),
        );
      expect(health['active_error']).toMatchObject({ code });
      expect(shown).toMatchObject({ active_error: expect.stringContaining(code) as string, is_ready: false });
    },
  );
});

describe('admission', () => {
  let paths: HomePaths;
  let own: Bundles;
  let home: AdmissionPlace & { readonly paths: HomePaths };
  const NO_ROW: AdmissionPlace['registered'] = () => Promise.resolve(undefined);
  const folderOf = (version: string): string => join(paths.models, version);
  const hashOf = (version: string): string => sha256Hex(readFileSync(join(folderOf(version), 'manifest.json')));

  function changeManifest(folder: string, changes: object): void {
    const path = join(folder, 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...manifest, ...changes }));
  }

  beforeEach(() => {
    const folder = join(place.folder, 'other home');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    paths = homePaths({ MINUTEHAND_HOME: folder });
    own = writeBundles(paths.models);
    home = { settings, paths, registered: NO_ROW, promotionFence: () => Promise.resolve(1) };
  });

  it.each(['no recorded gates', 'some gates not recorded'] as const)(
    'lets a bundle with %s back that was active, and no other',
    async (fault) => {
      const old = own.of[fault];
      await expect(admit(home, { door: 'promotion', folder: folderOf(old) })).rejects.toMatchObject({
        code: 'MODEL_GATES',
      });
      await expect(admit(home, { door: 'rollback', folder: folderOf(old) })).rejects.toMatchObject({
        code: 'MODEL_GATES',
      });
      activate(paths.models, old, MACHINE_FILES, trainerMarks(paths));
      activate(paths.models, own.good, MACHINE_FILES, trainerMarks(paths));
      expect(await admit(home, { door: 'rollback', folder: folderOf(old) })).toMatchObject({
        version: old,
        despite: null,
      });
    },
  );

  it('lets a bundle back whose gates failed before this rule, and records that', async () => {
    const bad = own.of['failed gates'];
    activate(paths.models, bad, MACHINE_FILES, trainerMarks(paths));
    activate(paths.models, own.good, MACHINE_FILES, trainerMarks(paths));
    const { despite } = await admit(home, { door: 'rollback', folder: folderOf(bad) });
    expect(despite).toMatchObject({ gates: [FAILURE], reason: 'Rollback to models that were active before.' });
    await expect(admit(home, { door: 'promotion', folder: folderOf(bad) })).rejects.toMatchObject({
      code: 'MODEL_GATES',
    });
  });

  it.each(['another market', 'another timeframe', 'another feature schema'] as const)(
    'never lets a bundle of %s back by rollback or recovery, in a new folder or at the end of a rollout',
    async (fault) => {
      const bad = own.of[fault];
      activate(paths.models, bad, MACHINE_FILES, trainerMarks(paths));
      activate(paths.models, own.good, MACHINE_FILES, trainerMarks(paths));
      for (const door of ['rollback', 'recovery', 'rollout_end', 'adoption', 'shadow'] as const)
        await expect(admit(home, { door, folder: folderOf(bad) }), door).rejects.toMatchObject({
          code: FAULTS[fault].code,
        });
    },
  );

  it('counts verdicts of a comparison with the champion, but not that another rollout was active', async () => {
    const of = (reasons: FailedGate[]): AdmissionPlace => ({
      ...home,
      promotionFence: () => Promise.resolve(1),
      registered: () => Promise.resolve({ manifest_sha256: hashOf(own.good), reasons }),
    });
    const request = { door: 'promotion', folder: folderOf(own.good) } as const;
    // What the bundle's own manifest has passed since is no verdict of others, a champion's is.
    const { passed: _passed, ...rollout } = verdict({ code: 'rollout', passed: false, evidence: { active: 'r1' } });
    expect(await admit(of([rollout]), request)).toMatchObject({ despite: null });
    const { passed: _lost, ...champion } = verdict({ code: 'champion_auc', passed: false, value: 0.5 });
    await expect(admit(of([rollout, champion]), request)).rejects.toMatchObject({
      code: 'MODEL_GATES',
      gates: [champion],
    });
    const further = [{ ...FAILED, name: 'champion' }];
    await expect(admit(home, { door: 'adoption', folder: folderOf(own.good), further })).rejects.toMatchObject({
      code: 'MODEL_GATES',
    });
  });

  it('stands before the promotion of a challenger too: a refused one ends the rollout, an override goes with it', async () => {
    activate(paths.models, own.good, MACHINE_FILES, trainerMarks(paths));
    const bad = own.of['failed gates'];
    const override = { reason: REASON, by: 'ann' };
    const begin = async (version: string) => {
      const admitted = await admit(home, { door: 'rollout', folder: folderOf(version), override });
      return startRollout(home, admitted, null);
    };
    const end = (rollout: RolloutLook['rollout']) =>
      carryOut(home, { rollout, verdict: { verdict: 'promote' }, facts: { sinceStartMs: 0 } } as RolloutLook, home);
    const first = await begin(own.next);
    changeManifest(folderOf(own.next), { market: 'live' });
    expect(await end(first)).toMatchObject({
      status: 'aborted',
      reason: expect.stringContaining('MODEL_MARKET') as string,
    });
    expect(readActive(paths.models)!.version).toBe(own.good);
    expect(await end(await begin(bad))).toMatchObject({ status: 'promoted' });
    expect(readRollout(paths.models)!.despite_gates).toMatchObject({ gates: [FAILURE], ...override });
    expect(readActiveFile(paths.models)).toMatchObject({
      version: bad,
      despite_gates: { gates: [FAILURE], ...override },
    });
  });
});
