import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { homePaths } from '../../shared/home.ts';
import { tinySettings } from '../../test/tiny_models.ts';
import { startTrainer, type RunningTrainer } from '../../trainer/main.ts';
import { progressLine } from '../../trainer/jobs/progress/progress_line.ts';
import type { RetrainRun } from '../../trainer/control/schedule/run.ts';
import { main } from '../main.ts';

let folder: string;
let trainer: RunningTrainer | null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-runs-'));
  trainer = null;
  vi.stubEnv('MINUTEHAND_HOME', folder);
  vi.stubEnv('MINUTEHAND_MARKET', 'simulated');
  // No server listens there.
  vi.stubEnv('MINUTEHAND_TRAINER_PORT', '1');
});
afterEach(async () => {
  await trainer?.stop();
  vi.unstubAllEnvs();
  process.exitCode = 0;
  rmSync(folder, { recursive: true, force: true });
});

async function startHanging(): Promise<void> {
  const path = join(folder, 'program.mjs');
  const line = JSON.stringify(`${progressLine('learning', 1, 4)}\n`);
  writeFileSync(path, `process.stderr.write(${line}); setInterval(() => undefined, 1000);`);
  trainer = await startTrainer({
    settings: tinySettings(),
    paths: homePaths(process.env),
    log: pino({ level: 'silent' }),
    command: [process.execPath, path],
    print: () => undefined,
  });
  vi.stubEnv('MINUTEHAND_TRAINER_PORT', String(trainer.port));
}

/** Runs `minutehand` with these arguments in this process. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => err.push(String(text)) > 0);
  try {
    const code = await main(args);
    return { code, out: out.join(''), err: err.join('') };
  } finally {
    vi.restoreAllMocks();
  }
}
async function json(...args: string[]) {
  const { code, out } = await run(...args, '--json');
  return { code, document: JSON.parse(out) as Record<string, unknown> & { runs: RetrainRun[] } };
}

describe('the command runs', () => {
  it('starts, lists and cancels the runs of the trainer', async () => {
    await startHanging();
    expect(await json('runs', 'cancel')).toMatchObject({ code: 1, document: { error: { code: 'RETRAIN_IDLE' } } });
    expect((await run('runs', 'list')).out).toBe('No training runs yet.\n');
    const refused = await json('runs', 'start', '--kind', 'direction', '--timeframe', '1h');
    expect(refused).toMatchObject({ code: 1, document: { error: { code: 'RETRAIN_KIND' } } });
    expect(JSON.stringify(refused)).toContain('Add instruments such as BTCUSDT@1h');
    expect(await json('runs', 'start', '--kind', 'incremental')).toMatchObject({
      code: 0,
      document: { run_id: 1, kind: 'incremental', status: 'running' },
    });
    const again = await json('runs', 'start', '--kind', 'incremental');
    expect(again).toMatchObject({ code: 1, document: { error: { code: 'RETRAIN_RUNNING' } } });
    expect((await run('runs', 'start')).out).toMatch(
      /^Training run 2 \(full\) waits\. `minutehand runs list` shows for what\./,
    );
    expect(await json('runs', 'start')).toMatchObject({ code: 1, document: { error: { code: 'RETRAIN_RUNNING' } } });
    expect((await run('runs', 'list')).out).toMatch(
      /^ *2 {2}full .* queued {6} waits {2}\(request\)\n *1 {2}incremental /,
    );
    expect((await run('runs', 'cancel', '2')).out).toBe('Training run 2 waits no longer.\n');
    expect(await json('runs', 'cancel', '2')).toMatchObject({ code: 1, document: { error: { code: 'RETRAIN_IDLE' } } });
    await expect
      .poll(async () => (await json('runs', 'list')).document)
      .toMatchObject({ from: 'trainer', runs: [{ run_id: 1, stage: 'learning', percent: 35 }] });
    expect((await run('runs', 'list')).out).toMatch(
      /^ *1 {2}incremental {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}running {6}learning, 35 %, \d+ s left {2}\(request\)\n$/,
    );
    expect((await run('runs', 'cancel')).out).toBe('Training run 1 is being stopped.\n');
    await expect
      .poll(async () => (await json('runs', 'list')).document.runs[0])
      .toMatchObject({ run_id: 1, status: 'stopped' });
  });

  it('lists what the store has where no trainer answers, and reports that', async () => {
    expect(await run('runs', 'list')).toMatchObject({ code: 0, out: 'No training runs yet.\n' });
    await startHanging();
    await json('runs', 'start');
    await trainer!.stop();
    trainer = null;
    expect(await json('runs', 'list')).toMatchObject({
      code: 0,
      document: { from: 'store', runs: [{ run_id: 1, kind: 'full', status: 'stopped' }] },
    });
    expect((await run('runs', 'list')).err).toBe('No trainer responds; these are the runs of the store.\n');
    for (const action of ['start', 'cancel'])
      expect(await json('runs', action)).toMatchObject({ code: 1, document: { error: { code: 'TRAINER_ABSENT' } } });
  });

  it.each([
    [200, '{"runs": 3}'],
    [200, 'hello'],
    [404, '{"oops": true}'],
  ])('does not take another program at that port (%i %s) for a trainer', async (status, text) => {
    const server = createServer((_request, response) => response.writeHead(status).end(text)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    vi.stubEnv('MINUTEHAND_TRAINER_PORT', String((server.address() as AddressInfo).port));
    try {
      expect(await json('runs', 'start')).toMatchObject({ code: 1, document: { error: { code: 'TRAINER_ABSENT' } } });
    } finally {
      server.close();
    }
  });

  it('accepts two kinds of runs', async () => {
    expect(await json('runs', 'start', '--kind', 'weekly')).toMatchObject({
      code: 2,
      document: { error: { code: 'USAGE' } },
    });
  });
});
