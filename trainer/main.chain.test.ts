import { REQUESTED, scheduled } from '../shared/run_trigger/run_triggers.fixture.ts';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, request } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { homePaths } from '../shared/home.ts';
import { jobHost, JobRecords } from './jobs/records/job_records.ts';
import { markOf } from './jobs/records/process_mark.ts';
import { SCAN_JOB } from './jobs/kinds/scan_job.fixture.ts';
import { openStore, storeUrl } from './store/store.ts';
import { activate } from '../test/activate.ts';
import { tinyModels, tinySettings, type SettingsOverrides } from '../test/tiny_models.ts';
import { trainerMarks } from '../shared/bundle/pointer_marks.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import { trainingOfShelf } from './jobs/strategies/registry.ts';
import { startTrainer, type RunningTrainer } from './main.ts';
import { progressLine } from './jobs/progress/progress_line.ts';
import { FIRST_MODELS, type RetrainRun } from './control/schedule/run.ts';

let folder: string;
let trainer: RunningTrainer | null;
let printed: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-trainer-'));
  trainer = null;
  printed = [];
});
afterEach(async () => {
  await trainer?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Stands in for `minutehand`: a program that gets the job of a training run on standard input. */
function program(body: string): string[] {
  const path = join(folder, `program-${printed.length}.mjs`);
  writeFileSync(path, `import { readFileSync } from 'node:fs';\n${body}`);
  return [process.execPath, path];
}

/** Code that reports progress as a training process does. */
const tells = (stage: string, done: number, total: number): string =>
  `process.stderr.write(${JSON.stringify(`${progressLine(stage, done, total)}\n`)});`;
const HANGS = `${tells('learning', 1, 4)} setInterval(() => undefined, 1000);`;
const FAILS = `process.stderr.write('something odd\\n'); process.exitCode = 1;`;
const SAYS_WHY = `process.stdout.write(JSON.stringify({ error: { code: 'DATA_TOO_SHORT', message: 'Not enough.', next: '' } })); process.exitCode = 1;`;
/** Its version names its arguments, and what its job asks for. */
const ADOPTS = `
  const { kind, adopt, parameters, resources } = JSON.parse(readFileSync(0, 'utf8'));
  const version = [...process.argv.slice(2), kind, adopt, parameters.trials, resources.workers > 0].join(' ');
  process.stdout.write(JSON.stringify({ version, adopted: true, gates: [] }));`;
const REJECTS = `process.stdout.write(JSON.stringify({ version: '20260101_0000', adopted: false, gates: [{ name: 'auc', passed: false, seen: '0.5', limit: 'at least 0.52' }, { name: 'brier', passed: true, seen: '0.2', limit: 'below 0.25' }] }));`;

async function start(command: string[], overrides: SettingsOverrides = {}, token?: string): Promise<RunningTrainer> {
  trainer = await startTrainer({
    settings: tinySettings(overrides),
    paths: homePaths({ MINUTEHAND_HOME: folder }),
    log: pino({ level: 'silent' }),
    command,
    token,
    print: (line) => void printed.push(line),
  });
  return trainer;
}

interface HttpReply {
  readonly status: number;
  readonly body: Record<string, unknown> & { error?: { code: string }; runs?: RetrainRun[] };
}

async function ask(method: string, path: string, init: RequestInit = {}): Promise<HttpReply> {
  const response = await fetch(`http://127.0.0.1:${trainer!.port}${path}`, { method, ...init });
  return { status: response.status, body: (await response.json()) as HttpReply['body'] };
}

/** Only a hang takes longer. */
const WAIT_MS = 100_000;
vi.setConfig({ testTimeout: 120_000 });

const runsWhere = (fits: (runs: readonly RetrainRun[]) => boolean) =>
  expect.poll(() => fits(trainer!.retrainer.runs()), { timeout: WAIT_MS }).toBe(true);

describe('a start of the trainer', () => {
  it('is given up at its next step when the process is to end, and leaves port and home to the next', async () => {
    const ending = new AbortController();
    const settings = tinySettings();
    const paths = homePaths({ MINUTEHAND_HOME: folder });
    const log = pino({ level: 'silent' });
    const print = (): void => undefined;
    const first = startTrainer({ settings, paths, log, command: program(HANGS), print, ending: ending.signal });
    const reason = new Error('SIGTERM');
    ending.abort(reason);
    await expect(first).rejects.toBe(reason);
    await start(program(HANGS));
    expect(await ask('GET', '/healthz')).toMatchObject({ status: 200 });
  });
});

describe('the API of the trainer', () => {
  it('accepts POST /retrain, shows the run and its stage, and refuses a second one while it runs', async () => {
    await start(program(HANGS));
    const first = await ask('POST', '/retrain');
    expect(first).toMatchObject({
      status: 202,
      body: { run_id: 1, trigger: REQUESTED, attempt: 1, status: 'running' },
    });
    expect(await ask('POST', '/retrain')).toMatchObject({ status: 409, body: { error: { code: 'RETRAIN_RUNNING' } } });
    await runsWhere(([run]) => run!.stage === 'learning');
    const shown = {
      run_id: 1,
      kind: 'full',
      status: 'running',
      stage: 'learning',
      percent: 35,
      eta_seconds: expect.any(Number) as number,
    };
    expect(await ask('GET', '/runs')).toMatchObject({ status: 200, body: { runs: [shown] } });
    expect(await ask('GET', '/models')).toMatchObject({ status: 200, body: { models: [] } });
    expect(await ask('GET', '/healthz')).toMatchObject({
      status: 200,
      body: { status: 'ok', active_version: null, last_run: shown, channels: { names: [], problems: [] } },
    });
  });

  it('runs `job run` with the job on standard input, and reports the outcome', async () => {
    await start(program(ADOPTS));
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'adopted');
    expect((await ask('GET', '/runs')).body.runs).toMatchObject([
      { model_version: 'job run - --json train true  true', error: null },
    ]);
    // A run that has ended makes way for the next.
    expect((await ask('POST', '/retrain')).status).toBe(202);
    await runsWhere((runs) => runs.length === 2 && runs[0]!.status === 'adopted');
  });

  it('begins the requested kind of run, and has no third', async () => {
    await start(program(ADOPTS));
    expect(await ask('POST', '/retrain?kind=weekly')).toMatchObject({
      status: 400,
      body: { error: { code: 'RETRAIN_KIND', message: expect.stringContaining('kind=weekly') as string } },
    });
    expect((await ask('POST', '/retrain?kind=full&kind=full')).status).toBe(400);
    expect(await ask('POST', '/retrain?kin=full')).toMatchObject({
      status: 400,
      body: { error: { code: 'QUERY_UNKNOWN' } },
    });
    expect(await ask('POST', '/retrain?kind=incremental')).toMatchObject({
      status: 202,
      body: { kind: 'incremental' },
    });
    await runsWhere(([run]) => run!.status === 'adopted');
    expect(trainer!.retrainer.runs()[0]!.model_version).toBe('job run - --json warm_start true  true');
    expect(await ask('POST', '/retrain?kind=full')).toMatchObject({ status: 202, body: { kind: 'full' } });
    await runsWhere(([run]) => run!.status === 'adopted');
    expect(trainer!.retrainer.runs()[0]!.model_version).toBe('job run - --json train true  true');
  });

  it('stops a run on POST /retrain/cancel, which is then not tried again', async () => {
    await start(program(HANGS), { retrain: { retrain_retry_delay_minutes: 0 } });
    expect(await ask('POST', '/retrain/cancel')).toMatchObject({
      status: 409,
      body: { error: { code: 'RETRAIN_IDLE' } },
    });
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.stage === 'learning');
    expect(await ask('POST', '/retrain/cancel')).toMatchObject({ status: 202, body: { run_id: 1 } });
    await runsWhere(([run]) => run!.status === 'stopped');
    expect(trainer!.retrainer.runs()[0]).toMatchObject({ error: null, eta_seconds: null, percent: 35 });
    expect(printed.at(-1)).toBe('Training run 1 was stopped.');
    expect((await ask('POST', '/retrain/cancel')).status).toBe(409);
    expect((await ask('POST', '/retrain')).body).toMatchObject({ run_id: 2, attempt: 1 });
    expect((await ask('GET', '/retrain/cancel')).status).toBe(405);
  });

  it('kills a process that does not end on request', async () => {
    await start(program(`process.on('SIGTERM', () => undefined); ${HANGS}`));
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.stage === 'learning');
    await ask('POST', '/retrain/cancel');
    await runsWhere(([run]) => run!.status === 'stopped');
  });

  it('accepts the result of a process that was done when it was stopped', async () => {
    await start(program(`process.on('SIGTERM', () => { ${ADOPTS} process.exit(); }); ${HANGS}`));
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.stage === 'learning');
    await ask('POST', '/retrain/cancel');
    await runsWhere(([run]) => run!.status === 'adopted');
    expect(trainer!.retrainer.runs()[0]).toMatchObject({ percent: 100, eta_seconds: null });
  });

  it('weights the stages of a run by those of the last run of its kind', async () => {
    await start(program(`${tells('alpha', 1, 2)} ${REJECTS}`));
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'rejected');
    // On a busy machine the start of the program takes long enough to be a stage of its own.
    const alpha = { stage: 'alpha', duration_ms: expect.any(Number) as number };
    const [first] = trainer!.retrainer.runs();
    expect(first).toMatchObject({ percent: 100, eta_seconds: null });
    expect(first!.stages.filter(({ stage }) => stage !== 'starting')).toEqual([alpha]);
    await trainer!.stop();
    const { retrainer } = await start(program(HANGS.replace('learning', 'alpha')));
    // Of the other kind nothing is known of such a stage.
    for (const [kind, percent] of [
      ['incremental', 0],
      ['full', 25],
    ] as const) {
      await ask('POST', `/retrain?kind=${kind}`);
      await runsWhere(([run]) => run!.stage === 'alpha');
      const [run] = retrainer.runs();
      expect(run).toMatchObject({ kind });
      // Greater if the start of the program was recorded as a stage: that stage is complete.
      expect(run!.percent).toBeGreaterThanOrEqual(percent);
      expect(run!.percent === 0).toBe(percent === 0);
      expect(run!.eta_seconds === null).toBe(percent === 0);
      retrainer.cancel('a person');
      await runsWhere(([run]) => run!.status === 'stopped');
    }
  });

  it('reports a bundle that the gates rejected, and does not try again', async () => {
    await start(program(REJECTS), { retrain: { retrain_retry_delay_minutes: 0 } });
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'rejected');
    expect(printed.at(-1)).toBe('Training run 1: models 20260101_0000 rejected: auc 0.5 (at least 0.52).');
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

  it('accepts requests of a local page, without a body or with one that says nothing; what one says would be ignored', async () => {
    await start(program(HANGS));
    const json = { 'content-type': 'application/json', origin: 'http://localhost:5173' };
    expect((await ask('POST', '/retrain', { headers: json })).status).toBe(202);
    expect((await ask('POST', '/retrain', { headers: json, body: '{}' })).status).toBe(409);
    for (const body of ['{not json', 'reason=weekly', '{"kind":"thresholds"}'])
      expect(await ask('POST', '/retrain', { body }), body).toMatchObject({
        status: 400,
        body: { error: { code: 'REQUEST_INVALID' } },
      });
  });

  it('does not answer under a name that is not its own, nor a page of another site, unless that is configured', async () => {
    const statusOf = (host: string, origin: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const headers = { host, ...(origin === '' ? {} : { origin }) };
        const asked = request({ host: '127.0.0.1', port: trainer!.port, path: '/healthz', headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        asked.on('error', reject).end();
      });
    await start(program(ADOPTS), { minutehand: { transports: { trainer: { allowed_hosts: ['trader.example'] } } } });
    expect(await statusOf('evil.example', '')).toBe(403);
    expect(await statusOf('localhost:7401', 'https://evil.example')).toBe(403);
    expect(await statusOf('localhost:7401', '')).toBe(200);
    expect(await statusOf('Trader.example', 'https://trader.example')).toBe(200);
  });

  const outward = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

  it.skipIf(outward === undefined)(
    'takes requests that change something from another address of the network only with the token',
    async () => {
      await start(program(HANGS), { minutehand: { transports: { trainer: { host: '0.0.0.0' } } } }, 'secret');
      const from = async (path: string, method: string, authorization = ''): Promise<HttpReply> => {
        const headers: Record<string, string> = authorization === '' ? {} : { authorization };
        const response = await fetch(`http://${outward}:${trainer!.port}${path}`, { method, headers });
        return { status: response.status, body: (await response.json()) as HttpReply['body'] };
      };
      for (const path of ['/retrain', '/retrain?kind=full', '/retrain/cancel'])
        for (const authorization of ['', 'Bearer wrong', 'secret'])
          expect(await from(path, 'POST', authorization), `${path} ${authorization}`).toMatchObject({
            status: 401,
            body: { error: { code: 'UNAUTHORIZED' } },
          });
      expect(trainer!.retrainer.runs()).toEqual([]);
      for (const path of ['/runs', '/models', '/monitor']) {
        expect((await from(path, 'GET')).status, path).toBe(401);
        expect((await from(path, 'GET', 'bearer secret')).status, path).toBe(200);
      }
      expect((await from('/healthz', 'GET')).status).toBe(200);
      expect((await from('/retrain', 'POST', 'bearer secret')).status).toBe(202);
      expect((await ask('POST', '/retrain/cancel')).status).toBe(202);
    },
  );

  it('answers a request that is not HTTP by JSON with a code', async () => {
    await start(program(ADOPTS));
    for (const sent of ['hello there\r\n\r\n', 'GET /healthz HTTP/1.1\r\n\r\n']) {
      const socket = connect(trainer!.port, '127.0.0.1');
      socket.end(sent);
      const answer = await text(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*content-type: application\/json/i);
      expect(answer).toContain('"code":"HTTP_MALFORMED"');
    }
  });

  it('reports what it does not have', async () => {
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

  it('continues when active.json is damaged, and reports that', async () => {
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
  it('is tried again as often as the policy allows, after its delay', async () => {
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
        trigger: REQUESTED,
        error: 'the training process ended with 1: something odd',
      })),
    );
    expect(printed.filter((line) => line.startsWith('Next attempt'))).toEqual([
      'Next attempt in 0 minutes (1 of 2).',
      'Next attempt in 0 minutes (2 of 2).',
    ]);
  });

  it('waits for its delay, and a run on demand replaces the pending one', async () => {
    await start(program(SAYS_WHY), { retrain: { retrain_retry_delay_minutes: 60, retrain_retry_max: 1 } });
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'failed');
    expect(trainer!.retrainer.runs()[0]!.error).toBe('DATA_TOO_SHORT: Not enough.');
    expect(printed.at(-1)).toBe('Next attempt in 60 minutes (1 of 1).');
    // The attempt that waits keeps its number, 2, until the run on demand begins.
    expect((await ask('POST', '/retrain')).body).toMatchObject({ run_id: 3, attempt: 1 });
  });

  it('includes one whose process was killed by the system, at any reported progress', async () => {
    await start(program(`${tells('learning', 1, 2)} process.kill(process.pid, 'SIGKILL');`), {
      retrain: { retrain_retry_delay_minutes: 60, retrain_retry_max: 1 },
    });
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'failed');
    expect(trainer!.retrainer.runs()[0]!.error).toBe('the training process ended with a signal');
    expect(printed.at(-1)).toBe('Next attempt in 60 minutes (1 of 1).');
  });

  it('is one whose program cannot be started, too', async () => {
    await start([join(folder, 'nowhere')], { retrain: { retrain_retry_max: 0 } });
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'aborted');
    expect(trainer!.retrainer.runs()[0]!.error).toContain('the training process ended with');
  });
});

describe('a run that is aborted', () => {
  it.each([[[]], [[500, 429]]])('is sent to the earlier address of alerts, which first answers %j', async (first) => {
    const statuses = [...first];
    const taken: { channel: string; kind: string; text: string; details: object }[] = [];
    const server = createHttpServer((request, response) => {
      void text(request).then((body) => {
        taken.push(JSON.parse(body) as (typeof taken)[0]);
        response.writeHead(statuses.shift() ?? 200).end();
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    process.env['MINUTEHAND_SLACK_URL'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    try {
      await start(program(FAILS), { retrain: { retrain_retry_delay_minutes: 0, retrain_retry_max: 1 } });
      await ask('POST', '/retrain');
      await runsWhere((runs) => runs.length === 2 && runs[0]!.status === 'aborted');
      const kinds = (): string[] => taken.map(({ kind }) => kind);
      const expected = [...first, 1, 2].length;
      await expect.poll(() => kinds().length, { timeout: WAIT_MS }).toBeGreaterThanOrEqual(expected);
      await expect.poll(kinds, { timeout: WAIT_MS }).toContain('retrain_aborted');
    } finally {
      delete process.env['MINUTEHAND_SLACK_URL'];
      server.close();
    }
    expect(taken.find(({ kind }) => kind === 'retrain_aborted')).toMatchObject({
      channel: '#ml-ops',
      text: expect.stringMatching(
        /^\[CRITICAL\] Training aborted: training run 2 \(full, request\).*\nAborted after 2 attempts/,
      ) as string,
      details: { run_id: 2, attempt: 2, error: expect.stringContaining('something odd') as string },
    });
  });
});

describe('the schedules', () => {
  const EACH_SECOND = '* * * * * *';

  it('begin full runs, and no incremental one while there are no models to warm-start from', async () => {
    await start(program(HANGS), {
      retrain: { retrain_weekly_cron: EACH_SECOND, retrain_incremental_cron: EACH_SECOND },
    });
    expect(printed.filter((line) => line.includes('raining by schedule'))).toEqual([
      expect.stringMatching(/^Retraining by schedule "0 3 1 \* \*" \(UTC\), next at \d{4}-/),
      expect.stringMatching(/^Weekly retraining by schedule/),
      expect.stringMatching(/^Incremental training by schedule/),
    ]);
    await runsWhere(([run]) => run !== undefined);
    expect(trainer!.retrainer.runs()[0]).toMatchObject({ kind: 'full', trigger: scheduled('weekly') });
    await expect
      .poll(() => printed.join('\n'), { timeout: WAIT_MS })
      .toContain('no models to warm-start from. No models yet.');
    await expect
      .poll(() => printed, { timeout: WAIT_MS })
      .toContain('Retraining (weekly schedule) is skipped: a full run is active.');
  });

  it('let the incremental training wait for a run that does not learn what it learns', async () => {
    const { version } = await tinyModels(join(folder, 'models'));
    activate(join(folder, 'models'), version, MACHINE_FILES, trainerMarks({ home: folder }));
    const instruments = ['BTCUSDT@1h'];
    const { retrainer } = await start(program(HANGS), {
      retrain: { retrain_incremental_cron: EACH_SECOND },
      minutehand: { instruments },
    });
    const [parameters] = trainingOfShelf('direction').roundOf(tinySettings({ minutehand: { instruments } }));
    expect(await retrainer.startOrWait({ trigger: REQUESTED, kind: 'direction', parameters })).toBe(true);
    await expect
      .poll(async () => (await retrainer.waiting()).map(({ kind, trigger }) => [kind, trigger]), { timeout: WAIT_MS })
      .toEqual([['incremental', scheduled('incremental')]]);
  });

  it('search rules for each instrument, and tell at the start where the space cannot be searched', async () => {
    const instruments = ['BTCUSDT@1h'];
    await start(program(HANGS), { retrain: { rule_search_cron: EACH_SECOND }, minutehand: { instruments } });
    expect(printed.join('\n')).not.toContain('cannot begin');
    await runsWhere(([run]) => run !== undefined);
    expect(trainer!.retrainer.runs()[0]).toMatchObject({
      kind: 'evolve',
      parameters: { rule_job: { subject: 'BTCUSDT@1h', space: { name: 'hourly' } } },
    });
    await trainer!.stop();
    for (const [rule_search_space, code] of [
      ['missing', 'CONFIG_MISSING'],
      ['pair', 'CONFIG_INVALID'],
    ] as const) {
      printed = [];
      await start(program(HANGS), {
        retrain: { rule_search_cron: EACH_SECOND, rule_search_space },
        minutehand: { instruments },
      });
      expect(printed.join('\n')).toContain(`The search of rules by schedule cannot begin: ${code}: `);
      await expect
        .poll(() => printed.join('\n'), { timeout: WAIT_MS })
        .toContain(`The search of rules is skipped: ${code}: `);
      await trainer!.stop();
    }
  });

  it('have a canceled job when a person ends them, and no killed one', async () => {
    const { retrainer } = await start(program(HANGS));
    await retrainer.request({ trigger: REQUESTED });
    await runsWhere(([run]) => run!.stage === 'learning');
    const paths = homePaths({ MINUTEHAND_HOME: folder });
    const store = await openStore(storeUrl({}, paths));
    const records = new JobRecords(store, { market: 'simulated', host: jobHost(paths), clock: MACHINE_CLOCK });
    const id = await records.queue({
      job: SCAN_JOB,
      requestedBy: 'trainer',
      cores: 1,
      origin: `run:${retrainer.runs()[0]!.run_id}`,
    });
    await records.start(id, markOf(process.pid));
    retrainer.cancel('a person');
    await runsWhere(([run]) => run!.status === 'stopped');
    expect(await records.end(id, { status: 'killed', error: 'its process has ended without a result' })).toBe(
      'canceled',
    );
    expect(await records.find(id)).toMatchObject({ cancel_by: 'a person', error: null });
    await store.close();
  });

  it('let a full run wait for an incremental one that is in progress', async () => {
    const { retrainer } = await start(program(HANGS));
    await retrainer.startOrWait({ trigger: scheduled('incremental'), kind: 'incremental' });
    expect(await retrainer.startOrWait({ trigger: scheduled() })).toBe(true);
    expect(retrainer.runs()).toHaveLength(1);
    await runsWhere(([run]) => run!.stage === 'learning');
    retrainer.cancel('a person');
    await runsWhere((runs) => runs.length === 2);
    expect(retrainer.runs()).toMatchObject([
      { kind: 'full', trigger: scheduled(), attempt: 1 },
      { kind: 'incremental', status: 'stopped' },
    ]);
    expect(await retrainer.startOrWait({ trigger: scheduled('weekly') })).toBe(false);
  });
});

describe('first models', () => {
  it('are learned without a search, so that the first signal is published soon', async () => {
    const { retrainer } = await start(program(ADOPTS));
    await retrainer.startOrWait({ trigger: FIRST_MODELS });
    await runsWhere(([run]) => run!.status === 'adopted');
    expect(retrainer.runs()[0]!.model_version).toBe('job run - --json train true 0 true');
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

  it('has the start of a run, each stage with its duration, and the end with its result', async () => {
    const stages = [0, 1, 2].map((done) => tells('learning', done, 2)).join('');
    await start(program(`${tells('reading bars', 1, 1)} ${stages} ${REJECTS}`), logged);
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'rejected');
    const common = { level: 30, process: 'train', time: expect.any(String) as string, run_id: 1 };
    const duration_ms = expect.any(Number) as number;
    // On a busy machine the start of the program takes long enough to be a stage of its own.
    expect((await lines()).filter(({ stage }) => stage !== 'starting')).toEqual([
      { ...common, kind: 'full', trigger: REQUESTED, attempt: 1, msg: 'run began' },
      { ...common, stage: 'reading bars', duration_ms, msg: 'stage ended' },
      { ...common, stage: 'learning', duration_ms, msg: 'stage ended' },
      {
        ...common,
        kind: 'full',
        trigger: REQUESTED,
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
    await runsWhere(([run]) => run!.stage === 'learning');
    expect((await lines()).slice(-2)).toMatchObject([
      { stage: 'learning', msg: 'stage ended' },
      { level: 30, status: 'stopped', error: null },
    ]);
  });

  it('is not created at level silent', async () => {
    await start(program(ADOPTS), { minutehand: { log: { level: 'silent' } } });
    await ask('POST', '/retrain');
    await runsWhere(([run]) => run!.status === 'adopted');
    await trainer!.stop();
    trainer = null;
    expect(existsSync(join(folder, 'log'))).toBe(false);
  });
});

describe('starting and stopping the trainer', () => {
  it('stop ends a run that is in progress, and its process', async () => {
    const running = await start(
      program(
        `process.stderr.write(JSON.stringify({ progress: { stage: String(process.pid), share: 0 } }) + '\\n'); setInterval(() => undefined, 1000);`,
      ),
    );
    await ask('POST', '/retrain');
    await runsWhere(([run]) => /^\d+$/.test(run!.stage));
    const [run] = running.retrainer.runs();
    await running.stop();
    trainer = null;
    expect(run).toMatchObject({ status: 'stopped', error: null });
    expect(() => process.kill(Number(run!.stage), 0)).toThrow();
    expect(await running.retrainer.startOrWait({ trigger: REQUESTED })).toBe(false);
    expect(printed.filter((line) => line.startsWith('Next attempt'))).toEqual([]);
  });

  it('is done by one process per home: a second one is refused, the lock is free after the first', async () => {
    const first = await start(program(ADOPTS));
    await expect(start(program(ADOPTS))).rejects.toMatchObject({ code: 'HOME_LOCKED' });
    await first.stop();
    await start(program(ADOPTS));
    expect((await ask('GET', '/healthz')).status).toBe(200);
  });

  it('reports a port that is taken or an address that cannot be bound, and releases the home', async () => {
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
