import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { activate } from './activate.ts';
import type { HealthReport } from '../daemon/health/health.ts';
import { readAddress } from '../shared/address.ts';
import { homePaths } from '../shared/home.ts';
import { createWorkplace, eventually, type Finished, type Workplace } from './cli_process.ts';
import { tinyModels } from './tiny_models.ts';

/** Longer than any start: a process that waits for a pipe's writer never ends. */
const HANGS_MS = 60_000;
const PATIENCE_MS = 150_000;

let workplace: Workplace;
let version: string;

/** A pipe without a writer. */
function pipe(...path: string[]): void {
  const at = join(workplace.models, ...path);
  rmSync(at, { force: true });
  expect(spawnSync('mkfifo', [at]).status).toBe(0);
}

const run = (args: readonly string[]): Promise<Finished> => workplace.run(args, { killAfterMs: HANGS_MS });

beforeAll(async () => {
  workplace = createWorkplace({ minutehand: { market: 'live' } });
  version = (await tinyModels(workplace.models, { settings: workplace.settings, market: 'live' })).version;
  return () => workplace.remove();
}, PATIENCE_MS);
afterEach(() => {
  for (const name of ['active.json', 'shadow.json', 'halts.json'])
    rmSync(join(workplace.models, name), { force: true });
});

describe.skipIf(process.platform === 'win32')('a pipe in the models folder', { timeout: PATIENCE_MS }, () => {
  it('blocks no daemon, whichever file it replaces; it is refused until replaced by a complete file', async () => {
    for (const name of ['active.json', 'shadow.json', 'halts.json']) pipe(name);
    const daemon = workplace.start(['daemon']);
    const { port } = await eventually('the address of the daemon', () =>
      readAddress(homePaths({ MINUTEHAND_HOME: workplace.home }).address('daemon_main')),
    );
    const health = async (): Promise<HealthReport> =>
      (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as HealthReport;
    await expect.poll(health, { timeout: HANGS_MS }).toMatchObject({
      model_refused: { code: 'MODEL_FILE' },
      halts_refused: { code: 'HALTS_FORMAT' },
    });
    expect(daemon.stdout()).toMatch(/Shadow models .* refused. MODEL_FILE: .*shadow\.json is not a regular file/);
    rmSync(join(workplace.models, 'halts.json'));
    const other = '20260101_0000';
    mkdirSync(join(workplace.models, other));
    for (const name of ['manifest.json', 'ai1.onnx', 'ai2.onnx', 'ai3.onnx']) pipe(other, name);
    // The pointer is made elsewhere: a bundle like this one is not activated.
    const elsewhere = join(workplace.folder, 'elsewhere');
    mkdirSync(join(elsewhere, other), { recursive: true });
    writeFileSync(join(elsewhere, other, 'manifest.json'), '{}');
    activate(elsewhere, other);
    renameSync(join(elsewhere, 'active.json'), join(workplace.models, 'active.json'));
    await expect.poll(health, { timeout: HANGS_MS }).toMatchObject({
      model_refused: { version: other, code: 'MODEL_FILE' },
      halts_refused: null,
    });
    activate(workplace.models, version);
    await expect.poll(health, { timeout: HANGS_MS }).toMatchObject({ model_version: version, model_refused: null });
    daemon.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    rmSync(join(workplace.models, other), { recursive: true });
  });

  it('blocks no command: the command names the file', async () => {
    pipe('active.json');
    expect(await run(['models', 'rollback'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('active.json is not a regular file') as string,
    });
    for (const name of ['manifest.json', 'ai2.onnx']) {
      const kept = join(workplace.folder, name);
      cpSync(join(workplace.models, version, name), kept);
      pipe(version, name);
      expect(await run(['models', 'verify', version])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`${name} is not a regular file`) as string,
      });
      renameSync(kept, join(workplace.models, version, name));
    }
  });
});
