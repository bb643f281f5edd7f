import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admitAll, adopt } from './activate.ts';
import { listVersions, readActive, readBundle } from '../shared/bundle/bundle.ts';
import { createRegistry } from '../trainer/control/registry/registry.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore } from '../trainer/store/store.ts';
import { IS_WEEKLY } from './weekly.ts';
import { buildProgram, type Program } from './program.ts';
import { tinyModels } from './tiny_models.ts';

const VERSIONS = [1, 2, 3, 4].map((day) => `2024010${day}_1200`);
const [A, B, C, D] = VERSIONS as [string, string, string, string];
/** Step sizes, since testing every step would take a minute; deterministic. */
const STRIDES = IS_WEEKLY ? { sqlite: 1, postgres: 4 } : { sqlite: 5, postgres: 9 };

let folder: string;
let trained: string;
let program: Program;
let server: PostgresServer | null = null;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-registry-crash-'));
  trained = join(folder, 'trained');
  const path = (await tinyModels(trained, { seed: 1, created: new Date(Date.UTC(2024, 0, 1, 12)) })).path;
  // The same models under other names: their quality is irrelevant here.
  for (const [index, version] of VERSIONS.entries()) {
    if (index === 0) continue;
    cpSync(path, join(trained, version), { recursive: true });
    const manifest = JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8')) as object;
    const created = `2024-01-0${index + 1}T12:00:00.000Z`;
    writeFileSync(
      join(trained, version, 'manifest.json'),
      JSON.stringify({ ...manifest, version, created, seed: index }),
    );
  }
  [program, server] = await Promise.all([buildProgram('registry_program'), startPostgres()]);
});
afterAll(async () => {
  await program.remove();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

let homes = 0;
describe.each([
  { kind: 'sqlite' as const, note: '', newUrl: (home: string) => Promise.resolve(join(home, 'trainer.db')) },
  { kind: 'postgres' as const, note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('a process that is killed on the registry on $kind $note', ({ kind, note, newUrl }) => {
  const openRegistry = async (url: string, models: string) => {
    const store = await openStore(url);
    return { store, registry: createRegistry(store, models) };
  };
  /** A, B and C were adopted in this order. */
  async function prepare(): Promise<{ url: string; models: string }> {
    const home = join(folder, `${kind}-${++homes}`);
    const models = join(home, 'models');
    cpSync(trained, models, { recursive: true });
    const url = await newUrl(home);
    const { store, registry } = await openRegistry(url, models);
    for (const version of [A, B, C]) await adopt(registry, models, version);
    await store.close();
    return { url, models };
  }
  /** Number of steps, from a first run that is not killed. */
  async function stepsOf(action: string, lose: (models: string) => void): Promise<number> {
    const { url, models } = await prepare();
    lose(models);
    const line = await program.start([url, models, '0', action]).line();
    return Number(/^done after (\d+) steps$/.exec(line)![1]);
  }

  it('by an adoption, at any step, is repaired at the next start', { timeout: 300_000 }, async ({ skip }) => {
    if (note !== '') return skip(note);
    const steps = await stepsOf(D, () => undefined);
    expect(steps).toBeGreaterThan(15);
    const { url, models } = await prepare();
    const backup = join(folder, `${kind}-backup`);
    cpSync(models, backup, { recursive: true });
    const outcomes = new Set<string>();
    for (let step = 1; step <= steps; step += STRIDES[kind]) {
      expect(await program.start([url, models, String(step), D]).ended).toBe('SIGKILL');
      const pointer = readActive(models)!;
      expect([C, D]).toContain(pointer.version);
      outcomes.add(pointer.version);
      const { store, registry } = await openRegistry(url, models);
      await registry.mend();
      const statuses = new Map((await registry.list()).map(({ version, status }) => [version, status]));
      expect([...statuses].filter(([, status]) => status === 'active')).toEqual([[pointer.version, 'active']]);
      expect(statuses.get(B)).toBe('archived');
      if (pointer.version === D) expect(statuses.get(C)).toBe('archived');
      // No incomplete folder looks like a bundle.
      for (const version of listVersions(models))
        expect(readBundle(join(models, version)).manifest.version).toBe(version);

      // A repetition has the same result.
      await adopt(registry, models, D);
      await registry.retain(3);
      expect(listVersions(models)).toEqual([B, C, D]);
      expect(readdirSync(models).filter((name) => name.endsWith('.removed'))).toEqual([]);
      const kept = await store.db.selectFrom('core.model_artifacts').select('version').distinct().execute();
      expect(kept.map(({ version }) => version).sort()).toEqual([B, C, D]);

      // Restores the initial state for the next kill.
      for (const table of ['core.model_registry', 'core.model_artifacts'] as const)
        await store.db.deleteFrom(table).execute();
      rmSync(models, { recursive: true });
      cpSync(backup, models, { recursive: true });
      rmSync(join(models, 'active.json'));
      for (const version of [A, B, C]) await adopt(registry, models, version);
      await store.close();
    }
    expect(outcomes).toEqual(new Set([C, D]));
  });

  it('by a recovery, at any step, is completed by the next', { timeout: 300_000 }, async ({ skip }) => {
    if (note !== '') return skip(note);
    const lose = (models: string): void => {
      rmSync(join(models, A), { recursive: true });
      rmSync(join(models, D), { recursive: true });
      writeFileSync(join(models, B, 'ai1.onnx'), 'damaged');
      rmSync(join(models, 'active.json'));
    };
    const steps = await stepsOf('recover', lose);
    expect(steps).toBeGreaterThan(15);
    const { url, models } = await prepare();
    const { store, registry } = await openRegistry(url, models);
    const backup = join(folder, `${kind}-recovery-backup`);
    cpSync(models, backup, { recursive: true });
    for (let step = 1; step <= steps; step += STRIDES[kind]) {
      rmSync(models, { recursive: true });
      cpSync(backup, models, { recursive: true });
      lose(models);
      expect(await program.start([url, models, String(step), 'recover']).ended).toBe('SIGKILL');
      const { failed } = await registry.recover(undefined, admitAll(models));
      expect(failed).toEqual([]);
      expect(listVersions(models)).toEqual([A, B, C]);
      for (const version of [A, B, C]) expect(readBundle(join(models, version)).manifest.version).toBe(version);
      expect(readActive(models)).toEqual({ version: C, previous: B });
    }
    await store.close();
  });
});
