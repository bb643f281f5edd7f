import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { activateAdmitted } from '../shared/bundle/admission/activation.ts';
import { readActive, readActiveFile } from '../shared/bundle/bundle.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { installationOf } from '../shared/owner/owner.ts';
import { createRng } from '../shared/rng.ts';
import { promotionFence, releaseFence } from '../trainer/control/registry/promotion_fence.ts';
import { registryOf, type Registry } from '../trainer/control/registry/registry.ts';
import { ownPromotions } from '../trainer/store/promotion_owner.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore, type Store } from '../trainer/store/store.ts';
import { unjudged } from './activate.ts';
import { IS_WEEKLY } from './weekly.ts';
import { buildProgram, type Program, type RunningProgram } from './program.ts';
import { copyUnder, tinySettings } from './tiny_models.ts';

const A = '20240106_1200';
const B = '20240107_1200';
const MARKET = 'live';
const EVENTS = IS_WEEKLY ? 1000 : 5;
/** Of the ownership in the test of processes. */
const LEASE_MS = 400;

let root: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-promotion-'));
  addBundles(join(root, 'models'));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

function addBundles(models: string): void {
  const settings = tinySettings();
  const schema = featureSchema(settings.minutehand.windows);
  const created = new Date('2024-01-05T12:00:00Z');
  const { pairs } = settings.minutehand;
  const whole = basename(writeRandomBundle(models, { schema, trees: 2, leaves: 3, seed: 'one', pairs, created }));
  for (const version of [A, B]) copyUnder(models, whole, version, { market: MARKET });
}

describe.each([
  { kind: 'sqlite' as const, note: '', newUrl: (place: string) => Promise.resolve(join(place, 'trainer.db')) },
  { kind: 'postgres' as const, note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('the owner of promotions on $kind $note', ({ kind, note, newUrl }) => {
  let place: string;
  let url: string;
  let store: Store;
  let models: string;

  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    place = mkdtempSync(join(root, 'place-'));
    models = join(place, 'models');
    cpSync(join(root, 'models'), models, { recursive: true });
    url = await newUrl(place);
    store = await openStore(url);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await store?.close();
  });

  const installation = (name: string, shared = true) => {
    const home = join(place, name);
    mkdirSync(home, { recursive: true });
    const paths = { home, models: shared ? models : join(home, 'models') };
    const registry: Registry = registryOf(store, paths, 'pairs');
    return {
      paths,
      registry,
      admit: (present = 0) => promotionFence(store, paths, { market: MARKET, present }),
      write: (version: string, fence: number) =>
        activateAdmitted(unjudged('promotion', paths.models, version, { fence }), paths),
    };
  };
  /** As if the holder had not been heard of for an hour. */
  const expire = () =>
    store.db
      .updateTable('core.promotion_owners')
      .set({ renewed_ms: Date.now() - 3_600_000 })
      .execute();
  const active = async (registry: Registry) =>
    (await registry.list()).filter(({ status }) => status === 'active').map(({ version }) => version);

  it('is one installation: another is refused until it is given back, or its minute is over', async () => {
    const one = installation('one');
    const other = installation('other');
    const fence = await one.admit();
    expect(await one.admit()).toBe(fence);
    await expect(other.admit()).rejects.toMatchObject({ code: 'PROMOTION_OWNER' });
    one.write(A, fence);
    await expect(other.registry.mend()).rejects.toMatchObject({ code: 'PROMOTION_OWNER' });
    await one.registry.mend();
    await releaseFence(store, one.paths, MARKET);
    const next = await other.admit();
    expect(next).toBeGreaterThan(fence);
    await expire();
    expect(await one.admit()).toBeGreaterThan(next);
  });

  it('that was paused over its end can write neither pointer nor registry, nor remove a bundle', async () => {
    const stale = installation('stale');
    const owner = installation('owner');
    const late = await stale.admit();
    await expire();
    owner.write(B, await owner.admit());
    await owner.registry.mend();
    const serial = readActiveFile(models)!.serial;
    expect(() => stale.write(A, late)).toThrow(/PROMOTION_STALE|Another installation has become/);
    expect(readActiveFile(models)).toMatchObject({ version: B, serial });
    await owner.registry.register(A);
    await expect(stale.registry.remove(A)).rejects.toMatchObject({ code: 'PROMOTION_OWNER' });
    expect(existsSync(join(models, A))).toBe(true);
    expect(await active(owner.registry)).toEqual([B]);
  });

  it('has its version in the registry although an earlier owner’s own folder names another', async () => {
    const stale = installation('stale', false);
    const owner = installation('owner');
    cpSync(join(root, 'models'), stale.paths.models, { recursive: true });
    stale.write(A, await stale.admit());
    await expire();
    owner.write(B, await owner.admit());
    await owner.registry.mend();
    // The earlier owner may promote again, but what it had promoted before is older than the registry's.
    await releaseFence(store, owner.paths, MARKET);
    await expect(stale.registry.mend()).rejects.toMatchObject({ code: 'PROMOTION_STALE' });
    expect(await active(owner.registry)).toEqual([B]);
    stale.write(A, await stale.admit());
    await stale.registry.mend();
    expect(await active(owner.registry)).toEqual([A]);
  });

  // A stopped process that holds the file of SQLite holds up its writers: there is no server that could end it.
  if (kind === 'postgres')
    it('that stops within a transaction holds up no other for longer than it may', async () => {
      const stopped = installation('stopped');
      const other = installation('other');
      const holder = installationOf(stopped.paths.home);
      vi.stubEnv('MINUTEHAND_TEST_LEASE_MS', '300');
      const transaction = store.transaction(async (tx) => {
        await ownPromotions(tx, { kind: store.kind, market: MARKET, holder });
        await sleep(1200);
        await ownPromotions(tx, { kind: store.kind, market: MARKET, holder });
      });
      const end = expect(transaction).rejects.toThrow();
      await sleep(50);
      const startMs = performance.now();
      // Its transaction was undone with its connection: it never was the owner.
      expect(await other.admit()).toBeGreaterThan(0);
      expect(performance.now() - startMs).toBeLessThan(1100);
      await end;
    });

  it('may replace a pointer that was written through another store', async () => {
    const one = installation('one');
    const own = await one.admit();
    one.write(A, own + 1_000_000);
    expect(() => one.write(B, own)).toThrow(/Another installation has become/);
    one.write(B, await one.admit(own + 1_000_000));
    expect(readActiveFile(models)).toMatchObject({ version: B, fence: own + 1_000_001 });
  });

  it('promotes by hand while the store is down with the fence of the pointer before', () => {
    const one = installation('one');
    one.write(A, 77);
    activateAdmitted(unjudged('promotion', models, B), one.paths);
    expect(readActiveFile(models)).toMatchObject({ version: B, fence: 77 });
  });

  it(`never changes back over ${EVENTS} kills and pauses of three processes`, async () => {
    const program: Program = await buildProgram('promotion_program');
    const env = { ...process.env, MINUTEHAND_TEST_LEASE_MS: String(LEASE_MS) };
    const homes = ['x', 'y', 'z'].map((name) => installation(name).paths.home);
    const output: string[] = [];
    const start = (home: string): RunningProgram => {
      const running = program.start([url, home, models, `${A},${B}`], env);
      running.process.stdout!.on('data', (data: Buffer) => output.push(data.toString('utf8')));
      return running;
    };
    const running = homes.map(start);
    const rng = createRng('promotions');
    const pick = (most: number): number => Math.floor(most * rng.uniform());
    let last = { fence: 0, serial: 0, registry: 0 };
    const check = async (): Promise<void> => {
      const pointer = readActive(models) === null ? null : readActiveFile(models);
      const row = await store.db
        .selectFrom('core.model_registry')
        .select('fence')
        .where('status', '=', 'active')
        .execute();
      expect(row.length).toBeLessThanOrEqual(1);
      const seen = { fence: pointer?.fence ?? 0, serial: pointer?.serial ?? 0, registry: Number(row[0]?.fence ?? 0) };
      for (const name of ['fence', 'serial', 'registry'] as const)
        expect(seen[name]).toBeGreaterThanOrEqual(last[name]);
      last = seen;
    };
    const lines = (): string[] => output.join('').split('\n').slice(0, -1);
    const fences = (): number[] =>
      lines().flatMap((line) => (line.startsWith('promoted') ? [Number(line.split(' ')[2])] : []));
    const owners = (): number => new Set(fences()).size;
    try {
      // Until the owner has changed as well: otherwise nothing was tried.
      for (let event = 0; event < EVENTS || owners() < 2; event++) {
        // By what was done, not by time: on a busy machine a process would be killed before it promotes anything.
        const before = fences().length;
        await expect.poll(() => fences().length, { timeout: 60_000, interval: 30 }).toBeGreaterThan(before);
        const victim = pick(homes.length);
        if (rng.uniform() < 0.3) {
          await running[victim]!.kill('SIGKILL');
          running[victim] = start(homes[victim]!);
        } else {
          // Up to three durations of the ownership.
          const { process: paused } = running[victim]!;
          paused.kill('SIGSTOP');
          setTimeout(() => paused.kill('SIGCONT'), 3 * LEASE_MS * rng.uniform());
        }
        for (let look = 0; look < 5; look++) {
          await check();
          await sleep(30);
        }
      }
    } finally {
      await program.remove();
    }
    expect(lines()).toContain('PROMOTION_OWNER');
  }, 600_000);
});
