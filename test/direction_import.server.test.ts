import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { encodeGraph, featuresInput } from '../shared/bundle/onnx/onnx.ts';
import { NETWORKS_PYTHON } from '../shared/policy/environment.ts';
import { createRng } from '../shared/rng.ts';
import type { FitRows } from '../trainer/learning/learners/contract/fit_rows.ts';
import { LOGISTIC } from '../trainer/learning/learners/linear/logistic.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { FAKE_PYTHON_NOTE, fakePython } from './networks_python.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

interface Facts {
  readonly features: readonly string[];
  readonly feature_schema: string;
  readonly learned_until: string;
  readonly holdout_from: string;
}

interface Report {
  readonly version: string;
  readonly path: string;
  readonly metrics: { readonly rows: number; readonly log_loss: number };
  readonly model: { readonly trees: number | null };
}

interface BundleManifest {
  readonly engine: object;
  readonly imported: { readonly sha256: string; readonly learned_until: string };
  readonly training?: object;
  readonly balance: string;
}

let place: Workplace;
let facts: Facts;

/** A price that returns to its mean: what it did tells what it does next. */
beforeAll(async () => {
  place = createWorkplace();
  const rng = createRng('import');
  let price = 100;
  const bars = Array.from({ length: 2400 }, (_, t) => {
    const open = price;
    price *= Math.exp(0.006 * rng.normal() - 0.02 * Math.log(price / 100));
    const time = 1_600_000_000 - (1_600_000_000 % 3600) + t * 3600;
    return `${time},${open},${Math.max(open, price)},${Math.min(open, price)},${price},1`;
  });
  writeFileSync(join(place.folder, 'BTCUSDT-1h.csv'), `time,open,high,low,close,volume\n${bars.join('\n')}\n`);
  const rows = ['dataset', 'export', '--role', 'direction', '--data', '.', '--symbols', 'BTCUSDT', '--out', 'rows.csv'];
  const { code, stderr, stdout } = await place.call([...rows, '--json']);
  expect(code, stderr).toBe(0);
  facts = JSON.parse(stdout) as Facts;
});
afterAll(() => place.remove());

/** The exported rows, as another program reads them. */
function exportedRows(): FitRows {
  const [header, ...lines] = readFileSync(join(place.folder, 'rows.csv'), 'utf8').trimEnd().split('\n');
  const names = header!.split(',');
  const cells = lines.map((line) => line.split(','));
  const column = (name: string): Float64Array => {
    const at = names.indexOf(name);
    return Float64Array.from(cells, (own) => (own[at] === '' ? NaN : Number(own[at])));
  };
  const of = facts.features.map(column);
  const values = Float32Array.from({ length: cells.length * of.length }, (_, i) => {
    return of[i % of.length]![Math.floor(i / of.length)]!;
  });
  return {
    x: { rows: cells.length, columns: of.length, values },
    y: column('label'),
    weights: column('weight'),
    time: column('time'),
    labelEnd: column('label_end'),
  };
}

async function learn(file: string, metadata: Readonly<Record<string, string>>, classes = 3): Promise<void> {
  const all = exportedRows();
  const rows = classes === 3 ? all : { ...all, y: all.y.map((label) => label + 1) };
  const model = await LOGISTIC.open(null).fit({
    task: { kind: 'multiclass', classes },
    rows,
    subset: Int32Array.from(rows.y.keys()),
    columns: null,
    budget: { kind: 'early_stopping', stopping: null },
    seed: 'elsewhere',
    continueFrom: null,
  });
  writeFileSync(join(place.folder, file), model.toOnnx({ metadata }));
}

/** A model whose three answers are the sigmoids of the first three features. */
function sigmoids(): Uint8Array {
  const columns = { name: 'value_ints', type: 7, integers: [0, 1, 2] };
  return encodeGraph({
    name: 'sigmoids',
    inputs: [featuresInput(facts.features.length)],
    nodes: [
      { name: 'columns', operator: 'Constant', inputs: [], outputs: ['three'], attributes: [columns] },
      {
        name: 'gather',
        operator: 'Gather',
        inputs: ['features', 'three'],
        outputs: ['some'],
        attributes: [{ name: 'axis', type: 2, integer: 1 }],
      },
      { name: 'missing_of', operator: 'IsNaN', inputs: ['some'], outputs: ['missing'] },
      {
        name: 'zero_of',
        operator: 'Constant',
        inputs: [],
        outputs: ['zero'],
        attributes: [{ name: 'value_float', type: 1, number: 0 }],
      },
      { name: 'known_of', operator: 'Where', inputs: ['missing', 'zero', 'some'], outputs: ['known'] },
      { name: 'sigmoid', operator: 'Sigmoid', inputs: ['known'], outputs: ['score'] },
    ],
    width: 3,
    metadata: {},
  });
}

const importOf = (file: string, ...more: string[]): string[] => [
  'models',
  'import',
  file,
  '--role',
  'direction',
  '--data',
  '.',
  '--symbols',
  'BTCUSDT',
  ...more,
];

describe('a direction model of another program', () => {
  it('becomes a bundle that is calibrated and measured behind what it has learned, and is verified', async () => {
    await learn('model.onnx', { feature_schema: facts.feature_schema });
    const command = importOf('model.onnx', '--learned-until', facts.learned_until, '--out', 'models', '--json');
    const { code, stdout, stderr } = await place.call(command);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as Report;
    expect(report.model.trees).toBeNull();
    const bundle = join(place.folder, 'models', report.version);
    const manifest = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8')) as BundleManifest;
    expect(manifest.engine).toEqual({ name: 'imported', parameters: {} });
    expect(Date.parse(manifest.imported.learned_until)).toBe(Date.parse(facts.learned_until));
    expect([manifest.training, manifest.balance]).toEqual([undefined, 'none']);
    expect(readFileSync(join(bundle, 'CARD.md'), 'utf8')).toContain('It was not trained here');
    // Every block begins behind what it has learned, and an embargo.
    const { validation } = JSON.parse(readFileSync(join(bundle, 'validation.json'), 'utf8')) as {
      validation: { splits: readonly { from: string }[] };
    };
    for (const { from } of validation.splits)
      expect(Date.parse(from)).toBeGreaterThanOrEqual(Date.parse(facts.holdout_from));
    const [loaded, deep, shown] = await place.runEach([
      ['models', 'verify', bundle],
      ['models', 'verify', bundle, '--deep', '--data', '.'],
      ['models', 'show', bundle],
    ]);
    expect(loaded!.code, loaded!.stderr).toBe(0);
    expect(deep!.code).not.toBe(0);
    expect(`${deep!.stdout}${deep!.stderr}`).toContain('was brought from another program');
    expect(shown!.stdout).toContain('It was not trained here');
  });

  it.skipIf(FAKE_PYTHON_NOTE !== '')(
    `that a network is has its epochs in the manifest and on the card, with the share of each class${FAKE_PYTHON_NOTE}`,
    async () => {
      const train = ['train', '--strategy', 'direction', '--data', '.', '--symbols', 'BTCUSDT', '--stride', '1'];
      const { code, stdout, stderr } = await place.call(
        [...train, '--engine', 'neural_net', '--out', 'networks', '--json'],
        { env: { [NETWORKS_PYTHON]: fakePython(place.folder) } },
      );
      expect(code, stderr).toBe(0);
      const bundle = join(place.folder, 'networks', (JSON.parse(stdout) as Report).version);
      const { epochs } = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8')) as {
        epochs: readonly object[];
      };
      // The fake says the same after each.
      const seen = { loss: 0.5, stopping_loss: null, class_shares: [1 / 3, 1 / 3, 1 / 3] };
      expect(new Set(epochs.map((epoch) => JSON.stringify(epoch)))).toEqual(new Set([JSON.stringify(seen)]));
      expect(readFileSync(join(bundle, 'CARD.md'), 'utf8')).toMatch(
        /\d+ epochs, mean loss 0\.5000 .*up 0\.333, down 0\.333, range 0\.333: up \/ down 1\.00\./,
      );
    },
  );

  it('claims nothing on bars whose labels were given out before', async () => {
    const home = join(place.folder, 'gave out');
    const env = { MINUTEHAND_HOME: home };
    const rows = ['--role', 'direction', '--data', '.', '--symbols', 'BTCUSDT', '--parts', 'learn,holdout'];
    const [given] = [await place.call(['dataset', 'export', ...rows, '--out', 'given.csv'], { env })];
    expect(given.code, given.stderr).toBe(0);
    const command = importOf('model.onnx', '--learned-until', facts.learned_until, '--out', 'given', '--json');
    const { code, stdout, stderr } = await place.call(command, { env });
    expect(code, stderr).toBe(0);
    const bundle = join(place.folder, 'given', (JSON.parse(stdout) as Report).version);
    const manifest = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8')) as BundleManifest & {
      readonly imported: { readonly exported_holdout?: boolean };
    };
    expect(manifest.imported.exported_holdout).toBe(true);
    expect(readFileSync(join(bundle, 'CARD.md'), 'utf8')).toContain('may be known answers, and claim nothing');
  });

  it('is refused with what is wrong before it is measured', async () => {
    await learn('four.onnx', {}, 4);
    await learn('other.onnx', { feature_schema: '0123456789abcdef' });
    writeFileSync(join(place.folder, 'sigmoids.onnx'), sigmoids());
    const until = ['--learned-until', facts.learned_until, '--out', 'refused'];
    const [four, other, sums, late, early, holdout, trials, pairs, adopted] = await place.runEach([
      importOf('four.onnx', ...until),
      importOf('other.onnx', ...until),
      importOf('sigmoids.onnx', ...until),
      importOf('model.onnx', '--learned-until', '2020-12-20', '--out', 'refused'),
      importOf('model.onnx', '--learned-until', '2020-09-15', '--out', 'refused'),
      importOf('model.onnx', ...until, '--holdout-from', '2020-12-01'),
      importOf('model.onnx', ...until, '--trials', '5'),
      ['models', 'import', 'model.onnx', '--role', 'ai1', '--symbols', 'BTCUSDT', '--learned-until', '2020-12-01'],
      importOf('model.onnx', ...until, '--adopt'),
    ]);
    expect(four).toMatchObject({ code: 1, stderr: expect.stringMatching(/MODEL_LOAD.*float \[N, 4\].*\[N, 3\]/s) });
    expect(other).toMatchObject({ code: 1, stderr: expect.stringMatching(/MODEL_SCHEMA.*0123456789abcdef/) });
    expect(sums).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/MODEL_LOAD.*sigmoids\.onnx answers .*whose sum is/),
    });
    for (const short of [late, early])
      expect(short).toMatchObject({ code: 1, stderr: expect.stringMatching(/DATA_TOO_SHORT.*labeled bars before/) });
    for (const usage of [holdout, trials, pairs, adopted]) expect(usage!.code).toBe(2);
    expect(pairs!.stderr).toContain('--symbols with --role ai1');
    expect(holdout!.stderr).toContain('--holdout-from with --role direction');
  });

  it('is a job that takes nothing that only a learned model has', async () => {
    const printed = importOf(
      'model.onnx',
      '--learned-until',
      facts.learned_until,
      '--print-job',
      '--peers',
      'logistic',
    );
    const { code, stdout } = await place.call(printed);
    expect(code).toBe(0);
    const job = JSON.parse(stdout) as { parameters: Record<string, unknown> };
    expect(job.parameters).toMatchObject({ balance: 'none', trials: 0, compare: [], peers: ['logistic'] });
    for (const [name, change] of Object.entries({
      balance: { balance: 'class_weights' },
      compare: { compare: ['smote'] },
      trials: { trials: 2 },
      engine: { engine: 'logistic' },
    })) {
      const file = `${name}.json`;
      writeFileSync(join(place.folder, file), JSON.stringify({ ...job, parameters: { ...job.parameters, ...change } }));
      const refused = await place.call(['job', 'run', file]);
      expect([name, refused.code]).toEqual([name, 1]);
      expect(refused.stderr).toContain('is not learned');
    }
  });
});
