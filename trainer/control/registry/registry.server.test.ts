import { gateReason } from '../../../shared/bundle/gates/gate_text.ts';
import { FAILED_GATE, verdict } from '../../../test/passed_gates.ts';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate, activateDirection, admitAll, adopt, setShadow, unjudged } from '../../../test/activate.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { EpochMs } from '../../../shared/bar.ts';
import { listVersions, readActive, readBundle } from '../../../shared/bundle/bundle.ts';
import { tinyVersions } from '../../../test/tiny_models.ts';
import { writeTinyDirection } from '../../../test/tiny_direction.ts';
import { directionFolder, readActiveDirection } from '../../../shared/bundle/direction/active_direction.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../store/store.ts';
import { installationOf } from '../../../shared/owner/owner.ts';
import { createRegistry, registryOf, type Registry } from './registry.ts';

const VERSIONS = [1, 2, 3, 4, 5].map((day) => `2024010${day}_1200`);
const [A, B, C, D, E] = VERSIONS as [string, string, string, string, string];

let root: string;
let trained: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-registry-'));
  trained = join(root, 'trained');
  await tinyVersions(trained, VERSIONS.length);
  server = await startPostgres();
}, 240_000);
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

/** Every file below a folder with its content. */
/** Without active.json, the counts of looks and trials, and their locks. */
const bundlesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(contentOf(folder)).filter(
      ([path]) =>
        !['/active.json', '/holdout_looks.json', '/trials.json', '/disk.reserve'].some((own) => path.startsWith(own)),
    ),
  );

function contentOf(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length), readFileSync(path, 'base64')]));
}

describe.each([
  { kind: 'sqlite' as const, note: '', newUrl: (folder: string) => Promise.resolve(join(folder, 'trainer.db')) },
  { kind: 'postgres' as const, note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('the registry on $kind $note', ({ note, newUrl }) => {
  let models: string;
  let store: Store;
  let registry: Registry;
  let nowMs: number;
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    const folder = mkdtempSync(join(root, 'home-'));
    models = join(folder, 'models');
    cpSync(trained, models, { recursive: true });
    store = await openStore(await newUrl(folder));
    nowMs = Date.UTC(2024, 1, 1);
    const clock = { nowMs: () => nowMs as EpochMs, monotonicUs: () => 0 };
    registry = createRegistry(store, models, { clock, holder: installationOf(folder) });
  });
  afterEach(async () => {
    if (note === '') await store.close();
  });
  const statuses = async () => Object.fromEntries((await registry.list()).map((row) => [row.version, row.status]));
  const filesKept = async () => {
    const rows = await store.db.selectFrom('core.model_artifacts').select('version').distinct().execute();
    return rows.map(({ version }) => version).sort();
  };

  it('keeps a bundle once, however often it is registered', async () => {
    await registry.register(A);
    await registry.register(A);
    expect(await registry.list()).toEqual([
      {
        version: A,
        slot: 'pairs',
        status: 'candidate',
        created: '2024-01-01T12:00:00.000Z',
        reasons: [],
        failed_gates: [],
        previous_version: null,
        adopted_at: null,
        retired_at: null,
        removed_at: null,
      },
    ]);
    const rows = await store.db.selectFrom('core.model_artifacts').selectAll().execute();
    expect(rows.map(({ file }) => file).sort()).toEqual(readdirSync(join(models, A)).sort());
    for (const { file, content } of rows) expect(Buffer.compare(content, readFileSync(join(models, A, file)))).toBe(0);
  });

  it('refuses a bundle that is damaged, missing, or different under a registered version', async () => {
    await registry.register(A);
    writeFileSync(join(models, B, 'ai2.onnx'), 'x');
    await expect(registry.register(B)).rejects.toMatchObject({ code: 'MODEL_HASH' });
    await expect(registry.register('20200101_0000')).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    rmSync(join(models, A), { recursive: true });
    const other = { ...(JSON.parse(readFileSync(join(models, C, 'manifest.json'), 'utf8')) as object), version: A };
    cpSync(join(models, C), join(models, A), { recursive: true });
    writeFileSync(join(models, A, 'manifest.json'), JSON.stringify(other));
    await expect(registry.register(A)).rejects.toMatchObject({ code: 'MODEL_EXISTS' });
    expect(await statuses()).toEqual({ [A]: 'candidate' });
  });

  it('has one active bundle: that of active.json, with the one before it archived', async () => {
    for (const version of [A, B, B]) {
      nowMs += 1000;
      await adopt(registry, models, version);
    }
    expect(readActive(models)).toEqual({ version: B, previous: A });
    expect(await registry.list()).toMatchObject([
      {
        version: A,
        status: 'archived',
        adopted_at: '2024-02-01T00:00:01.000Z',
        retired_at: '2024-02-01T00:00:02.000Z',
      },
      { version: B, status: 'active', previous_version: A, adopted_at: '2024-02-01T00:00:02.000Z', retired_at: null },
    ]);
    // Back again.
    nowMs += 1000;
    await adopt(registry, models, A);
    expect(await statuses()).toEqual({ [A]: 'active', [B]: 'archived' });
    expect((await registry.list())[0]).toMatchObject({ previous_version: B, adopted_at: '2024-02-01T00:00:04.000Z' });
  });

  it('keeps all reasons of a rejection, and never rejects what is or was active', async () => {
    await adopt(registry, models, A);
    await adopt(registry, models, B);
    const { passed: _passed, ...failure } = verdict({
      code: 'champion_auc',
      passed: false,
      evidence: { champion: 0.6 },
    });
    for (const version of [A, B, C]) await registry.reject(version, [FAILED_GATE, failure]);
    const reasons = [gateReason(FAILED_GATE), gateReason(failure)];
    expect(await statuses()).toEqual({ [A]: 'archived', [B]: 'active', [C]: 'rejected' });
    const listed = await registry.list();
    expect(listed.map((one) => one.reasons)).toEqual([[], [], reasons]);
    expect(listed.map((one) => one.failed_gates)).toEqual([[], [], [FAILED_GATE, failure]]);
    expect(await registry.verdictsOf(C)).toMatchObject({ reasons: [FAILED_GATE, failure] });
    // A person may activate it all the same.
    await adopt(registry, models, C);
    expect(await statuses()).toEqual({ [A]: 'archived', [B]: 'archived', [C]: 'active' });
  });

  it('follows an active.json that was changed without it', async () => {
    await registry.mend();
    expect(await registry.list()).toEqual([]);
    await adopt(registry, models, A);
    activate(models, B);
    activate(models, C);
    await registry.mend();
    expect(await statuses()).toEqual({ [A]: 'archived', [C]: 'active' });
    expect((await registry.list()).at(-1)).toMatchObject({ previous_version: B });
  });

  it('removes folder and bytes of the oldest, and keeps its record', async () => {
    for (const version of VERSIONS) await adopt(registry, models, version);
    expect(await registry.retain(5)).toEqual({ removed: [], failed: [] });
    expect(await registry.retain(3)).toEqual({ removed: [B, A], failed: [] });
    expect(listVersions(models)).toEqual([C, D, E]);
    expect(await filesKept()).toEqual([C, D, E]);
    expect(await registry.retain(3)).toEqual({ removed: [], failed: [] });
    expect((await registry.list()).map(({ removed_at }) => removed_at !== null)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    // One that comes back from elsewhere is kept again.
    cpSync(join(trained, A), join(models, A), { recursive: true });
    await adopt(registry, models, A);
    expect(await filesKept()).toEqual([A, C, D, E]);
  });

  it('removes the others where one cannot be removed, and says which is still there', async () => {
    for (const version of VERSIONS) await adopt(registry, models, version);
    const files: typeof MACHINE_FILES = {
      ...MACHINE_FILES,
      remove(path) {
        if (path.includes(B)) throw Object.assign(new Error('read-only'), { code: 'EROFS' });
        MACHINE_FILES.remove(path);
      },
    };
    const { removed, failed } = await createRegistry(store, models, { files }).retain(2);
    expect(removed).toEqual([C, A]);
    expect(failed).toMatchObject([{ version: B, error: { code: 'EROFS' } }]);
    expect((await registry.list()).filter(({ removed_at }) => removed_at === null)).toMatchObject([
      { version: B },
      { version: D },
      { version: E },
    ]);
    expect(await registry.retain(2)).toEqual({ removed: [B], failed: [] });
  });

  it('never removes the active bundle, its predecessor and the shadow, however old they are', async () => {
    await adopt(registry, models, A);
    await adopt(registry, models, B);
    for (const version of [C, D, E]) await registry.reject(version, [FAILED_GATE]);
    setShadow(models, C);
    expect(await registry.retain(2)).toEqual({ removed: [E, D], failed: [] });
    expect(listVersions(models)).toEqual([A, B, C]);
    expect(readActive(models)).toEqual({ version: B, previous: A });
    // The registry has the active version without the file, too.
    writeFileSync(join(models, 'active.json'), '{');
    expect(await registry.retain(2)).toEqual({ removed: [], failed: [] });
  });

  it('never removes the bundle in active.json before the registry has followed it', async () => {
    for (const version of [A, B, C, D]) await adopt(registry, models, version);
    await registry.reject(E, [FAILED_GATE]);
    activate(models, B);
    activate(models, A);
    // C and D are active in the registry.
    expect(await registry.retain(2)).toEqual({ removed: [E], failed: [] });
    expect(listVersions(models)).toEqual([A, B, C, D]);
    expect(readActive(models)).toEqual({ version: A, previous: B });
  });

  it('restores a lost folder of bundles, byte for byte, and rewrites active.json', async () => {
    for (const version of [A, B, C]) await adopt(registry, models, version);
    for (const version of [D, E]) rmSync(join(models, version), { recursive: true });
    const before = bundlesOf(models);
    const pointer = readActive(models);
    rmSync(models, { recursive: true });
    expect(await registry.recover(undefined, admitAll(models))).toEqual({
      recovered: [A, B, C],
      intact: [],
      failed: [],
      activated: [C],
    });
    expect([bundlesOf(models), readActive(models)]).toEqual([before, pointer]);
    expect(await registry.recover(undefined, admitAll(models))).toEqual({
      recovered: [],
      intact: [A, B, C],
      failed: [],
      activated: [],
    });
    expect(await statuses()).toEqual({ [A]: 'archived', [B]: 'archived', [C]: 'active' });
  });

  it('restores single lost or damaged bundles, and does not change the others and active.json', async () => {
    for (const version of [A, B, C]) await adopt(registry, models, version);
    rmSync(join(models, A), { recursive: true });
    writeFileSync(join(models, B, 'ai3.onnx'), 'damaged');
    writeFileSync(join(models, 'active.json'), '{');
    expect(await registry.recover(B, admitAll(models))).toEqual({
      recovered: [B],
      intact: [],
      failed: [],
      activated: [],
    });
    expect(contentOf(join(models, B))).toEqual(contentOf(join(trained, B)));
    expect([existsSync(join(models, A)), readFileSync(join(models, 'active.json'), 'utf8')]).toEqual([false, '{']);
    expect(await registry.recover(undefined, admitAll(models))).toMatchObject({
      recovered: [A],
      intact: [B, C],
      activated: [C],
    });
    expect(readActive(models)).toEqual({ version: C, previous: B });
    await expect(registry.recover('20200101_0000', admitAll(models))).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  });

  it('rejects stored bytes with a wrong hash, and recovers the others', async () => {
    for (const version of [A, B]) await adopt(registry, models, version);
    await store.db
      .updateTable('core.model_artifacts')
      .set({ content: Buffer.from('not what was trained') })
      .where('version', '=', B)
      .where('file', '=', 'ai1.onnx')
      .execute();
    rmSync(models, { recursive: true });
    const { recovered, failed, activated } = await registry.recover(undefined, admitAll(models));
    expect({ recovered, activated }).toEqual({ recovered: [A], activated: [] });
    expect(failed).toMatchObject([{ version: B, error: { code: 'MODEL_HASH' } }]);
    expect(readdirSync(models)).toEqual([A]);
  });

  it('never writes outside the folder of a bundle', async () => {
    await adopt(registry, models, A);
    await store.db
      .updateTable('core.model_artifacts')
      .set({ file: '../outside' })
      .where('file', '=', 'CARD.md')
      .execute();
    rmSync(models, { recursive: true });
    expect((await registry.recover(undefined, admitAll(models))).failed).toMatchObject([
      { version: A, error: { code: 'NAME_UNSAFE' } },
    ]);
    expect(existsSync(models)).toBe(false);
  });

  it('reports that removed bytes cannot be restored', async () => {
    for (const version of [A, B, C]) await adopt(registry, models, version);
    await registry.retain(2);
    expect((await registry.recover(A, admitAll(models))).failed).toMatchObject([
      { version: A, error: { code: 'MODEL_MISSING' } },
    ]);
    expect((await registry.recover(undefined, admitAll(models))).intact).toEqual([B, C]);
  });

  it('keeps direction models beside those of pairs: status by timeframe, notes, retention, recovery', async () => {
    const home = join(models, '..');
    const directions = registryOf(store, { home, models }, 'direction');
    const written = (minute: number, timeframe: '1h' | '15m'): string =>
      writeTinyDirection(models, 'BTCUSDT', timeframe, new Date(Date.UTC(2024, 0, 1, 12, minute)));
    // The minute of bundle A is taken: a version names one bundle.
    const first = written(0, '1h');
    const second = written(5, '1h');
    const other = written(5, '15m');
    expect([first, second, other]).toEqual([`${A}00`, '20240101_1205', '20240101_120500']);
    await adopt(registry, models, A);
    for (const [version, timeframe] of [
      [first, '1h'],
      [other, '15m'],
      [second, '1h'],
    ] as const) {
      activateDirection(models, version, home, timeframe);
      await directions.mend();
    }
    const rejected = written(9, '1h');
    await directions.reject(rejected, [verdict({ code: 'bias', passed: false })]);
    await directions.note(second, ['DIRECTION'], 'the hourly one');
    expect((await directions.list()).map(({ version, slot, status }) => [version, slot, status])).toEqual([
      [first, 'direction 1h', 'archived'],
      [second, 'direction 1h', 'active'],
      [other, 'direction 15m', 'active'],
      [rejected, 'direction 1h', 'rejected'],
    ]);
    // The registry of pairs does not see them.
    expect(await statuses()).toEqual({ [A]: 'active' });
    const rows = [...(await registry.models()), ...(await directions.models())];
    expect(rows.map((row) => [row.model_version, row.model_type, row.status, row.notes])).toEqual([
      ...['AI1', 'AI2', 'AI3'].map((type) => [A, type, 'active', null]),
      [first, 'DIRECTION', 'archived', null],
      [second, 'DIRECTION', 'active', 'the hourly one'],
      [other, 'DIRECTION', 'active', null],
      [rejected, 'DIRECTION', 'rejected', null],
    ]);
    const artifact = rows.find(({ model_version }) => model_version === second)!.artifact_path;
    expect(artifact).toBe(join(models, 'direction', second, 'direction.onnx'));

    rmSync(join(models, 'direction'), { recursive: true });
    const admitRecovered = (version: string) =>
      Promise.resolve(
        unjudged('recovery', models, version, { slot: version === other ? 'direction 15m' : 'direction 1h' }),
      );
    expect(await directions.recover(undefined, admitRecovered)).toEqual({
      recovered: [first, second, other, rejected],
      intact: [],
      failed: [],
      activated: [other, second],
    });
    expect(readActiveDirection(models, '1h')).toEqual({ version: second, previous: first });
    expect(readActiveDirection(models, '15m')).toEqual({ version: other, previous: null });
    expect(readActive(models)?.version).toBe(A);

    await expect(directions.remove(first)).rejects.toMatchObject({ code: 'MODEL_IN_USE' });
    expect(await directions.retain(2)).toEqual({ removed: [rejected], failed: [] });
    expect(readdirSync(directionFolder(models)).filter((name) => name.startsWith('2'))).toEqual(
      [second, other, first].sort(),
    );
    await directions.forget([first, A, 'unknown']);
    expect((await directions.recover(first, admitRecovered)).failed).toMatchObject([
      { error: { code: 'MODEL_MISSING' } },
    ]);
    expect(await filesKept()).toEqual([A, `direction/${second}`, `direction/${other}`].sort());
    const events = await store.db.selectFrom('core.model_events').select(['kind', 'version', 'body']).execute();
    const ofDirection = events.filter(({ body }) => body.includes('minutehand.direction_event/1'));
    expect(ofDirection.map(({ kind, version }) => [kind, version])).toEqual([
      ['adopted', first],
      ['adopted', other],
      ['adopted', second],
      ['rejected', rejected],
    ]);
  });

  it('removes leftovers of killed processes, but no bundle that is being written', async () => {
    const left = [`.${A}.removed`, `.${A}.4711.tmp`, `.${C}.4711.tmp`];
    for (const name of left) mkdirSync(join(models, name));
    const now = new Date(Date.UTC(2024, 1, 1));
    const yesterday = new Date(Date.UTC(2024, 0, 30));
    for (const [index, name] of left.entries()) utimesSync(join(models, name), now, index === 1 ? yesterday : now);
    await adopt(registry, models, B);
    expect(readdirSync(models).filter((name) => name.startsWith('.'))).toEqual([left[2]]);
    expect(readBundle(join(models, B))).toMatchObject({
      manifest: { version: B },
      modelsHash: readBundle(join(trained, B)).modelsHash,
    });
  });
});
