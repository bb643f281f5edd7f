import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { homePaths } from '../shared/policy/home.ts';
import { tinySettings, type SettingsOverrides } from '../test/tiny_models.ts';
import { startTrainer, type RunningTrainer } from './main.ts';
import type { RetrainRun } from './schedule/retrainer.ts';

let folder: string;
let trainer: RunningTrainer | null;
let said: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-trainer-'));
  trainer = null;
  said = [];
});
afterEach(async () => {
  await trainer?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Stands in for `minutehand`: a program that gets the arguments of a training run. */
function program(body: string): string[] {
  const path = join(folder, `program-${said.length}.mjs`);
  writeFileSync(path, body);
  return [process.execPath, path];
}

const HANGS = `process.stderr.write('learning ai1: 25 %\\n'); setInterval(() => undefined, 1000);`;
const FAILS = `process.stderr.write('something odd\\n'); process.exitCode = 1;`;
const SAYS_WHY = `process.stdout.write(JSON.stringify({ error: { code: 'DATA_TOO_SHORT', message: 'Not enough.', next: '' } })); process.exitCode = 1;`;
const ADOPTS = `process.stdout.write(JSON.stringify({ version: process.argv.slice(2).join(' '), adopted: true, gates: [] }));`;
const REJECTS = `process.stdout.write(JSON.stringify({ version: '20260101_0000', adopted: false, gates: [{ name: 'auc', passed: false, seen: '0.5', limit: 'at least 0.52' }, { name: 'brier', passed: true, seen: '0.2', limit: 'below 0.25' }] }));`;

async function start(command: string[], overrides: SettingsOverrides = {}): Promise<RunningTrainer> {
  trainer = await startTrainer({
    settings: tinySettings(overrides),
    paths: homePaths({ MINUTEHAND_HOME: folder }),
    log: pino({ level: 'silent' }),
    command,
    say: (line) => void said.push(line),
  });
  return trainer;
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown> & { error?: { code: string }; runs?: RetrainRun[] };
}

async function ask(method: string, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${trainer!.port}${path}`, { method, ...init });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

const runsWhere = (fits: (runs: readonly RetrainRun[]) => boolean) =>
  expect.poll(() => fits(trainer!.retrainer.runs()), { timeout: 20_000 }).toBe(true);

describe('the API of the trainer', () => {
  it('takes POST /retrain, shows the run and its stage, and refuses a second one while it runs', async () => {
    await start(program(HANGS));
    const first = await ask('POST', '/retrain');
    expect(first).toMatchObject({
      status: 202,
      body: { run_id: 1, trigger: 'request', attempt: 1, status: 'running' },
    });
    expect(await ask('POST', '/retrain')).toMatchObject({ status: 409, body: { error: { code: 'RETRAIN_RUNNING' } } });
    await runsWhere(([run]) => run!.stage === 'learning ai1: 25 %');
    expect(await ask('GET', '/runs')).toMatchObject({
      status: 200,
      body: { runs: [{ run_id: 1, status: 'running' }] },
    });
    expect(await ask('GET', '/healthz')).toMatchObject({
      status: 200,
      body: { status: 'ok', active_version: null, last_run: { run_id: 1 } },
    });
  });

  it('runs `train --adopt --json` and tells what came of it', async () => {
    await start(program(ADOPTS));
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'adopted');
    expect((await ask('GET', '/runs')).body.runs).toMatchObject([
      { model_version: expect.stringMatching(/^train --adopt --json --workers [1-9]\d*$/) as string, error: null },
    ]);
    // A run that has ended makes way for the next.
    expect((await ask('POST', '/retrain')).status).toBe(202);
    await runsWhere((runs) => runs.length === 2 && runs[0]!.status === 'adopted');
  });

  it('tells of a bundle that the gates rejected, and does not try again', async () => {
    await start(program(REJECTS), { retrain: { retrain_retry_delay_minutes: 0 } });
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'rejected');
    expect(said.at(-1)).toBe('Training run 1: models 20260101_0000 rejected: auc 0.5 (at least 0.52).');
    expect(trainer!.retrainer.runs()).toHaveLength(1);
  });

  it.each(['https://evil.example', 'null', 'http://localhost.evil.example', 'http://127.0.0.1.evil.example:7401'])(
    'refuses a page of %s',
    async (origin) => {
      await start(program(ADOPTS));
      const answer = await ask('POST', '/retrain', { headers: { origin } });
      expect(answer).toMatchObject({ status: 403, body: { error: { code: 'ORIGIN_REFUSED' } } });
      expect(trainer!.retrainer.runs()).toEqual([]);
    },
  );

  it('takes requests of a page of this machine, with whatever body a client sends', async () => {
    await start(program(HANGS));
    const json = { 'content-type': 'application/json', origin: 'http://localhost:5173' };
    expect((await ask('POST', '/retrain', { headers: json })).status).toBe(202);
    expect((await ask('POST', '/retrain', { headers: json, body: '{not json' })).status).toBe(409);
    expect((await ask('POST', '/retrain', { body: 'reason=weekly' })).status).toBe(409);
  });

  it('names what it does not have', async () => {
    await start(program(ADOPTS));
    expect(await ask('GET', '/nothing')).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
    expect(await ask('GET', '/retrain')).toMatchObject({
      status: 405,
      body: { error: { code: 'METHOD_NOT_ALLOWED' } },
    });
    expect(await ask('DELETE', '/runs')).toMatchObject({
      status: 405,
      body: { error: { code: 'METHOD_NOT_ALLOWED' } },
    });
  });

  it('goes on when active.json is damaged, and says so', async () => {
    mkdirSync(join(folder, 'models'));
    writeFileSync(join(folder, 'models', 'active.json'), '{');
    await start(program(ADOPTS));
    expect(await ask('GET', '/healthz')).toMatchObject({
      status: 200,
      body: { active_version: null, active_error: { code: 'MODEL_MANIFEST' } },
    });
  });
});

describe('a training run that fails', () => {
  it('is tried again as often as the policy says, after its delay', async () => {
    await start(program(FAILS), { retrain: { retrain_retry_delay_minutes: 0, retrain_retry_max: 2 } });
    await ask('POST', '/retrain');
    await runsWhere((runs) => runs.length === 3 && runs[0]!.status === 'aborted');
    const told = trainer!.retrainer
      .runs()
      .map(({ attempt, status, trigger, error }) => ({ attempt, status, trigger, error }));
    expect(told).toEqual(
      [3, 2, 1].map((attempt) => ({
        attempt,
        status: attempt === 3 ? 'aborted' : 'failed',
        trigger: 'request',
        error: 'the training process ended with 1: something odd',
      })),
    );
    expect(said.filter((line) => line.startsWith('Next attempt'))).toEqual([
      'Next attempt in 0 minutes (1 of 2).',
      'Next attempt in 0 minutes (2 of 2).',
    ]);
  });

  it('waits for its delay, and a run on demand takes the place of the one that was to come', async () => {
    await start(program(SAYS_WHY), { retrain: { retrain_retry_delay_minutes: 60, retrain_retry_max: 1 } });
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'failed');
    expect(trainer!.retrainer.runs()[0]!.error).toBe('DATA_TOO_SHORT: Not enough.');
    expect(said.at(-1)).toBe('Next attempt in 60 minutes (1 of 1).');
    expect((await ask('POST', '/retrain')).body).toMatchObject({ run_id: 2, attempt: 1 });
  });

  it('is one whose program cannot be started, too', async () => {
    await start([join(folder, 'nowhere')], { retrain: { retrain_retry_max: 0 } });
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'aborted');
    expect(trainer!.retrainer.runs()[0]!.error).toContain('the training process ended with');
  });
});

describe('train.log', () => {
  const logged = { minutehand: { log: { level: 'info' } } } as const;

  /** Of the runs that have ended: the trainer is stopped, so that every line is there. */
  async function lines(): Promise<Record<string, unknown>[]> {
    await trainer!.stop();
    trainer = null;
    const text = readFileSync(join(folder, 'log', 'train.log'), 'utf8');
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it('has the begin of a run, each stage with its duration, and the end with its result', async () => {
    const stages = ['reading bars: 100 %', 'learning ai1: 0 %', 'learning ai1: 50 %', 'learning ai1: 100 %'];
    await start(program(`process.stderr.write(${JSON.stringify(`${stages.join('\n')}\n`)}); ${REJECTS}`), logged);
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'rejected');
    const common = { level: 30, process: 'train', time: expect.any(String) as string, run_id: 1 };
    const duration_ms = expect.any(Number) as number;
    expect(await lines()).toEqual([
      { ...common, trigger: 'request', attempt: 1, msg: 'run began' },
      { ...common, stage: 'reading bars', duration_ms, msg: 'stage ended' },
      { ...common, stage: 'learning ai1', duration_ms, msg: 'stage ended' },
      {
        ...common,
        trigger: 'request',
        attempt: 1,
        status: 'rejected',
        model_version: '20260101_0000',
        reasons: ['auc 0.5 (at least 0.52)'],
        error: null,
        duration_ms,
        msg: 'run ended',
      },
    ]);
  });

  it('has a run that failed as an error, and one that was stopped', async () => {
    await start(program(FAILS), { ...logged, retrain: { retrain_retry_max: 0 } });
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'aborted');
    expect((await lines()).at(-1)).toMatchObject({
      level: 50,
      status: 'aborted',
      error: expect.stringContaining('something odd') as string,
    });
    await start(program(HANGS), logged);
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.stage === 'learning ai1: 25 %');
    expect((await lines()).slice(-2)).toMatchObject([
      { stage: 'learning ai1', msg: 'stage ended' },
      { level: 30, status: 'stopped', error: null },
    ]);
  });

  it('is not made at level silent', async () => {
    await start(program(ADOPTS), { minutehand: { log: { level: 'silent' } } });
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'adopted');
    await trainer!.stop();
    trainer = null;
    expect(existsSync(join(folder, 'log'))).toBe(false);
  });
});

describe('starting and stopping the trainer', () => {
  it('stop ends a run that is under way, and its process', async () => {
    const running = await start(
      program(`process.stderr.write(process.pid + '\\n'); setInterval(() => undefined, 1000);`),
    );
    await ask('POST', '/retrain');
    await runsWhere(([run]) => /^\d+$/.test(run!.stage));
    const [run] = running.retrainer.runs();
    await running.stop();
    trainer = null;
    expect(run).toMatchObject({ status: 'stopped', error: null });
    expect(() => process.kill(Number(run!.stage), 0)).toThrow();
    expect(await running.retrainer.start('request')).toBeNull();
    expect(said.filter((line) => line.startsWith('Next attempt'))).toEqual([]);
  });

  it('is done by one process per home: a second one is refused, the place is free after the first', async () => {
    const first = await start(program(ADOPTS));
    await expect(start(program(ADOPTS))).rejects.toMatchObject({ code: 'HOME_LOCKED' });
    await first.stop();
    await start(program(ADOPTS));
    expect((await ask('GET', '/healthz')).status).toBe(200);
  });

  it('names a port that is taken or an address that cannot be had, and lets go of the home', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as AddressInfo;
    const at = (host: string, port: number): SettingsOverrides => ({
      minutehand: { transports: { trainer: { host, port } } },
    });
    await expect(start(program(ADOPTS), at('127.0.0.1', port))).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      seen: `127.0.0.1:${port}`,
    });
    holder.close();
    await expect(start(program(ADOPTS), at('192.0.2.1', 0))).rejects.toMatchObject({ code: 'ADDRESS_UNUSABLE' });
    await start(program(ADOPTS));
  });
});
