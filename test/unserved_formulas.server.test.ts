import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readAddress } from '../shared/address.ts';
import { admit, type AdmissionPlace, type Door } from '../shared/bundle/admission/admission.ts';
import { readActive } from '../shared/bundle/bundle.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { rolloutPath, writeRollout, type Rollout } from '../shared/bundle/rollout.ts';
import { homePaths } from '../shared/home.ts';
import { refusedModels } from '../trainer/control/admission/standing.ts';
import { bearer, openApiWorkplace, type ApiWorkplace } from '../trainer/control/api/api.fixture.ts';
import { activate, setShadow } from './activate.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { passedGates } from './passed_gates.ts';
import { copyUnder } from './tiny_models.ts';
import { tinyBars, tinySettings } from './tiny_settings.ts';
import { filesOf } from '../shared/bundle/slot_files.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const settings = tinySettings();
const { windows, pairs } = settings.minutehand;

/** By what they read: formulas of bundles that passed all gates. */
const FORMULAS = {
  good: 'calm = mean(z_abs, 5)',
  unfed: 'lead = delta(log(symbol("NZDUSD").close), 5)',
  other: 'lead = delta(log(symbol("EURUSD").close), 5)',
};
type Name = keyof typeof FORMULAS;

const CODE = 'MODEL_SYMBOLS';

const DOORS: readonly Door[] = [
  'adoption',
  'folder',
  'promotion',
  'rollback',
  'recovery',
  'rollout',
  'rollout_end',
  'shadow',
];

const ROLLOUT: Omit<Rollout, 'champion' | 'challenger'> = {
  id: '20260101T080000',
  stage: 'test',
  share: 0.25,
  key: 'ab'.repeat(16),
  block_minutes: 60,
  status: 'active',
  reason: '',
  started: '2026-01-01T08:00:00.000Z',
  stage_started: '2026-01-01T08:00:00.000Z',
  stages: [],
  promotion_e_value: 20,
  power: null,
  history: [],
};

function writeBundles(models: string): Record<Name, string> {
  const period = { from: '2024-01-01T00:00Z', to: '2024-01-05T00:00Z', holdout_from: '2024-01-04T00:00Z' };
  const names = Object.keys(FORMULAS) as Name[];
  const written = names.map((name, i) => {
    const schema = featureSchema({ ...windows, formulas: FORMULAS[name] });
    const created = new Date(Date.UTC(2024, 0, 1 + i));
    const whole = basename(writeRandomBundle(models, { schema, trees: 2, leaves: 3, seed: name, pairs, created }));
    const own = copyUnder(models, whole, `2024020${1 + i}_1200`, { gates: passedGates('pairs'), period });
    rmSync(join(models, whole), { recursive: true });
    return [name, own];
  });
  return Object.fromEntries(written) as Record<Name, string>;
}

let place: Workplace;
let api: ApiWorkplace;
let versions: Record<Name, string>;
beforeAll(async () => {
  place = createWorkplace();
  versions = writeBundles(place.models);
  for (const version of Object.values(versions))
    cpSync(join(place.models, version), join(place.folder, 'elsewhere', version), { recursive: true });
  activate(place.models, versions.good);
  api = await openApiWorkplace({ retrain: { model_version_retention: 20 } }, (paths) => {
    writeBundles(paths.models);
    activate(paths.models, versions.good);
    return Promise.resolve();
  });
});
afterAll(async () => {
  await place.remove();
  await api.close();
});

const OVERRIDE = { despite_gates: true, reason: 'a drill' };

async function codesOfCommands(all: readonly (readonly string[])[]): Promise<(string | null)[]> {
  const ended = await place.runEach(all.map((args) => [...args, '--json']));
  return ended.map(({ code, stdout }) => {
    if (code === 0) return null;
    return (JSON.parse(stdout) as { error: { code: string } }).error.code;
  });
}

async function codeOfRequest(method: string, path: string, body: object): Promise<string | null> {
  const headers = bearer(await api.token('approver', 'ann'));
  const { status, body: answer } = await api.ask(method, path, { headers, body });
  return status < 300 ? null : answer.error!.code;
}

/** All pointers of a models folder. */
const pointersOf = (models: string): unknown =>
  [join(models, 'active.json'), rolloutPath(models), filesOf(models, 'pairs').shadow.path].map((path) =>
    existsSync(path) ? readFileSync(path, 'utf8') : null,
  );

describe('a bundle with formulas that serving cannot compute', () => {
  it('is refused by commands and requests, also with an override', async () => {
    const before = [pointersOf(place.models), pointersOf(api.paths.models)];
    const version = versions.unfed;
    const despite = ['--despite-gates', '--reason', 'a drill'];
    const byCommand = await codesOfCommands([
      ['models', 'promote', version],
      ['models', 'promote', version, ...despite],
      // An import.
      ['models', 'promote', join(place.folder, 'elsewhere', version)],
      ['rollout', 'start', version],
      ['rollout', 'start', version, ...despite],
      ['models', 'shadow', version],
    ]);
    const load = `/api/ml/models/${version}/load`;
    const byRequest = [
      await codeOfRequest('POST', load, {}),
      await codeOfRequest('POST', load, OVERRIDE),
      await codeOfRequest('POST', '/api/ml/rollout', { model_name: version, ...OVERRIDE }),
      await codeOfRequest('PUT', '/api/ml/shadow', { model_name: version }),
    ];
    expect([...byCommand, ...byRequest]).toEqual(Array.from({ length: 10 }, () => CODE));
    expect([pointersOf(place.models), pointersOf(api.paths.models)]).toEqual(before);
  });

  it('is refused by each door of the lock: adoption, rollback, recovery and the end of a rollout among them', async () => {
    const home: AdmissionPlace = {
      settings,
      paths: homePaths({ MINUTEHAND_HOME: place.home }),
      registered: () => Promise.resolve(undefined),
      promotionFence: () => Promise.resolve(1),
    };
    for (const door of DOORS) {
      const through = async (name: Name): Promise<string | null> => {
        const admitted = admit(home, { door, folder: join(place.models, versions[name]) });
        return admitted.then(
          () => null,
          (error: { code: string }) => error.code,
        );
      };
      // It is the active one of this folder.
      expect(await through('good'), door).toBe(door === 'shadow' ? 'SHADOW_SERVED' : null);
      // The installation of another folder says which symbols it feeds.
      expect(await through('unfed'), door).toBe(door === 'folder' ? null : CODE);
      expect(await through('other'), door).toBeNull();
    }
  });

  it('is told of pointers that were written by hand: by health, `check models` and `doctor`', async () => {
    const { models } = api.paths;
    const { good: champion, unfed } = versions;
    activate(models, unfed);
    expect(refusedModels(settings, api.paths)).toMatchObject([{ slot: 'pairs', version: unfed, code: CODE }]);
    activate(place.models, unfed);
    const [doctor] = await place.runEach([['doctor', '--json']]);
    expect(doctor!.code).toBe(1);
    expect(doctor!.stdout).toContain(CODE);
    activate(models, versions.good);
    activate(place.models, versions.good);
    writeRollout(models, { ...ROLLOUT, champion, challenger: unfed });
    expect(refusedModels(settings, api.paths)).toMatchObject([
      { slot: 'pairs', role: 'challenger', version: unfed, code: CODE },
    ]);
    rmSync(rolloutPath(models));
  });

  it('is read by the commands that show bundles, active or not, and none ends in an internal error', async () => {
    for (const name of Object.keys(FORMULAS) as Name[]) {
      const version = versions[name];
      activate(place.models, version);
      const shown = await place.runEach(
        [
          ['models', 'list'],
          ['models', 'show', version],
          ['models', 'verify', version],
          ['check', 'models'],
          ['check', 'models', '--test'],
          ['check', 'features', '--model', 'active'],
          ['status'],
          ['golive'],
        ].map((args) => [...args, '--json']),
      );
      for (const { stdout, stderr } of shown) {
        expect(stdout + stderr).not.toContain('INTERNAL');
        expect(() => JSON.parse(stdout) as unknown, stdout + stderr).not.toThrow();
      }
    }
    activate(place.models, versions.good);
  });

  it('answers in a replay of bars, whose folder has all of them', async () => {
    const bars = tinyBars(settings, 400);
    const data = await place.writeBars('bars', new Map([...bars, ['NZDUSD', bars.get('XAGUSD')!]]));
    const replay = (name: Name) => ['replay', '--data', data, '--models', join(place.models, versions[name])];
    const codes = await codesOfCommands([replay('unfed'), replay('other')]);
    expect(codes).toEqual([null, null]);
  });

  it('is refused by a running daemon in each slot, which goes on with the active models', async () => {
    const { home, models } = place;
    const path = homePaths({ MINUTEHAND_HOME: home }).address('daemon_main');
    const daemon = place.start(['daemon']);
    const { port } = await eventually(
      () => `the daemon: ${daemon.stdout()}${daemon.stderr()}`,
      () => readAddress(path),
    );
    const health = async () =>
      (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as Record<string, unknown>;
    const said = (what: string): Promise<unknown> =>
      eventually(
        () => `${what}: ${daemon.stdout()}${daemon.stderr()}`,
        () => `${daemon.stdout()}${daemon.stderr()}`.includes(what),
      );
    await eventually('the models', async () => (await health())['model_version'] === versions.good);
    activate(models, versions.unfed);
    const refused = { version: versions.unfed, code: CODE };
    await eventually(
      'the refusal',
      async () => ((await health())['model_refused'] as { version?: string } | null)?.version === versions.unfed,
    );
    expect(await health()).toMatchObject({ model_version: versions.good, model_refused: refused });
    activate(models, versions.good);
    setShadow(models, versions.unfed);
    await said(`Shadow models ${versions.unfed} refused. ${CODE}`);
    setShadow(models, versions.other);
    await eventually('the shadow', async () => (await health())['shadow_version'] === versions.other);
    setShadow(models, null);
    await eventually('its end', async () => (await health())['shadow_version'] === null);
    writeRollout(models, { ...ROLLOUT, champion: versions.good, challenger: versions.unfed });
    await eventually(
      'the refusal of the challenger',
      async () => (await health())['rollout_refused'] !== null && (await health())['rollout_refused'] !== undefined,
    );
    expect(await health()).toMatchObject({
      model_version: versions.good,
      rollout_refused: { version: versions.unfed, code: CODE },
      shadow_version: null,
    });
    expect(readActive(models)!.version).toBe(versions.good);
  });
});
