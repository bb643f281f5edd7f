import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeFacts } from '../shared/bundle/onnx/model_facts.ts';
import { decodeTreeModel } from '../shared/bundle/onnx/tree_graph.ts';
import { predictModel } from '../shared/bundle/onnx/tree_ensemble.ts';
import { InferenceSession, Tensor } from '../shared/bundle/onnxruntime.ts';
import { sigmoid } from '../shared/elementary.ts';
import { createRng } from '../shared/rng.ts';
import { auc } from '../trainer/learning/measures/metrics.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const COLUMNS = ['x0', 'x1', 'x2', 'x3', 'x4'] as const;

/** Features with ties, missing and infinite values, and the signal behind the labels. */
interface Drawn {
  readonly features: number[][];
  /** Log-odds of the positive class; for regression, the mean of the value. */
  readonly signal: number[];
  readonly uniform: number[];
  readonly normal: number[];
}

function draw(rows: number, seed: string): Drawn {
  const rng = createRng(seed);
  const drawn: Drawn = { features: [], signal: [], uniform: [], normal: [] };
  for (let row = 0; row < rows; row++) {
    const x = COLUMNS.map(() => (rng.uniform() < 0.5 ? rng.integer(7) - 3 : rng.normal()));
    const signal = 1.2 * x[0]! - Math.abs(x[1]!) + (x[2]! > 0 ? 1 : -0.5) * x[3]!;
    // Missing and infinite values appear in a column that carries no signal.
    x[4] = [NaN, Infinity, -Infinity][rng.integer(20)] ?? x[4]!;
    drawn.features.push(x);
    drawn.signal.push(signal);
    drawn.uniform.push(rng.uniform());
    drawn.normal.push(rng.normal());
  }
  return drawn;
}

const cellOf = (value: number | string): string => {
  if (typeof value === 'string') return value.includes(',') ? `"${value}"` : value;
  return Number.isNaN(value) ? '' : String(value).replace('Infinity', 'inf');
};

function csv(
  drawn: Drawn,
  labels: readonly (number | string)[],
  more: Record<string, (number | string)[]> = {},
): string {
  const lines = [[...COLUMNS, ...Object.keys(more), 'y'].join()];
  drawn.features.forEach((x, row) => {
    lines.push([...x, ...Object.values(more).map((column) => column[row]!), labels[row]!].map(cellOf).join());
  });
  return `${lines.join('\n')}\n`;
}

const train = draw(4000, 'train');
const test = draw(1500, 'test');
const valid = draw(1500, 'valid');
const binary = ({ signal, uniform }: Drawn): number[] => signal.map((s, row) => (uniform[row]! < sigmoid(s) ? 1 : 0));
const value = ({ signal, normal }: Drawn): number[] => signal.map((s, row) => 1e6 + 100 * (s + normal[row]!));
const color = ({ signal, normal }: Drawn): string[] =>
  signal.map((s, row) => (s + normal[row]! < -1 ? 'red' : s + normal[row]! < 1 ? 'green, light' : 'blue'));

let place: Workplace;
const at = (name: string): string => join(place.folder, name);
beforeAll(() => {
  place = createWorkplace();
  for (const [name, labels] of Object.entries({ binary, value, color }))
    for (const [part, drawn] of Object.entries({ train, test, valid }))
      writeFileSync(at(`${name}_${part}.csv`), csv(drawn, labels(drawn)));
});
afterAll(() => place.remove());

interface FitDocument {
  readonly [key: string]: unknown;
  readonly rounds: number;
  readonly sha256: string;
}

async function fit(...args: string[]): Promise<FitDocument> {
  const { code, stdout, stderr } = await place.run(['fit', ...args, '--json']);
  expect(code, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as FitDocument;
}

async function refusals(...commands: string[][]) {
  const all = await place.runEach(commands.map((args) => ['fit', ...args, '--json']));
  return all.map(({ code, stdout, stderr }) => {
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string; next: string } };
    expect(stderr).toContain(error.message);
    const message = error.message.replaceAll(`${place.folder}/`, '');
    return { exit: code, code: error.code, message, next: error.next };
  });
}

const on = (name: string): string[] => [
  '--train',
  at(`${name}_train.csv`),
  '--label',
  'y',
  '--test',
  at(`${name}_test.csv`),
];
const QUICK = ['--rounds', '40'];

/** Scores of the ONNX file: [rows × width]. */
async function scoresOf(path: string, { features }: Drawn): Promise<{ width: number; values: Float32Array }> {
  const session = await InferenceSession.create(readFileSync(path), { intraOpNumThreads: 1 });
  const input = new Tensor('float32', Float32Array.from(features.flat()), [features.length, COLUMNS.length]);
  const { score } = await session.run({ features: input });
  return { width: score!.dims[1]!, values: score!.data as Float32Array };
}

/** Header and cells of a CSV file. */
function readCsv(path: string): { header: string; cells: string[][] } {
  const [header, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n') as [string, ...string[]];
  return { header, cells: lines.map((line) => line.split(/,(?! light)/)) };
}

describe('minutehand fit', () => {
  it('learns two classes nearly as well as they can be separated, and writes a report with the ONNX file', async () => {
    const medium = draw(20_000, 'medium');
    writeFileSync(at('medium.csv'), csv(medium, binary(medium)));
    const on = ['--train', at('medium.csv'), '--label', 'y', '--test', at('binary_test.csv')];
    const document = await fit(...on, ...QUICK, '--out', at('b.onnx'), '--predict', at('b.csv'));
    expect(document).toMatchObject({
      engine: 'gbdt',
      task: 'binary',
      guessed: true,
      rows: 20_000,
      columns: 5,
      test_rows: 1500,
      rounds: 40,
      out: at('b.onnx'),
      classes: [0, 1],
    });
    expect(document['train_seconds']).toBeGreaterThan(0);

    const { width, values } = await scoresOf(at('b.onnx'), test);
    expect(width).toBe(1);
    const labels = binary(test);
    // No score beats the true probability except by chance.
    const ceiling = auc(test.signal, labels)!;
    expect(document['auc']).toBeCloseTo(auc(values, labels)!, 10);
    expect(document['auc']).toBeGreaterThan(ceiling - 0.015);
    expect(document['auc']).toBeLessThan(ceiling + 0.005);
    expect(document['accuracy']).toBe(values.filter((p, row) => p > 0.5 === (labels[row] === 1)).length / 1500);
    const loss = values.reduce((sum, p, row) => sum - Math.log(labels[row] === 1 ? p : 1 - p), 0) / 1500;
    expect(document['log_loss']).toBeCloseTo(loss, 6);

    const predictions = readCsv(at('b.csv'));
    expect(predictions.header).toBe('prediction');
    expect(predictions.cells.map(([p]) => Number(p))).toEqual([...values]);

    const bytes = readFileSync(at('b.onnx'));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(document.sha256);
    const { model, metadata } = decodeTreeModel(bytes);
    expect(decodeFacts(metadata)).toEqual({ task: 'binary', quantile: null, columns: [...COLUMNS], classes: [0, 1] });
    const x = { rows: 1500, columns: 5, values: Float32Array.from(test.features.flat()) };
    predictModel(model, x).forEach((p, row) => expect(Math.abs(p - values[row]!)).toBeLessThan(1e-6));
  });

  it('learns classes by name', async () => {
    const document = await fit(...on('color'), ...QUICK, '--out', at('c.onnx'), '--predict', at('c.csv'));
    const classes = ['blue', 'green, light', 'red'];
    expect(document).toMatchObject({ task: 'multiclass', guessed: true, classes });
    const { width, values } = await scoresOf(at('c.onnx'), test);
    expect(width).toBe(3);
    const { header, cells } = readCsv(at('c.csv'));
    expect(header).toBe('p_blue,"p_green, light",p_red,prediction');
    const labels = color(test);
    let right = 0;
    cells.forEach((row, i) => {
      const shares = [...values.subarray(3 * i, 3 * i + 3)];
      expect(row.slice(0, 3).map(Number)).toEqual(shares);
      expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
      const likeliest = classes[shares.indexOf(Math.max(...shares))]!;
      expect(row[3]!.replaceAll('"', '')).toBe(likeliest);
      if (likeliest === labels[i]) right++;
    });
    expect(document['accuracy']).toBe(right / 1500);
    expect(document['accuracy']).toBeGreaterThan(0.55);
    expect(document['log_loss']).toBeLessThan(0.95);
    expect(decodeFacts(decodeTreeModel(readFileSync(at('c.onnx'))).metadata).classes).toEqual(classes);
  });

  it('learns values around a million, down to their noise', async () => {
    const document = await fit(...on('value'), '--rounds', '100', '--out', at('v.onnx'), '--predict', at('v.csv'));
    expect(document).toMatchObject({ task: 'regression', guessed: true, classes: null });
    const truth = value(test);
    const { values } = await scoresOf(at('v.onnx'), test);
    const rmse = Math.sqrt(values.reduce((sum, v, row) => sum + (v - truth[row]!) ** 2, 0) / 1500);
    expect(document['rmse']).toBeCloseTo(rmse, 6);
    // The noise alone is 100.
    expect(document['rmse']).toBeGreaterThan(95);
    expect(document['rmse']).toBeLessThan(125);
    expect(document['r2']).toBeGreaterThan(0.6);
    expect(document['mae']).toBeLessThan(document['rmse'] as number);
    expect(readCsv(at('v.csv')).cells.map(([v]) => Number(v))).toEqual([...values]);
  });

  it('learns a quantile: the matching share of labels is below it', async () => {
    const document = await fit(...on('value'), '--task', 'quantile', '--quantile', '0.9', '--out', at('q.onnx'));
    expect(document).toMatchObject({ task: 'quantile', guessed: false });
    const { values } = await scoresOf(at('q.onnx'), test);
    const below = value(test).filter((v, row) => v < values[row]!).length / 1500;
    expect(below).toBeGreaterThan(0.82);
    expect(below).toBeLessThan(0.95);
    expect(document['pinball']).toBeLessThan(40);
    expect(decodeFacts(decodeTreeModel(readFileSync(at('q.onnx'))).metadata).quantile).toBe(0.9);
  });

  it('writes the same bytes for the same table and seed, whatever the workers, and others for another seed', async () => {
    const sampled = [...on('binary'), '--rounds', '20', '--row-fraction', '0.7', '--column-fraction', '0.8'];
    const bytes = async (name: string, ...args: string[]): Promise<string> => {
      await fit(...sampled, '--out', at(name), ...args);
      return readFileSync(at(name)).toString('base64');
    };
    const one = await bytes('s1.onnx', '--seed', '7', '--workers', '1');
    expect(await bytes('s2.onnx', '--seed', '7', '--workers', '2')).toBe(one);
    expect(await bytes('s3.onnx', '--seed', '8', '--workers', '2')).not.toBe(one);
  });

  it('stops when the validation loss no longer improves', async () => {
    const stopping = ['--valid', at('binary_valid.csv'), '--patience', '5', '--rounds', '300'];
    const { rounds } = await fit(...on('binary'), ...stopping, '--learning-rate', '0.3');
    expect(rounds).toBeGreaterThan(2);
    expect(rounds).toBeLessThan(100);
  });

  it('uses weights: a class with ten times the weight is predicted more often', async () => {
    const labels = binary(train);
    writeFileSync(at('weighted.csv'), csv(train, labels, { w: labels.map((label) => (label === 1 ? 10 : 1)) }));
    const args = ['--label', 'y', '--test', at('binary_test.csv'), ...QUICK, '--out', at('w.onnx')];
    expect(await fit('--train', at('weighted.csv'), '--weight', 'w', ...args)).toMatchObject({ columns: 5 });
    await fit('--train', at('binary_train.csv'), ...args.slice(0, -1), at('u.onnx'));
    const mean = async (name: string): Promise<number> =>
      (await scoresOf(at(name), test)).values.reduce((a, b) => a + b, 0) / 1500;
    expect(await mean('w.onnx')).toBeGreaterThan((await mean('u.onnx')) + 0.15);
  });

  it('reads .gz, columns in another order and extra columns', async () => {
    const plain = await fit(...on('binary'), ...QUICK);
    writeFileSync(at('t.csv.gz'), gzipSync(readFileSync(at('binary_train.csv'))));
    const lines = readFileSync(at('binary_test.csv'), 'utf8').trimEnd().split('\n');
    const turned = lines.map((line, row) => `${row === 0 ? 'id' : 'a text'},${line.split(',').reverse().join()}`);
    writeFileSync(at('turned.csv.gz'), gzipSync(`${turned.join('\r\n')}\r\n`));
    expect(gunzipSync(readFileSync(at('turned.csv.gz'))).length).toBeGreaterThan(1000);
    const args = ['fit', '--train', at('t.csv.gz'), '--label', 'y', '--test', at('turned.csv.gz'), ...QUICK, '--json'];
    const { stdout, stderr } = await place.run(args);
    expect(JSON.parse(stdout)).toEqual({ ...plain, train_seconds: expect.any(Number) as number });
    expect(stderr).toContain('columns that the model does not use are ignored: id');
  });

  it('scores a test table without labels, without metrics', async () => {
    const unlabeled = readFileSync(at('binary_test.csv'), 'utf8').replaceAll(/,[^,\n]*\n/g, '\n');
    writeFileSync(at('unlabeled.csv'), unlabeled);
    const args = ['--train', at('binary_train.csv'), '--label', 'y', '--test', at('unlabeled.csv'), ...QUICK];
    const document = await fit(...args, '--predict', at('n.csv'));
    expect(document).not.toHaveProperty('auc');
    expect(readCsv(at('n.csv')).cells).toHaveLength(1500);
    expect(await refusals(args)).toMatchObject([{ exit: 1, code: 'DATA_MISSING' }]);
  });

  it('learns forests of every task', async () => {
    for (const [name, metric, least] of [
      ['binary', 'auc', 0.78],
      ['color', 'accuracy', 0.5],
      ['value', 'r2', 0.4],
    ] as const) {
      const document = await fit(...on(name), ...QUICK, '--engine', 'random_forest', '--out', at('f.onnx'));
      expect(document[metric], name).toBeGreaterThan(least);
      const { values } = await scoresOf(at('f.onnx'), test);
      if (name !== 'value') for (const p of values) expect(p >= 0 && p <= 1).toBe(true);
    }
  });

  it('takes columns of texts and fills missing values inside the graph, from the training table alone', async () => {
    const rng = createRng('texts');
    const KINDS = ['red', 'green, light', 'blue', ''];
    const rows = Array.from({ length: 1200 }, () => {
      const kind = KINDS[rng.integer(4)]!;
      const x = rng.uniform() < 0.3 ? NaN : rng.normal();
      const chance = (kind === 'red' ? 0.9 : 0.2) * (Number.isNaN(x) ? 1 : 0.5);
      return { kind, x, y: rng.uniform() < chance ? 1 : 0 };
    });
    const write = (name: string, part: typeof rows): string => {
      writeFileSync(
        at(name),
        `kind,x,y\n${part.map(({ kind, x, y }) => [kind, x, y].map(cellOf).join()).join('\n')}\n`,
      );
      return at(name);
    };
    const unknown = { kind: 'violet', x: 0.5, y: 0 };
    const tested = [...rows.slice(900), unknown];
    const tables = ['--train', write('texts.csv', rows.slice(0, 900)), '--test', write('texts_test.csv', tested)];
    const how = ['--label', 'y', '--categories', 'kind', '--impute', 'median', ...QUICK];
    const document = await fit(...tables, ...how, '--out', at('texts.onnx'), '--predict', at('texts_p.csv'));
    expect(document['auc']).toBeGreaterThan(0.65);

    const session = await InferenceSession.create(readFileSync(at('texts.onnx')), { intraOpNumThreads: 1 });
    expect([...session.inputNames].sort()).toEqual(['category/kind', 'features']);
    const scores = async (part: typeof rows): Promise<number[]> => {
      const { score } = await session.run({
        features: new Tensor(
          'float32',
          Float32Array.from(part, ({ x }) => x),
          [part.length, 1],
        ),
        'category/kind': new Tensor(
          'string',
          part.map(({ kind }) => kind),
          [part.length, 1],
        ),
      });
      return [...(score!.data as Float32Array)];
    };
    const predicted = readCsv(at('texts_p.csv')).cells.map((cells) => Number(cells[0]));
    (await scores(tested)).forEach((score, row) => expect(predicted[row]).toBeCloseTo(score, 6));
    const known = Float32Array.from(rows.slice(0, 900).flatMap(({ x }) => (Number.isNaN(x) ? [] : [x]))).sort();
    const median = (known[(known.length - 1) >> 1]! + known[known.length >> 1]!) / 2;
    const [missing, filled, violet, none] = await scores([
      ...[
        { ...unknown, kind: 'red', x: NaN },
        { ...unknown, kind: 'red', x: median },
      ],
      ...[unknown, { ...unknown, kind: '' }],
    ]);
    // The flag tells a missing value from the median; an unknown text is a missing one.
    expect(missing! - filled!).toBeGreaterThan(0.2);
    expect(violet).toBe(none);
  });

  it('uses a real engine if its library is installed, otherwise reports how to install it', async () => {
    for (const engine of ['xgboost', 'lightgbm']) {
      const args = ['fit', ...on('binary'), ...QUICK, '--engine', engine, '--json'];
      const { code, stdout } = await place.run(args);
      const document = JSON.parse(stdout) as { auc?: number; error?: { code: string; next: string } };
      if (code === 0) {
        const own = await fit(...on('binary'), ...QUICK);
        expect(Math.abs(document.auc! - (own['auc'] as number))).toBeLessThan(0.01);
      } else {
        expect({ code, error: document.error?.code }).toEqual({ code: 1, error: 'LEARNER_MISSING' });
        expect(document.error!.next).toMatch(/install/i);
      }
    }
  });

  it('prints a report for people', async () => {
    const { code, stdout } = await place.run(['fit', ...on('binary'), ...QUICK, '--out', at('p.onnx')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^gbdt, binary \(guessed: the label has 2 different values\): 4000 rows × 5 columns, classes 0, 1 \(positive: 1\)\n/,
    );
    expect(stdout).toMatch(
      /\n40 trees in \d+\.\d\d s\ntest: 1500 rows\n {2}auc +0\.\d+\n {2}log_loss +0\.\d+\n {2}accuracy +0\.\d+\nmodel .*p\.onnx, sha256 [0-9a-f]{64}\n$/,
    );
  });

  it('leaves no partial file, and no file after a failure', async () => {
    expect(readdirSync(place.folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    const train = at('binary_train.csv');
    const test = at('color_test.csv');
    const out = at('x.onnx');
    const { code } = await place.run(['fit', '--train', train, '--label', 'y', '--test', test, '--out', out]);
    expect(code).toBe(1);
    expect(existsSync(at('x.onnx'))).toBe(false);
  });
});

describe('minutehand fit refuses', () => {
  const rowsOf = (name: string, count: number): string =>
    readFileSync(at(name), 'utf8')
      .split('\n')
      .slice(0, count + 1)
      .join('\n');

  it('invalid tables, with a next step, and exit code 1', async () => {
    writeFileSync(at('short.csv'), rowsOf('binary_train.csv', 30));
    writeFileSync(at('text.csv'), rowsOf('binary_train.csv', 50).replace(/\n[^,]*,/, '\nhigh,'));
    writeFileSync(at('one.csv'), 'a,y\n'.padEnd(400, '1,1\n'));
    writeFileSync(at('narrow.csv'), 'x0,x2,y\n1,2,0\n');
    const args = (train: string, ...more: string[]): string[] => ['--train', at(train), '--label', 'y', ...more];
    const cases: [string[], string, string][] = [
      [args('short.csv'), 'DATA_TOO_SHORT', '30 rows'],
      [args('text.csv'), 'TABLE_FORMAT', 'text.csv line 2, column "x0": "high"'],
      [args('one.csv'), 'DATA_TOO_SHORT', 'one.csv, label "y": 1 different values'],
      [args('nowhere.csv'), 'DATA_MISSING', 'no file nowhere.csv'],
      [['--train', at('binary_train.csv'), '--label', 'z'], 'DATA_MISSING', 'binary_train.csv has no column "z"'],
      [
        args('binary_train.csv', '--test', at('narrow.csv')),
        'DATA_MISSING',
        'narrow.csv has no column "x1", "x3", "x4"',
      ],
      [args('binary_train.csv', '--weight', 'w'), 'DATA_MISSING', 'no column "w"'],
      [args('color_train.csv', '--task', 'binary'), 'TABLE_FORMAT', '3 different values'],
      [args('color_train.csv', '--task', 'regression'), 'TABLE_FORMAT', 'color_train.csv line 2, label "y"'],
      [args('binary_train.csv', '--test', at('color_test.csv')), 'TABLE_FORMAT', 'color_test.csv line 2, label "y"'],
      [args('binary_train.csv', '--out', at('no/folder/m.onnx')), 'OUTPUT_UNWRITABLE', 'ENOENT'],
      [args('binary_train.csv', '--out', place.folder), 'OUTPUT_UNWRITABLE', 'is a folder'],
    ];
    const errors = await refusals(...cases.map(([given]) => given));
    cases.forEach(([given, code, seen], index) => {
      const error = errors[index]!;
      expect(error, given.join(' ')).toMatchObject({ exit: 1, code });
      expect(error.message).toContain(seen);
      expect(error.next.length).toBeGreaterThan(10);
    });
  });

  it('invalid values and combinations, with exit code 2', async () => {
    const base = ['--train', at('binary_train.csv'), '--label', 'y'];
    const misuses = [
      ['--rounds', '0'],
      ['--leaves', '1'],
      ['--bins', '256'],
      ['--learning-rate', '0'],
      ['--learning-rate', 'fast'],
      ['--l2', '-1'],
      ['--row-fraction', '1.5'],
      ['--seed', 'x'],
      ['--workers', '0'],
      ['--max-depth', '0'],
      ['--quantile', '1', '--task', 'quantile'],
      ['--task', 'quantile'],
      ['--task', 'binary', '--quantile', '0.5'],
      ['--patience', '5'],
      ['--predict', at('p.csv')],
      ['--weight', 'y'],
      ['--engine', 'catboost'],
      ['--task', 'ranking'],
    ];
    const all = await place.runEach(misuses.map((given) => ['fit', ...base, ...given, '--json']));
    misuses.forEach((given, index) => {
      const { code, stdout } = all[index]!;
      expect({ code, ...(JSON.parse(stdout) as object) }, given.join(' ')).toMatchObject({
        code: 2,
        error: { code: 'USAGE' },
      });
    });
  });
});
