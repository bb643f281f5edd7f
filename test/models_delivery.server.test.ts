import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { pino } from 'pino';
import type { ActiveFile } from '../shared/bundle/active_file.ts';
import { listVersions, readActive, readBundle } from '../shared/bundle/bundle.ts';
import { directionFolder, readActiveDirection } from '../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../shared/bundle/direction/direction_bundle.ts';
import type { EpochMs } from '../shared/bar.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { describeError } from '../shared/errors.ts';
import { homePaths } from '../shared/home.ts';
import { loadSettings, type Settings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { Database } from '../shared/store/sqlite.ts';
import { deliverOnce, startDelivery } from '../trainer/control/delivery/delivery.ts';
import type { Delivery } from '../trainer/control/delivery/delivery_file.ts';
import { bundleOf, deliveredMarks, openDelivered, withDelivered } from '../trainer/control/delivery/receive.ts';
import { activate, activateDirection } from './activate.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { IS_WEEKLY, WEEKLY_NOTE } from './weekly.ts';
import { skipNote } from './skip_note.ts';
import { hasSshServer, makeSshKey, SSH_NOTE, startCuttingProxy, startSsh, type SshServer } from './ssh_server.ts';
import { writeTinyDirection } from './tiny_direction.ts';
import { copyUnder, tinyVersions } from './tiny_models.ts';
import { slotOfTimeframe } from '../shared/subject/written_names.ts';

const hasServer = hasSshServer();
const A = '20240101_1200';
const B = '20240102_1200';
const C = '20240103_1200';
const KEPT = 4;
const DAY_MS = 86_400_000;
/** Each file is flushed to a disk that other tests use as well. */
const SLOW_DISK_MS = 120_000;

describe.skipIf(!hasServer)(
  `models that are delivered by SFTP${skipNote(!hasServer, SSH_NOTE)}`,
  { timeout: SLOW_DISK_MS },
  () => {
    let server: SshServer;
    let folder: string;
    beforeAll(async () => {
      server = await startSsh();
      folder = mkdtempSync(join(tmpdir(), 'minutehand-delivery-'));
      writeFileSync(join(folder, 'key'), server.privateKey, { mode: 0o600 });
      await tinyVersions(join(folder, 'trained'), 3);
    }, 120_000);
    afterAll(async () => {
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    const targetOf = (name: string, port = server.port): string =>
      `sftp://${server.user}@127.0.0.1:${port}${join(server.folder, name)}`;

    /** The first of three trained bundles. */
    function copyTrained(models: string, days: number): void {
      for (const version of [A, B, C].slice(0, days))
        cpSync(join(folder, 'trained', version), join(models, version), { recursive: true });
    }

    function sender(name: string, port?: number) {
      const paths = homePaths({ MINUTEHAND_HOME: join(folder, name) });
      const loaded = loadSettings({ env: {} });
      const retrain = {
        ...loaded.retrain,
        delivery_target: targetOf(name, port),
        delivery_host_keys: [server.hostKey],
      };
      const settings: Settings = { ...loaded, retrain };
      const env = { MINUTEHAND_SFTP_KEY: join(folder, 'key') };
      return { paths, settings, env, far: join(server.folder, name) };
    }

    /** What a reader on the other machine finds: each bundle whole, and what is active. */
    async function readFar(far: string): Promise<{ versions: string[]; active: string | null; delivery: Delivery }> {
      const source = await openDelivered(far, {});
      const { delivery } = source;
      for (const bundle of delivery.bundles)
        await withDelivered(source, bundle, async (path) => {
          if (bundle.timeframe === null) readBundle(path);
          else readDirectionBundle(path);
          await Promise.resolve();
        });
      for (const { timeframe, pointer } of delivery.pointers) bundleOf(delivery, pointer, slotOfTimeframe(timeframe));
      const active = delivery.pointers.find(({ timeframe }) => timeframe === null)?.pointer.version ?? null;
      return { versions: delivery.bundles.map(({ version }) => version), active, delivery };
    }

    /** Cuts connections at random byte counts until so many were cut. */
    async function survivesCuts(cuts: number): Promise<void> {
      const proxy = await startCuttingProxy(server.port);
      const name = `cuts_${cuts}`;
      const { paths, settings, env, far } = sender(name, proxy.port);
      const rng = createRng(`cuts ${cuts}`);
      copyTrained(paths.models, 2);
      activate(paths.models, A);
      let cut = 0;
      let arrived = 0;
      let newest = A;
      /** Active there so far: never another one. */
      let before: string | null = null;
      while (cut < cuts) {
        // Handshake and a look take about 4 kB, a bundle some 100 kB.
        proxy.cutAfter(Math.floor(rng.uniform() * (rng.uniform() < 0.3 ? 8000 : 150_000)));
        const error = await deliverOnce({ settings, paths, env }, false, () => undefined).then(
          () => null,
          (cause: unknown) => cause,
        );
        if (error !== null) {
          expect(describeError(error).code).toBe('DELIVERY_UNREACHABLE');
          cut += 1;
        }
        if (existsSync(join(far, 'delivery.json'))) {
          const { active, versions } = await readFar(far);
          expect([before, newest]).toContain(active);
          if (error === null) expect(versions).toEqual(listVersions(paths.models));
        } else expect(error).not.toBeNull();
        if (error !== null) continue;
        expect((await readFar(far)).active).toBe(newest);
        arrived += 1;
        before = newest;
        newest = anotherModel(paths.models, arrived);
      }
      proxy.cutAfter(null);
      await deliverOnce({ settings, paths, env }, true, () => undefined);
      const last = await readFar(far);
      expect(last.active).toBe(newest);
      const needed = new Set(last.delivery.bundles.flatMap(({ files }) => files.map(({ sha256 }) => sha256)));
      expect(readdirSync(join(far, 'objects')).sort()).toEqual([...needed].sort());
      await proxy.stop();
    }

    /** A new bundle with new bytes becomes active; the oldest is deleted. */
    function anotherModel(models: string, number: number): string {
      const made = copyUnder(
        models,
        A,
        `2025${String(1_000_000 + number).slice(1, 5)}_${String(10_000 + number).slice(1)}`,
        {
          seed: number,
        },
      );
      // Reports are not hashed by the manifest: they can be as large and as new as a model.
      const noise = createRng(made);
      writeFileSync(
        join(models, made, 'monitor.json'),
        JSON.stringify(Array.from({ length: 4000 }, () => noise.uniform())),
      );
      activate(models, made);
      for (const old of listVersions(models).slice(2, -KEPT)) rmSync(join(models, old), { recursive: true });
      return made;
    }

    it('arrive whole through four cuts at random bytes, and what is active is never half or another one', () =>
      survivesCuts(4));

    it.skipIf(!IS_WEEKLY)(
      `arrive whole through 200 cuts at random bytes${WEEKLY_NOTE}`,
      () => survivesCuts(200),
      1_200_000,
    );

    it('are told apart as active, previous and candidate, of pairs and of direction', async () => {
      const { paths, settings, env, far } = sender('states');
      copyTrained(paths.models, 3);
      activate(paths.models, A);
      activate(paths.models, B);
      const hourly = writeTinyDirection(paths.models, 'BTCUSDT', '1h', new Date('2024-02-01T00:00:00Z'));
      activateDirection(paths.models, hourly, paths.home);
      writeFileSync(join(paths.models, C, 'ai1.onnx'), 'damaged');
      const damaged: string[] = [];
      const first = await deliverOnce({ settings, paths, env }, false, (version) => void damaged.push(version));
      expect(damaged).toEqual([C]);
      expect(first.versions).toEqual([A, B, hourly]);
      const { delivery } = await readFar(far);
      expect(delivery.bundles.map(({ version, timeframe, state }) => [version, timeframe, state])).toEqual([
        [A, null, 'previous'],
        [B, null, 'active'],
        [hourly, '1h', 'active'],
      ]);
      // Nothing is sent again, unless it is damaged there and looked at.
      expect(await deliverOnce({ settings, paths, env }, true, () => undefined)).toMatchObject({ sent: 0, removed: 0 });
      const file = delivery.bundles[0]!.files[0]!;
      writeFileSync(join(far, 'objects', file.sha256), Buffer.alloc(file.bytes, 1));
      await expect(readFar(far)).rejects.toMatchObject({ code: 'DELIVERY_DAMAGED' });
      expect(await deliverOnce({ settings, paths, env }, false, () => undefined)).toMatchObject({ sent: 0 });
      expect(await deliverOnce({ settings, paths, env }, true, () => undefined)).toMatchObject({ sent: 1 });
      await readFar(far);
      // One that was cut short, as by a full disk, is seen by its size.
      writeFileSync(join(far, 'objects', file.sha256), Buffer.alloc(file.bytes - 1, 1));
      expect(await deliverOnce({ settings, paths, env }, false, () => undefined)).toMatchObject({ sent: 1 });
      await readFar(far);
      const other = { ...sender('other'), settings };
      copyTrained(other.paths.models, 1);
      await expect(deliverOnce(other, false, () => undefined)).rejects.toMatchObject({ code: 'DELIVERY_FOREIGN' });
    });

    it('wait in the models folder while the server refuses, with one alert that ends with the next delivery', async () => {
      const { paths, settings, env, far } = sender('waiting');
      copyTrained(paths.models, 1);
      activate(paths.models, A);
      const notifier = { raise: vi.fn(() => Promise.resolve()), clear: vi.fn(() => Promise.resolve()) };
      const stranger = makeSshKey(join(folder, 'stranger'));
      writeFileSync(join(folder, 'used'), stranger.privateKey, { mode: 0o600 });
      const printed: string[] = [];
      let nowMs = 1_800_000_000_000 as EpochMs;
      const running = startDelivery({
        settings,
        paths,
        env: { ...env, MINUTEHAND_SFTP_KEY: join(folder, 'used') },
        log: pino({ level: 'silent' }),
        notifier,
        retryMs: 20,
        clock: { ...MACHINE_CLOCK, nowMs: () => nowMs },
        print: (line) => void printed.push(line),
      })!;
      await vi.waitFor(() => expect(notifier.raise).toHaveBeenCalled(), 60_000);
      expect(notifier.raise).toHaveBeenCalledWith(
        expect.objectContaining({ key: 'delivery_failed', event: 'delivery_failed' }),
      );
      expect(printed[0]).toMatch(/^Models cannot be delivered \(DELIVERY_REFUSED: /);
      expect(existsSync(far)).toBe(false);
      writeFileSync(join(folder, 'used'), server.privateKey, { mode: 0o600 });
      await vi.waitFor(() => expect(notifier.clear).toHaveBeenCalledWith('delivery_failed'), 60_000);
      expect((await readFar(far)).active).toBe(A);
      expect(notifier.raise).toHaveBeenCalledTimes(1);
      // The trainer delivers a new bundle without a command.
      copyTrained(paths.models, 2);
      await vi.waitFor(async () => expect((await readFar(far)).versions).toEqual([A, B]), 60_000);
      expect((await readFar(far)).delivery.bundles[1]).toMatchObject({ version: B, state: 'candidate' });
      // What is there is read back once a day: damage that keeps the size is found, and mended.
      const { sha256, bytes } = (await readFar(far)).delivery.bundles[0]!.files[0]!;
      writeFileSync(join(far, 'objects', sha256), Buffer.alloc(bytes, 1));
      await running.pass();
      await expect(readFar(far)).rejects.toMatchObject({ code: 'DELIVERY_DAMAGED' });
      nowMs = (nowMs + DAY_MS) as EpochMs;
      await running.pass();
      await readFar(far);
      // Another outage is told again.
      writeFileSync(join(folder, 'used'), stranger.privateKey, { mode: 0o600 });
      nowMs = (nowMs + DAY_MS) as EpochMs;
      await vi.waitFor(() => expect(notifier.raise).toHaveBeenCalledTimes(2), 60_000);
      await running.stop();
      const without = { ...settings, retrain: { ...settings.retrain, delivery_target: null } };
      const options = {
        paths,
        env,
        settings: without,
        log: pino({ level: 'silent' }),
        notifier,
        print: () => undefined,
      };
      expect(startDelivery(options)).toBeNull();
    });

    it('raise an alert at once where another server answers', async () => {
      const { paths, settings, env } = sender('impostor');
      copyTrained(paths.models, 1);
      const pinned = makeSshKey(join(folder, 'pinned')).print;
      const notifier = { raise: vi.fn(() => Promise.resolve()), clear: vi.fn(() => Promise.resolve()) };
      const printed: string[] = [];
      const running = startDelivery({
        settings: { ...settings, retrain: { ...settings.retrain, delivery_host_keys: [pinned] } },
        paths,
        env,
        log: pino({ level: 'silent' }),
        notifier,
        // Nothing is tried again within this test.
        retryMs: 3_600_000,
        print: (line) => void printed.push(line),
      })!;
      await vi.waitFor(() => expect(printed).toHaveLength(1), 60_000);
      expect(printed[0]).toContain('DELIVERY_HOST_KEY');
      expect(notifier.raise).toHaveBeenCalledTimes(1);
      await running.stop();
    });

    it('have marks of their own for the pairs and for each timeframe', () => {
      const { paths } = sender('marks');
      const one: ActiveFile = { version: A, previous: null };
      deliveredMarks(paths, 'direction 1h').raise({ ...one, serial: 5 });
      const slots = ['pairs', 'direction 1h', 'direction 4h'] as const;
      expect(slots.map((slot) => deliveredMarks(paths, slot).read() !== null)).toEqual([false, true, false]);
    });

    describe('by the command line, from one installation to another', () => {
      let from: Workplace;
      let to: Workplace;
      let env: NodeJS.ProcessEnv;
      let far: string;
      beforeAll(async () => {
        from = createWorkplace();
        to = createWorkplace();
        far = join(server.folder, 'command');
        env = { MINUTEHAND_SFTP_KEY: join(folder, 'key') };
        const path = join(from.config, 'retrain_policy.yaml');
        const text = readFileSync(path, 'utf8')
          .replace('delivery_target:\n  value: null', `delivery_target:\n  value: ${targetOf('command')}`)
          .replace('delivery_host_keys:\n  value: []', `delivery_host_keys:\n  value: ['${server.hostKey}']`);
        writeFileSync(path, text);
        copyTrained(from.models, 2);
      });
      afterAll(() => Promise.all([from?.remove(), to?.remove()]));

      const receive = async (...more: string[]) => {
        const { code, stdout, stderr } = await to.call(['models', 'receive', far, ...more, '--json']);
        return { code, stderr, document: JSON.parse(stdout) as unknown };
      };

      it('is refused where nothing was delivered, or no target is named', async () => {
        expect(await receive()).toMatchObject({ code: 1, document: { error: { code: 'DELIVERY_MISSING' } } });
        const none = await to.call(['models', 'deliver', '--json']);
        expect(JSON.parse(none.stdout)).toMatchObject({ error: { code: 'SETTING_UNSUPPORTED' } });
        const keyless = await from.call(['models', 'deliver', '--json']);
        expect(JSON.parse(keyless.stdout)).toMatchObject({ error: { code: 'KEY_UNUSABLE' } });
      });

      it('activates what is active there, and never a candidate', async () => {
        const candidates = await from.call(['models', 'deliver'], { env });
        expect(candidates).toMatchObject({ code: 0 });
        expect(candidates.stdout).toContain(`New there: ${A}, ${B}.`);
        expect(await receive()).toMatchObject({ code: 0, document: { received: [] } });
        expect(listVersions(to.models)).toEqual([]);
        await from.call(['models', 'promote', A]);
        await from.call(['models', 'deliver'], { env });
        expect(await receive()).toMatchObject({ code: 0, document: { received: [{ version: A, previous: null }] } });
        expect(await receive()).toMatchObject({ code: 0, document: { received: [] } });
        expect(readActive(to.models)).toEqual({ version: A, previous: null });
        expect(listVersions(to.models)).toEqual([A]);
        expect(await to.call(['models', 'verify', A])).toMatchObject({ code: 0 });
      });

      it('keeps what it has when a delivery is damaged, goes back, or names models that its own lock refuses', async () => {
        const older = readFileSync(join(far, 'delivery.json'));
        await from.call(['models', 'promote', B]);
        await from.call(['models', 'deliver'], { env });
        const { bundles } = (await openDelivered(far, {})).delivery;
        const { sha256, bytes } = bundles
          .find(({ version }) => version === B)!
          .files.find(({ file }) => file === 'ai1.onnx')!;
        const object = join(far, 'objects', sha256);
        const whole = readFileSync(object);
        writeFileSync(object, Buffer.alloc(bytes, 1));
        expect(await receive()).toMatchObject({ code: 1, document: { error: { code: 'DELIVERY_DAMAGED' } } });
        expect(readActive(to.models)).toEqual({ version: A, previous: null });
        writeFileSync(object, whole);
        expect(await receive()).toMatchObject({ code: 0, document: { received: [{ version: B, previous: A }] } });
        const newer = readFileSync(join(far, 'delivery.json'));
        writeFileSync(join(far, 'delivery.json'), older);
        expect(await receive()).toMatchObject({ code: 1, document: { error: { code: 'POINTER_ROLLBACK' } } });
        expect(readActive(to.models)).toEqual({ version: B, previous: A });
        writeFileSync(join(far, 'delivery.json'), newer);
      });

      it('is watched: what is active there becomes active here, a fault is said once, and SIGTERM ends it', async () => {
        const refused = await to.call([
          'models',
          'receive',
          far,
          '--watch',
          '1',
          '--despite-gates',
          '--reason',
          'a test',
        ]);
        expect(refused).toMatchObject({ code: 2 });
        const running = to.start(['models', 'receive', far, '--watch', '1']);
        const follows = (version: string) =>
          vi.waitFor(
            () => expect(readActive(to.models), running.stdout() + running.stderr()).toMatchObject({ version }),
            30_000,
          );
        await from.call(['models', 'promote', A]);
        await from.call(['models', 'deliver'], { env });
        await follows(A);
        const whole = readFileSync(join(far, 'delivery.json'));
        writeFileSync(join(far, 'delivery.json'), '{');
        await vi.waitFor(() => expect(running.stderr()).toContain('DELIVERY_DAMAGED'), 60_000);
        // Several looks at the same fault.
        await new Promise((resolve) => setTimeout(resolve, 4000));
        expect(running.stderr().split('DELIVERY_DAMAGED').length).toBe(2);
        writeFileSync(join(far, 'delivery.json'), whole);
        await vi.waitFor(() => expect(running.stderr()).toContain('can be read again'), 60_000);
        await from.call(['models', 'promote', B]);
        await from.call(['models', 'deliver'], { env });
        await follows(B);
        running.kill('SIGTERM');
        expect(await running.ended).toBe(0);
        expect(running.stdout()).toContain('Received: 2.');
        // Each receipt stands in the audit.
        const db = new Database(homePaths({ MINUTEHAND_HOME: to.home }).trainer, { readonly: true });
        const entries = db.prepare(`SELECT * FROM audit_api_writes`).all();
        db.close();
        const receipts = entries
          .map((entry) => JSON.stringify(entry))
          .filter((text) => text.includes('models receive'));
        expect(receipts.filter((text) => text.includes(A) || text.includes(B)).length).toBeGreaterThanOrEqual(2);
      });

      it('takes what it can: a damaged direction model does not keep back the models of the pairs, exit code 3', async () => {
        const hourly = writeTinyDirection(from.models, 'BTCUSDT', '1h', new Date('2024-02-01T00:00:00Z'));
        activateDirection(from.models, hourly, from.home);
        await from.call(['models', 'promote', A]);
        await from.call(['models', 'deliver'], { env });
        const { bundles } = (await openDelivered(far, {})).delivery;
        const { sha256, bytes } = bundles.find(({ version }) => version === hourly)!.files[0]!;
        writeFileSync(join(far, 'objects', sha256), Buffer.alloc(bytes, 1));
        const refused = await receive();
        expect(refused).toMatchObject({ code: 3, document: { received: [{ version: A, previous: B }] } });
        expect(refused.stderr).toContain(`1h, ${hourly}: DELIVERY_DAMAGED`);
        expect(readActiveDirection(to.models, '1h')).toBeNull();
        expect(existsSync(directionFolder(to.models))).toBe(false);
      });
    });
  },
);
