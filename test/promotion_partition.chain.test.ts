import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NAMESPACES_NOTE, openNamespace, type MachineNetwork } from '../daemon/lease/machine_network.fixture.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { createRng } from '../shared/rng.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore, type Store } from '../trainer/store/store.ts';
import { buildProgram, type Program, type RunningProgram } from './program.ts';
import { copyUnder, tinySettings } from './tiny_models.ts';
import { IS_WEEKLY } from './weekly.ts';

const VERSIONS = ['20240106_1200', '20240107_1200'];
const EVENTS = IS_WEEKLY ? 1000 : 60;
const LEASE_MS = 400;
const HOUR_MS = 3_600_000;
const note = [NAMESPACES_NOTE, POSTGRES_NOTE].find((one) => one !== '');

/** What one machine has said of one promotion. */
interface Promotion {
  readonly machine: number;
  readonly fence: number;
  /** Of the pointer that it wrote; 0: another's was there when it looked. */
  readonly serial: number;
}

/** A trainer in its own network namespace, which is its only way to PostgreSQL. Its files are shared, as by NFS. */
interface Machine {
  readonly network: MachineNetwork;
  readonly start: () => RunningProgram;
  readonly clock: string;
  running: RunningProgram;
}

describe.runIf(note === undefined)(`promotions of three machines${note ?? ''}`, () => {
  let root: string;
  let postgres: PostgresServer;
  let program: Program;
  let store: Store;
  const machines: Machine[] = [];
  const output: string[][] = [[], [], []];

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'minutehand-promotions-'));
    const settings = tinySettings();
    const schema = featureSchema(settings.minutehand.windows);
    const { pairs } = settings.minutehand;
    const created = new Date('2024-01-05T12:00:00Z');
    const made = join(root, 'made');
    const whole = basename(writeRandomBundle(made, { schema, trees: 2, leaves: 3, seed: 'one', pairs, created }));
    for (const version of VERSIONS) copyUnder(made, whole, version, { market: 'live' });
    cpSync(made, join(root, 'models'), { recursive: true });
    postgres = (await startPostgres())!;
    const url = await postgres.createDatabase();
    store = await openStore(url);
    program = await buildProgram('promotion_program');
    for (const name of ['x', 'y', 'z']) machines.push(await openMachine(name, url));
  }, 120_000);
  afterAll(async () => {
    await program?.remove();
    for (const { network } of machines) await network.close();
    await store?.close();
    await postgres?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  async function openMachine(name: string, url: string): Promise<Machine> {
    const home = join(root, name);
    mkdirSync(home);
    const clock = join(home, 'clock');
    writeFileSync(clock, '0');
    const network = await openNamespace({ lease: postgres.port, redis: postgres.port });
    const own = new URL(url);
    own.host = network.address.lease;
    const lines = output[machines.length]!;
    const start = (): RunningProgram => {
      const args = [own.href, home, join(root, 'models'), VERSIONS.join(','), clock];
      const running = program.start(args, { MINUTEHAND_TEST_LEASE_MS: String(LEASE_MS) }, network.through);
      running.process.stdout!.on('data', (data: Buffer) => lines.push(data.toString('utf8')));
      return running;
    };
    return { network, start, clock, running: start() };
  }

  const linesOf = (machine: number): string[] => output[machine]!.join('').split('\n').slice(0, -1);
  const promotions = (): Promotion[] =>
    machines.flatMap((_, machine) =>
      linesOf(machine).flatMap((line) => {
        const [what, , fence, serial] = line.split(' ');
        return what === 'promoted' ? [{ machine, fence: Number(fence), serial: Number(serial) }] : [];
      }),
    );

  /** Fence of the active row. */
  async function registered(): Promise<number> {
    const query = store.db.selectFrom('core.model_registry').select('fence').where('status', '=', 'active');
    const rows = await query.execute().catch(() => null);
    if (rows === null) return 0;
    expect(rows.length).toBeLessThanOrEqual(1);
    return Number(rows[0]?.fence ?? 0);
  }

  it(`have one owner at a time, over ${EVENTS} kills, pauses, partitions, steps of a clock and restarts of PostgreSQL`, async () => {
    const rng = createRng('partitions');
    const pick = (most: number): number => Math.floor(most * rng.uniform());
    const counts = { kill: 0, pause: 0, cut: 0, clock: 0, restart: 0 };
    /** Up to three durations of the ownership. */
    const some = (): Promise<void> => sleep(3 * LEASE_MS * rng.uniform());
    const undone: Promise<void>[] = [];
    const busy = new Set<Machine>();
    let last = 0;

    /** Ends a fault after a random time, in which this machine gets no other fault. */
    function lasting(machine: Machine, undo: () => void): void {
      busy.add(machine);
      undone.push(
        some().then(() => {
          undo();
          busy.delete(machine);
        }),
      );
    }

    async function happen(machine: Machine): Promise<void> {
      const chance = rng.uniform();
      if (chance < 0.25) {
        counts.kill++;
        await machine.running.kill('SIGKILL');
        machine.running = machine.start();
      } else if (chance < 0.5) {
        counts.pause++;
        const { process: paused } = machine.running;
        paused.kill('SIGSTOP');
        lasting(machine, () => paused.kill('SIGCONT'));
      } else if (chance < 0.75) {
        counts.cut++;
        machine.network.cut(['lease'], rng.uniform() < 0.5 ? 'silent' : 'down');
        lasting(machine, () => machine.network.mend());
      } else if (chance < 0.99) {
        counts.clock++;
        writeFileSync(machine.clock, String(Math.round(2 * HOUR_MS * (rng.uniform() - 0.5))));
      } else {
        counts.restart++;
        await postgres.restart();
      }
    }

    for (let event = 0; event < EVENTS; event++) {
      const before = promotions().length;
      // By what was done, not by time; but all three may be paused or cut off.
      for (let looks = 0; looks < 60 && promotions().length === before; looks++) await sleep(20);
      const free = machines.filter((machine) => !busy.has(machine));
      if (free.length > 0) await happen(free[pick(free.length)]!);
      const fence = await registered();
      if (fence > 0) expect(fence).toBeGreaterThanOrEqual(last);
      last = Math.max(fence, last);
    }
    await Promise.all(undone);
    const before = promotions().length;
    await expect.poll(() => promotions().length, { timeout: 60_000 }).toBeGreaterThan(before);

    const all = promotions();
    const owners = new Map<number, Set<number>>();
    for (const { fence, machine } of all) owners.set(fence, (owners.get(fence) ?? new Set()).add(machine));
    for (const [fence, holders] of owners) expect([fence, holders.size]).toEqual([fence, 1]);
    const written = all.filter(({ serial }) => serial > 0).sort((a, b) => a.serial - b.serial);
    expect(new Set(written.map(({ serial }) => serial)).size).toBe(written.length);
    for (const [i, { fence }] of written.entries()) expect(fence).toBeGreaterThanOrEqual(written[i - 1]?.fence ?? 0);
    const refusals = machines.flatMap((_, machine) => linesOf(machine)).filter((line) => !line.startsWith('promoted'));
    const codes = Object.fromEntries(
      [...new Set(refusals)].sort().map((code) => [code, refusals.filter((one) => one === code).length]),
    );
    console.log({ ...counts, promotions: all.length, owners: owners.size, ...codes });
    expect(Object.values(counts).every((count) => count > 0)).toBe(true);
    expect(new Set(all.map(({ machine }) => machine)).size).toBe(3);
    expect(codes['PROMOTION_OWNER']).toBeGreaterThan(0);
  }, 1_500_000);
});
