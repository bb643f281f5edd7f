import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { activate } from './activate.ts';
import type { HealthReport } from '../daemon/health/health.ts';
import { readActiveFile } from '../shared/bundle/bundle.ts';
import { trainerMarks } from '../shared/bundle/pointer_marks.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { tinyModels } from './tiny_models.ts';

let place: Workplace;
let env: NodeJS.ProcessEnv;
let versions: string[];
let daemon: Running;
let port: number;
beforeAll(async () => {
  place = createWorkplace({ minutehand: { simulated: { history_bars: 100, bar_interval_ms: 50 } } });
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const key = join(place.folder, 'key.pem');
  const trusted = join(place.folder, 'trusted.pem');
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(trusted, publicKey.export({ type: 'spki', format: 'pem' }));
  env = { MINUTEHAND_SIGNING_KEY: key, MINUTEHAND_TRUSTED_KEYS: trusted };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  versions = [];
  for (const seed of [1, 2]) versions.push((await tinyModels(place.models, { seed })).version);
  promote(0);
  await startDaemon();
}, 240_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  await place.remove();
});

/** As `minutehand models promote`. */
const promote = (index: 0 | 1): void =>
  void activate(place.models, versions[index]!, MACHINE_FILES, trainerMarks({ home: place.home }));

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await place.run(args, { env });
  expect(`${code} ${stderr}`).toMatch(/^0 /);
  return stdout;
}

async function startDaemon(): Promise<void> {
  daemon = place.start(['daemon', '--json'], env);
  const ready = await eventually(
    () => `a ready line: ${daemon.stderr()}`,
    () => daemon.stdout(),
  );
  ({ port } = JSON.parse(ready) as { port: number });
}

const health = async (): Promise<HealthReport> =>
  (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as HealthReport;
/** Modes of the signals of all pairs. */
const modes = (): unknown[] => {
  const folder = join(place.home, 'signals');
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const signals = files.map(({ name }) => readFileSync(join(folder, name, 'signal.json'), 'utf8'));
  return [...new Set(signals.map((text) => (JSON.parse(text) as { mode: string }).mode))];
};
const active = (): string => join(place.models, 'active.json');
const reported = (expected: object): Promise<void> =>
  expect.poll(health, { timeout: 60_000, interval: 50 }).toMatchObject(expected);

it(
  'a daemon keeps its models when an older active.json is restored, across kill -9, and follows an intended rollback',
  { timeout: 480_000 },
  async () => {
    await reported({ model_version: versions[0], model_refused: null });
    const old = readFileSync(active(), 'utf8');
    promote(1);
    await reported({ model_version: versions[1] });
    daemon.kill('SIGKILL');
    await daemon.ended;

    await startDaemon();
    await reported({ model_version: versions[1], model_refused: null });
    writeFileSync(active(), old);
    await reported({ model_version: versions[1], model_refused: { code: 'POINTER_ROLLBACK' } });
    const [status, doctor] = await Promise.all([place.run(['status'], { env }), place.run(['doctor'], { env })]);
    for (const { code, stdout } of [status, doctor])
      expect([code, stdout]).toEqual([1, expect.stringContaining('POINTER_ROLLBACK')]);
    expect(await place.run(['models', 'rollback'], { env })).toMatchObject({ code: 1 });
    daemon.kill('SIGKILL');
    await daemon.ended;

    await startDaemon();
    const proved = { model_version: versions[1], model_refused: { code: 'POINTER_ROLLBACK' }, status: 'degraded' };
    await reported({ ...proved, degradations: ['model_pointer'] });
    await expect.poll(modes, { timeout: 60_000, interval: 50 }).toEqual(['DEGRADED']);
    const told = await Promise.all([place.run(['status'], { env }), place.run(['doctor'], { env })]);
    expect(told[0].stdout).toContain('model_pointer');
    expect(told[1].stdout).toContain(`last accepted models, ${versions[1]}`);

    await run('models', 'promote', versions[1]!);
    await reported({ model_version: versions[1], model_refused: null, degradations: [] });
    promote(0);
    promote(1);
    const { serial: before } = readActiveFile(place.models)!;
    // Three processes at once: each writes its own serial.
    const rollbacks = await Promise.all([1, 2, 3].map(() => place.run(['models', 'rollback'], { env })));
    expect(rollbacks.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(readActiveFile(place.models)!.serial).toBe(before! + 3);
    await reported({ model_version: readActiveFile(place.models)!.version, model_refused: null });
    daemon.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
  },
);
