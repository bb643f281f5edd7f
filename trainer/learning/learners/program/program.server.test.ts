import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { onnxAnswers } from '../../../../shared/bundle/onnx/answers.ts';
import {
  LEARNER_HOURS,
  LEARNER_MEMORY,
  LEARNER_NETWORK,
  LEARNER_PROGRAM,
} from '../../../../shared/policy/environment.ts';
import { packageRoot } from '../../../../shared/root.ts';
import { createRng } from '../../../../shared/rng.ts';
import { pythonNote, TEST_PYTHON } from '../../../../test/python.ts';
import { skipNote } from '../../../../test/skip_note.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import { fitAllRows } from '../contract/learner.ts';
import { PROGRAM, programCommand } from './program.ts';
import { programLimits } from './limits.ts';
import { networkCut } from './network.ts';

const PARAMETERS = {
  rounds: 5,
  learning_rate: 0.1,
  leaves: 7,
  min_data_in_leaf: 10,
  l2: 1,
  row_fraction: 0.8,
  column_fraction: 0.8,
};
const ROWS = 600;
const NAMES = ['z_score', 'beta', 'half_life'];
const FIXTURE = join(import.meta.dirname, 'logistic_program.fixture.mjs');

afterEach(() => delete process.env[LEARNER_PROGRAM]);

function rowsOf(seed: string): FitRows {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: ROWS * NAMES.length }, () => (rng.uniform() < 0.05 ? NaN : rng.normal()));
  const y = Float64Array.from({ length: ROWS }, (_, row) => {
    const first = values[row * NAMES.length]!;
    return (Number.isNaN(first) ? 0 : first) + rng.normal() > 0 ? 1 : 0;
  });
  const time = Float64Array.from({ length: ROWS }, (_, row) => 1_546_819_200 + 300 * row);
  return {
    x: { rows: ROWS, columns: NAMES.length, values },
    y,
    time,
    labelEnd: time.map((at) => at + 600),
    weights: y.map(() => 1),
  };
}

function fit(command: readonly string[], rows = rowsOf('program')) {
  process.env[LEARNER_PROGRAM] = JSON.stringify(command);
  return fitAllRows(PROGRAM.open({ parameters: PARAMETERS, columnNames: NAMES }), {
    task: { kind: 'binary' },
    rows,
    subset: Int32Array.from(rows.y.keys()),
    columns: null,
    seed: 'program',
    continueFrom: null,
  });
}

/** Whether a process is there, and not only its end that nobody has read. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A program that greets and then does this with each line. */
function programThat(body: string, hello = '{"minutehand_learner": 1, "name": "a test"}'): string[] {
  return [
    process.execPath,
    '-e',
    `const { readFileSync, writeFileSync } = require('node:fs');
     console.log(${JSON.stringify(hello)});
     require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
       const request = JSON.parse(line);
       const print = (more) => console.log(JSON.stringify({ id: request.id, ...more }));
       ${body}
     });`,
  ];
}

describe('a learner program', () => {
  it('that breaks the protocol, ends, or fails is an error that says so, with what it printed on stderr', async () => {
    const failed = { code: 'LEARNER_FAILED' };
    await expect(fit([process.execPath, '-e', 'console.log("hello")'])).rejects.toMatchObject({
      ...failed,
      seen: expect.stringContaining('began with "hello"') as string,
    });
    await expect(fit(programThat('console.log("epoch 1");'))).rejects.toMatchObject({
      ...failed,
      seen: expect.stringContaining('printed "epoch 1"') as string,
      expected: expect.stringContaining('stderr') as string,
    });
    await expect(
      fit(programThat('console.error("no GPU"); process.exitCode = 3; process.exit();')),
    ).rejects.toMatchObject({
      ...failed,
      seen: expect.stringMatching(/ended with code 3.*no GPU/) as string,
    });
    await expect(fit(programThat('print({ error: "singular matrix" });'))).rejects.toMatchObject({
      ...failed,
      seen: expect.stringContaining('singular matrix') as string,
    });
    await expect(fit(programThat('print({ done: true, probabilities: [] });'))).rejects.toMatchObject({
      ...failed,
      seen: expect.stringContaining('wrote no model') as string,
    });
    await expect(
      fit(programThat('console.log(JSON.stringify({ id: request.id + 1, error: "late" }));')),
    ).rejects.toMatchObject({
      ...failed,
      seen: expect.stringContaining('"late') as string,
      expected: expect.stringContaining('answers to the request') as string,
    });
    await expect(
      fit(programThat('writeFileSync(request.model, "junk"); print({ done: true, probabilities: [] });')),
    ).rejects.toMatchObject({ code: 'MODEL_LOAD' });
  });

  it('serves the next fit after it has failed one, and leaves no files', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'minutehand-program-test-'));
    vi.stubEnv('TMPDIR', temporary);
    try {
      await expect(fit(programThat('process.exit(1);'))).rejects.toMatchObject({ code: 'LEARNER_FAILED' });
      expect((await fit([process.execPath, FIXTURE])).iterations).toBe(PARAMETERS.rounds);
      expect(readdirSync(temporary)).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      rmSync(temporary, { recursive: true });
    }
  });

  it.skipIf(process.platform === 'win32')(
    'that offers what never ends is an error: a pipe, a device, an endless line',
    { timeout: 60_000 },
    async () => {
      const answer = 'print({ done: true, probabilities: [] });';
      const shell = (command: string) =>
        programThat(`require('node:child_process').execSync(${JSON.stringify(command)} + request.model); ${answer}`);
      for (const command of ['mkfifo ', 'ln -s /dev/zero ', 'truncate -s 300M '])
        await expect(fit(shell(command))).rejects.toMatchObject({
          code: 'LEARNER_FAILED',
          seen: expect.stringMatching(/a test wrote (no model|a model of 314572800 bytes)/) as string,
        });
      const endless = programThat(
        'const go = () => { while (process.stdout.write("x".repeat(1 << 20))); process.stdout.once("drain", go); }; go();',
      );
      await expect(fit(endless)).rejects.toMatchObject({
        code: 'LEARNER_FAILED',
        seen: expect.stringContaining('a line of more than 16777216 characters') as string,
      });
    },
  );

  it.skipIf(process.platform === 'win32')('is ended with all that it has started', async () => {
    const pidFile = join(mkdtempSync(join(tmpdir(), 'minutehand-learner-child-')), 'pid');
    const parent = programThat(
      `const child = require('node:child_process').spawn('sleep', ['600'], { stdio: 'ignore' });
       writeFileSync(${JSON.stringify(pidFile)}, String(child.pid)); print({ error: 'no' }); console.log('junk');`,
    );
    await expect(fit(parent)).rejects.toMatchObject({ code: 'LEARNER_FAILED' });
    const pid = Number(readFileSync(pidFile, 'utf8'));
    rmSync(dirname(pidFile), { recursive: true });
    await expect
      .poll(() => existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
      .not.toContain('sleep');
  });

  it.skipIf(process.platform !== 'linux')(
    'ends with this process, also by a signal, with all it has started',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'minutehand-stubborn-'));
      const started = join(folder, 'started');
      // Hears neither SIGTERM nor the end of its standard input.
      const stubborn = programThat(
        `const child = require('node:child_process').spawn('sleep', ['600'], { stdio: 'ignore' });
       writeFileSync(${JSON.stringify(started)}, process.pid + ' ' + child.pid);
       for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);`,
      );
      const fitting = `import { ProgramProcess } from ${JSON.stringify(join(packageRoot(), 'dist/trainer/learning/learners/program/program_process.js'))};
       new ProgramProcess(${JSON.stringify(stubborn)}, { hours: 1, memoryMb: 4000, network: true })
         .fit({ id: 1, task: 'binary' }, {});`;
      try {
        for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
          const fitter = spawn(process.execPath, ['--input-type=module', '-e', fitting], { stdio: 'ignore' });
          await vi.waitFor(() => expect(readFileSync(started, 'utf8')).toMatch(/\d+ \d+/), 30_000);
          const processes = readFileSync(started, 'utf8').split(' ').map(Number);
          expect(processes.every(runs)).toBe(true);
          fitter.kill(signal);
          await vi.waitFor(() => expect(processes.filter(runs)).toEqual([]), 20_000);
          rmSync(started);
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  it('must answer as its ONNX model does', async () => {
    const rows = rowsOf('program');
    const shifted = { ...rows, x: { ...rows.x, values: rows.x.values.map((value) => value + 1) } };
    const right = await fit([process.execPath, FIXTURE]);
    expect(right.answers(rows.x)).not.toEqual(right.answers(shifted.x));
    /** The fixture's answer, changed by this code. */
    const lying = (change: string): string[] =>
      programThat(`
      const child = require('node:child_process').spawnSync(process.execPath, [${JSON.stringify(FIXTURE)}], {
        input: line + '\\n', encoding: 'utf8',
      });
      const done = JSON.parse(child.stdout.trim().split('\\n').at(-1));
      ${change}
      print(done);`);
    for (const off of ['0.01', '-2e-5', 'NaN'])
      await expect(
        fit(lying(`done.probabilities[7] = Number(done.probabilities[7]) + ${off};`), rows),
      ).rejects.toMatchObject({
        code: 'LEARNER_FAILED',
      });
    await expect(fit(lying('done.probabilities[7] += 0.01;'), rows)).rejects.toMatchObject({
      seen: expect.stringContaining('row 7') as string,
    });
    await expect(fit(lying('done.probabilities.pop();'), rows)).rejects.toMatchObject({
      seen: expect.stringContaining('probabilities') as string,
    });
    // Rounded to float32 on the way, as many programs do.
    expect((await fit(lying('done.probabilities = done.probabilities.map(Math.fround);'), rows)).iterations).toBe(
      PARAMETERS.rounds,
    );
  });

  it('is asked for a length of its own first, and for that length on all rows then', async () => {
    const asked = programThat(`
      if (request.iterations !== null) print({ error: 'asked for ' + request.iterations });
      else {
        const child = require('node:child_process').spawnSync(process.execPath, [${JSON.stringify(FIXTURE)}], {
          input: line + '\\n', encoding: 'utf8',
        });
        print({ ...JSON.parse(child.stdout.trim().split('\\n').at(-1)), iterations: 3 });
      }`);
    await expect(fit(asked)).rejects.toMatchObject({ seen: expect.stringContaining('asked for 3') as string });
  });

  it('gets no secrets of this process, by their names or by their form', async () => {
    // A value that occurs nowhere else in the environment of a test run.
    const PLANTED = 'Zq7planted';
    const secrets = {
      MINUTEHAND_DATABASE_URL: `postgres://${PLANTED}`,
      SOME_PASSWORD: PLANTED,
      DB_PASS: PLANTED,
      GITHUB_PAT: `ghp_${PLANTED.repeat(5)}`,
      DATABASE_URL: `postgres://user:${PLANTED}@127.0.0.1/db`,
      REDIS_URL: `redis://:${PLANTED}@127.0.0.1`,
      CELERY: `--broker=amqp://guest:${PLANTED}@host`,
      SENTRY_DSN_TOKENS: PLANTED,
      ALERTS: `https://hooks.slack.com/services/${PLANTED}`,
      SIGNING: `-----BEGIN PRIVATE KEY-----\\n${PLANTED}\\n-----END PRIVATE KEY-----`,
    };
    for (const [name, value] of Object.entries(secrets)) vi.stubEnv(name, value);
    for (const name of ['CUDA_VISIBLE_DEVICES', 'TOKENIZERS_PARALLELISM', 'PWD']) vi.stubEnv(name, '1');
    try {
      const printing = programThat('print({ error: JSON.stringify(process.env) });');
      const failure = (await fit(printing).catch((error: unknown) => error)) as { readonly seen: string };
      for (const name of ['PATH', 'CUDA_VISIBLE_DEVICES', 'TOKENIZERS_PARALLELISM', 'PWD'])
        expect(failure.seen).toContain(name);
      expect(failure.seen).not.toContain(PLANTED);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  const isLinux = process.platform === 'linux';
  const memoryNote = skipNote(!isLinux, 'only Linux tells the memory of another process');
  it.skipIf(!isLinux)(`is ended beyond its memory, which the error names${memoryNote}`, async () => {
    vi.stubEnv(LEARNER_MEMORY, '300');
    try {
      const hungry = programThat('globalThis.kept = Buffer.alloc(500 * 2 ** 20, 1); setInterval(() => {}, 1000);');
      await expect(fit(hungry)).rejects.toMatchObject({
        code: 'LEARNER_MEMORY',
        expected: 'at most 300 MB',
        next: expect.stringContaining(LEARNER_MEMORY) as string,
      });
      expect((await fit([process.execPath, FIXTURE])).iterations).toBe(PARAMETERS.rounds);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('is ended when a fit takes longer than its limit, though it reports progress', async () => {
    vi.stubEnv(LEARNER_HOURS, '0.0001');
    try {
      const slow = programThat('setInterval(() => print({ progress: 0.5 }), 50);');
      await expect(fit(slow)).rejects.toMatchObject({
        code: 'LEARNER_FAILED',
        seen: expect.stringContaining('0.0001 hours') as string,
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  const networkNote = skipNote(networkCut() === null, 'this machine allows no network namespaces');
  it.skipIf(networkNote !== '')(`has no network unless the environment allows it${networkNote}`, async () => {
    const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const calling = programThat(`
      require('node:net').connect(${port}, '127.0.0.1')
        .on('connect', () => print({ error: 'reached' }))
        .on('error', ({ code }) => print({ error: code }));`);
    try {
      await expect(fit(calling)).rejects.toMatchObject({ seen: expect.stringMatching(/: E[A-Z]+$/) as string });
      vi.stubEnv(LEARNER_NETWORK, 'on');
      await expect(fit(calling)).rejects.toMatchObject({ seen: expect.stringMatching(/: reached$/) as string });
    } finally {
      vi.unstubAllEnvs();
      server.close();
    }
  });

  it('has limits of the environment, which must be numbers', () => {
    expect(programLimits({})).toMatchObject({ hours: 24, network: false });
    expect(programLimits({ [LEARNER_MEMORY]: '2000', [LEARNER_HOURS]: '0.5', [LEARNER_NETWORK]: 'on' })).toEqual({
      memoryMb: 2000,
      hours: 0.5,
      network: true,
    });
    for (const wrong of [
      { [LEARNER_MEMORY]: '8 GB' },
      { [LEARNER_HOURS]: '0' },
      { [LEARNER_HOURS]: '-1' },
      { [LEARNER_NETWORK]: 'yes' },
    ])
      expect(() => programLimits(wrong)).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
  });

  it('is named by the environment alone', () => {
    expect(() => programCommand({})).toThrow(expect.objectContaining({ code: 'LEARNER_MISSING' }) as Error);
    for (const text of ['[', '[1]', '[]', '["", "x"]', '/nowhere/learner'])
      expect(() => programCommand({ [LEARNER_PROGRAM]: text })).toThrow(
        expect.objectContaining({ code: 'LEARNER_MISSING' }) as Error,
      );
    expect(programCommand({ [LEARNER_PROGRAM]: process.execPath })).toEqual([process.execPath]);
    expect(programCommand({ [LEARNER_PROGRAM]: '["python3", "my learner.py"]' })).toEqual(['python3', 'my learner.py']);
  });
});

const note = pythonNote('numpy', 'onnx', 'pyarrow', 'sklearn');

it.skipIf(note !== '')(`the example in Python learns, and its model answers alike in onnxruntime${note}`, async () => {
  const rows = rowsOf('python');
  const model = await fit([TEST_PYTHON, join(packageRoot(), 'examples/learners/sklearn_mlp.py')], rows);
  const fresh = rowsOf('fresh');
  const answers = model.withMargins({ slope: [0.8], intercept: [0.1] });
  const served = await onnxAnswers(answers.toOnnx({ metadata: {} }), fresh.x);
  const exact = answers.exactAnswers(fresh.x);
  served.values.forEach((value, row) => expect(Math.abs(value - exact[row]!)).toBeLessThan(1e-5));
  const own = model.answers(fresh.x);
  const right = own.filter((p, row) => p > 0.5 === (fresh.y[row] === 1)).length;
  expect(right / ROWS).toBeGreaterThan(0.65);
});

/** In place of the package: its interface, and a nearest-neighbor vote. It refuses more rows than it may be given. */
const TABPFN_STAND_IN = `import numpy as np

class TabPFNClassifier:
    def __init__(self, device, random_state):
        assert device == "cpu" and random_state >= 0

    def fit(self, x, y):
        assert len(x) <= 1000 and set(np.unique(y)) == {0, 1}
        self.classes_ = np.array([0, 1])
        self.x, self.y = np.nan_to_num(x), y

    def predict_proba(self, x):
        assert len(x) <= 2048
        distances = ((np.nan_to_num(x)[:, None, :] - self.x[None]) ** 2).sum(axis=2)
        positive = self.y[np.argsort(distances, axis=1)[:, :25]].mean(axis=1)
        return np.column_stack([1 - positive, positive])
`;

it.skipIf(note !== '')(`the example with TabPFN teaches a network its answers${note}`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-tabpfn-'));
  try {
    mkdirSync(join(folder, 'tabpfn'));
    mkdirSync(join(folder, 'tabpfn-0.0.1.dist-info'));
    writeFileSync(join(folder, 'tabpfn', '__init__.py'), TABPFN_STAND_IN);
    writeFileSync(
      join(folder, 'tabpfn-0.0.1.dist-info', 'METADATA'),
      'Metadata-Version: 2.1\nName: tabpfn\nVersion: 0.0.1\n',
    );
    const examples = join(packageRoot(), 'examples/learners');
    const paths = JSON.stringify([examples, folder]);
    const program = JSON.stringify(join(examples, 'tabpfn_student.py'));
    const run = `import runpy, sys; sys.path[:0] = ${paths}; runpy.run_path(${program}, run_name="__main__")`;
    const model = await fit([TEST_PYTHON, '-c', run], rowsOf('taught'));
    const fresh = rowsOf('fresh');
    const right = model.answers(fresh.x).filter((p, row) => p > 0.5 === (fresh.y[row] === 1)).length;
    expect(right / ROWS).toBeGreaterThan(0.65);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
