import { afterEach, describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { LEARNER_PROGRAM } from '../../../../shared/policy/environment.ts';
import { ELEMENT_FLOAT32, encodeModel } from '../../../../shared/bundle/onnx/schema.ts';
import { createRng } from '../../../../shared/rng.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import type { Task } from '../contract/task.ts';
import { onOneSidedEpoch } from './one_sided_epochs.ts';
import { PROGRAM } from './program.ts';

const ROWS = 300;
const NAMES = ['z_score', 'beta'];
const CLASSES = 3;
const FIXTURE = join(import.meta.dirname, 'logistic_program.fixture.mjs');
const PARAMETERS = {
  rounds: 5,
  learning_rate: 0.1,
  leaves: 7,
  min_data_in_leaf: 10,
  l2: 1,
  row_fraction: 0.8,
  column_fraction: 0.8,
};

afterEach(() => delete process.env[LEARNER_PROGRAM]);

function rowsOf(): FitRows {
  const rng = createRng('classes of a program');
  const values = Float32Array.from({ length: ROWS * NAMES.length }, () => rng.normal());
  const y = Float64Array.from({ length: ROWS }, (_, row) => {
    const first = values[row * NAMES.length]!;
    return first > 0.5 ? 0 : first < -0.5 ? 1 : 2;
  });
  const time = Float64Array.from({ length: ROWS }, (_, row) => 60 * row);
  return {
    x: { rows: ROWS, columns: NAMES.length, values },
    y,
    time,
    labelEnd: time.map((at) => at + 60),
    weights: y.map(() => 1),
  };
}

const TASK: Task = { kind: 'multiclass', classes: CLASSES };

function fit(command: readonly string[], { task = TASK, rows = rowsOf() } = {}) {
  process.env[LEARNER_PROGRAM] = JSON.stringify(command);
  return PROGRAM.open({ parameters: PARAMETERS, columnNames: NAMES }).fit({
    task,
    rows,
    subset: Int32Array.from(rows.y.keys()),
    columns: null,
    budget: { kind: 'fixed', iterations: 5 },
    seed: 'a',
    continueFrom: null,
  });
}

/** A program in JavaScript that greets like this. @param body is given `line`, `request` and `print` */
function programThat(hello: object, body: string): string[] {
  return [
    process.execPath,
    '-e',
    `console.log(${JSON.stringify(JSON.stringify(hello))});
     require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
       const request = JSON.parse(line);
       const print = (more) => console.log(JSON.stringify({ id: request.id, ...more }));
       ${body}
     });`,
  ];
}

const OF_CLASSES = { minutehand_learner: 2, name: 'a test of classes', tasks: ['multiclass'] };
const OLDER = { minutehand_learner: 1, name: 'an older program' };

/** The answer of the fixture, changed by this code. */
const changed = (hello: object, change: string): string[] =>
  programThat(
    hello,
    `const child = require('node:child_process').spawnSync(process.execPath, [${JSON.stringify(FIXTURE)}], {
       input: line + '\\n', encoding: 'utf8',
     });
     const done = JSON.parse(child.stdout.trim().split('\\n').at(-1));
     ${change}
     print(done);`,
  );

/** Texts of one-sided epochs of a fit. */
async function toldOf(learning: () => Promise<unknown>): Promise<string[]> {
  const told: string[] = [];
  const end = onOneSidedEpoch((text) => told.push(text));
  try {
    await learning();
    return told;
  } finally {
    end();
  }
}

describe('epochs that call one side in more than 70 % of the rows', () => {
  it('are told as they happen, once until another epoch does not', async () => {
    const shares = [
      [0.7, 0.2, 0.1],
      [0.8, 0.1, 0.1],
      [0.9, 0, 0.1],
      [0.1, 0.1, 0.8],
      [0.1, 0.9, 0],
    ];
    const epochs = shares.map((class_shares, i) => ({ progress: (i + 1) / 5, epoch: { class_shares } }));
    const program = changed(OF_CLASSES, `for (const epoch of ${JSON.stringify(epochs)}) print(epoch);`);
    expect(await toldOf(() => fit(program))).toEqual([
      'program at 40 % of a fit calls up in 80 % of the watched rows (more than 70 %).',
      'program at 100 % of a fit calls down in 90 % of the watched rows (more than 70 %).',
    ]);
  });

  it('are those of one probability too, on either side', async () => {
    const rows = rowsOf();
    const binary = { task: { kind: 'binary' } as const, rows: { ...rows, y: rows.y.map((k) => (k === 0 ? 1 : 0)) } };
    const epochs = [0.31, 0.29, 0.5, 0.71].map((positive_share) => ({ progress: 0.5, epoch: { positive_share } }));
    const hello = { ...OF_CLASSES, tasks: ['binary'] };
    const program = changed(hello, `for (const epoch of ${JSON.stringify(epochs)}) print(epoch);`);
    expect(await toldOf(() => fit(program, binary))).toEqual([
      expect.stringContaining('calls negative in 71 %'),
      expect.stringContaining('calls positive in 71 %'),
    ]);
  });
});

describe('a learner program of several classes', () => {
  it('is told their number, and its model answers a probability of each', async () => {
    const asked = programThat(OF_CLASSES, 'print({ error: "|" + request.task + " of " + request.classes + "|" });');
    await expect(fit(asked)).rejects.toMatchObject({
      code: 'LEARNER_FAILED',
      seen: expect.stringContaining('|multiclass of 3|') as string,
    });
    const rows = rowsOf();
    const fitted = await fit([process.execPath, FIXTURE]);
    expect([fitted.link, fitted.width, fitted.iterations]).toEqual(['softmax', CLASSES, 5]);
    expect(fitted.epochs).toBeUndefined();
    expect(fitted.classEpochs).toHaveLength(5);
    const p = fitted.exactAnswers(rows.x);
    const likeliest = Array.from(rows.y, (_, row) => {
      const own = [...p.subarray(row * CLASSES, (row + 1) * CLASSES)];
      return own.indexOf(Math.max(...own));
    });
    expect(likeliest.filter((label, row) => label === rows.y[row]).length / ROWS).toBeGreaterThan(0.8);
  });

  it('must answer as its ONNX model does, a number for each class of each row', async () => {
    await expect(fit(changed(OF_CLASSES, 'done.probabilities[3 * 7 + 1] += 2e-5;'))).rejects.toMatchObject({
      code: 'LEARNER_FAILED',
      seen: expect.stringContaining('row 7, class 1') as string,
    });
    await expect(
      fit(changed(OF_CLASSES, 'done.probabilities = done.probabilities.filter((_, i) => i % 3 !== 0);')),
    ).rejects.toMatchObject({ code: 'LEARNER_FAILED', expected: expect.stringContaining('3 for each') as string });
    await expect(fit(changed(OF_CLASSES, 'done.class_epochs[0].class_shares.pop();'))).rejects.toMatchObject({
      code: 'LEARNER_FAILED',
      seen: expect.stringContaining('2 class_shares') as string,
    });
  });

  it('must answer shares of one: a model that ends with sigmoids does not', async () => {
    const value = (name: string) => ({
      name,
      type: { tensor: { elementType: ELEMENT_FLOAT32, shape: { dimensions: [{ symbol: 'N' }, { size: 2 }] } } },
    });
    const sigmoids = encodeModel({
      irVersion: 8,
      producerName: 'test',
      graph: {
        name: 'sigmoids',
        nodes: [{ name: 'sigmoid', operator: 'Sigmoid', inputs: ['X'], outputs: ['p'] }],
        inputs: [value('X')],
        outputs: [value('p')],
      },
      opsets: [{ domain: '', version: 15 }],
      metadata: [],
    });
    const rows = rowsOf();
    const two = { ...rows, y: rows.y.map((label) => Number(label > 0)) };
    const writes = `require('node:fs').writeFileSync(request.model, Buffer.from('${Buffer.from(sigmoids).toString('hex')}', 'hex'));
      print({ done: true, probabilities: new Array(2 * request.check_rows).fill(0.5) });`;
    const task: Task = { kind: 'multiclass', classes: 2 };
    await expect(fit(programThat(OF_CLASSES, writes), { task, rows: two })).rejects.toMatchObject({
      code: 'LEARNER_FAILED',
      seen: expect.stringMatching(/row 0: .*whose sum is/) as string,
      next: expect.stringContaining('softmax') as string,
    });
  });

  it('that does not name the task is not asked: the refusal has its name and what to do, and it goes on', async () => {
    for (const hello of [OLDER, { minutehand_learner: 2, name: 'an older program', tasks: ['binary'] }]) {
      const program = changed(hello, '');
      await expect(fit(program)).rejects.toMatchObject({
        code: 'LEARNER_TASK',
        seen: expect.stringContaining('an older program, multiclass') as string,
        next: expect.stringContaining('"tasks": ["binary","multiclass"]') as string,
      });
      const rows = rowsOf();
      const binary = { ...rows, y: rows.y.map((label) => (label === 0 ? 1 : 0)) };
      expect((await fit(program, { task: { kind: 'binary' }, rows: binary })).link).toBe('sigmoid');
    }
    await expect(fit(changed(OF_CLASSES, ''), { task: { kind: 'binary' } })).rejects.toMatchObject({
      code: 'LEARNER_TASK',
      seen: expect.stringContaining('a test of classes, binary') as string,
    });
  });

  it('that greets without tasks, or with others, breaks the protocol', async () => {
    for (const hello of [
      { minutehand_learner: 2, name: 'a test' },
      { minutehand_learner: 2, name: 'a test', tasks: [] },
      { minutehand_learner: 2, name: 'a test', tasks: ['ranking'] },
      { minutehand_learner: 3, name: 'a test', tasks: ['binary'] },
    ])
      await expect(fit(programThat(hello, ''))).rejects.toMatchObject({
        code: 'LEARNER_FAILED',
        seen: expect.stringContaining('began with') as string,
      });
  });

  it('gets no target that is no class, and no focal loss', async () => {
    const rows = rowsOf();
    rows.y[9] = 3;
    await expect(fit([process.execPath, FIXTURE], { rows })).rejects.toThrow(RangeError);
    const task: Task = { kind: 'multiclass', classes: CLASSES, focal: { gamma: 2, alpha: 1 } };
    await expect(fit([process.execPath, FIXTURE], { task })).rejects.toMatchObject({ code: 'LEARNER_TASK' });
  });
});
