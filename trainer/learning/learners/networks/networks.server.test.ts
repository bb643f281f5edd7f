import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NETWORKS, SEQUENCE_NETWORKS } from '../../../../shared/policy/engines.ts';
import { NETWORKS_PYTHON } from '../../../../shared/policy/environment.ts';
import type { NetworksPolicy } from '../../../../shared/policy/policy.ts';
import { packageRoot } from '../../../../shared/root.ts';
import { createRng } from '../../../../shared/rng.ts';
import { tinyBars, tinySettings, tinyTraining } from '../../../../test/tiny_models.ts';
import { train } from '../../training/pipeline.ts';
import { FAKE_PYTHON_NOTE, fakePython, networksNote, TEST_NETWORKS_PYTHON } from '../../../../test/networks_python.ts';
import { auc } from '../../measures/metrics.ts';
import { takeRows, type FitRows } from '../contract/fit_rows.ts';
import { rowsOfTable } from '../contract/past_rows.ts';
import { fitAllRows } from '../contract/learner.ts';
import type { Fitted } from '../contract/fitted.ts';
import { writeRows } from '../program/rows_file.ts';
import { isNetwork, networkParameters } from './network_parameters.ts';
import { NETWORK_LEARNERS } from './networks.ts';
import { networksPython, pythonEnvironment, readInstalled } from './python_environment.ts';

const NAMES = ['z_score', 'beta', 'half_life'];
const ROWS = 3000;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-networks-test-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

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

const BARS = 5;

/** Each row with the four before it; the label depends on the first column of the row three bars ago. */
function sequencesOf(seed: string): FitRows {
  const rng = createRng(seed);
  const table = Float32Array.from({ length: (ROWS + BARS - 1) * NAMES.length }, () => rng.normal());
  const x = rowsOfTable(table, { first: BARS - 1, rows: ROWS, columns: NAMES.length, bars: BARS });
  const y = Float64Array.from({ length: ROWS }, (_, row) =>
    table[(row + BARS - 1 - 3) * NAMES.length]! + rng.normal() > 0 ? 1 : 0,
  );
  return { ...rowsOf(seed), x, y };
}

const learnerOf = (name: string) => NETWORK_LEARNERS.find((own) => own.name === name)!;

function fit(networks?: NetworksPolicy): Promise<Fitted> {
  const rows = rowsOf('networks');
  return fitAllRows(NETWORK_LEARNERS[0]!.open({ network: networkParameters(networks, 'ai1'), columnNames: NAMES }), {
    task: { kind: 'binary' },
    rows,
    subset: Int32Array.from(rows.y.keys()),
    columns: null,
    seed: 'networks',
    continueFrom: null,
  });
}

describe('a network', () => {
  it.skipIf(FAKE_PYTHON_NOTE !== '')(`is asked of its own program, with every figure${FAKE_PYTHON_NOTE}`, async () => {
    vi.stubEnv(NETWORKS_PYTHON, fakePython(folder));
    const fitted = await fit({ epochs: 7, dropout: 0.3 });
    expect(fitted.learner).toBe(NETWORKS[0]);
    expect(fitted.epochs).toEqual(Array(7).fill({ loss: 0.5, stopping_loss: null, positive_share: 0.25 }));
    const program = join(packageRoot(), 'learners', 'python');
    expect(readFileSync(join(folder, 'arguments'), 'utf8')).toBe(`-E -s -B ${program} ${NETWORKS[0]}\n`);
    const requests = readFileSync(join(folder, 'requests'), 'utf8').trim().split('\n');
    const asked = requests.map((line) => JSON.parse(line) as { iterations: number | null; parameters: object });
    expect(asked.map(({ iterations }) => iterations)).toEqual([null, 7]);
    expect(asked[0]!.parameters).toEqual({
      learning_rate: 0.001,
      dropout: 0.3,
      batch_size: 512,
      epochs: 7,
      patience: 10,
      class_weight_ratio: 0.25,
      focal_gamma: 2,
      lstm_units: 128,
    });
  });

  it('that is not installed is an error with the one command', async () => {
    vi.stubEnv('MINUTEHAND_HOME', folder);
    vi.stubEnv(NETWORKS_PYTHON, '');
    const missing = { code: 'LEARNER_MISSING', next: expect.stringContaining('minutehand learners install') as string };
    for (const { refuseMissing } of NETWORK_LEARNERS)
      expect(refuseMissing).toThrow(expect.objectContaining(missing) as Error);
    await expect(fit()).rejects.toMatchObject(missing);
    expect(() => networksPython({ [NETWORKS_PYTHON]: join(folder, 'nowhere') })).toThrow(
      expect.objectContaining({ code: 'LEARNER_MISSING' }) as Error,
    );
    // An installation that was cut off has no such file.
    expect(readInstalled(pythonEnvironment())).toBeNull();
  });

  it('that is not installed is refused before features are built', async () => {
    vi.stubEnv('MINUTEHAND_HOME', folder);
    vi.stubEnv(NETWORKS_PYTHON, '');
    const settings = tinySettings({ minutehand: { train: { engine: 'neural_net' } } });
    const stages: string[] = [];
    const options = tinyTraining(folder, { settings, bars: tinyBars(settings, 2000) });
    const training = train({ ...options, onProgress: (stage) => stages.push(stage) });
    await expect(training).rejects.toMatchObject({ code: 'LEARNER_MISSING' });
    expect(stages).toEqual([]);
  });

  it('has the figures of the specification', () => {
    const delivered = networkParameters(undefined, 'ai1');
    expect(delivered).toMatchObject({ batch_size: 512, epochs: 100, patience: 10, dropout: 0.2 });
    expect(delivered).toMatchObject({ focal_gamma: 2, class_weight_ratio: 0.25 });
    const own = { epochs: 3, ai2: { epochs: 4, dropout: 0 } };
    expect(networkParameters(own, 'ai1')).toEqual({ ...delivered, epochs: 3 });
    expect(networkParameters(own, 'ai2')).toEqual({ ...delivered, epochs: 4, dropout: 0 });
    expect([isNetwork('neural_net'), isNetwork('gbdt')]).toEqual([true, false]);
  });
});

const note = networksNote();

describe('learners/python', () => {
  it.skipIf(note !== '')(`records each epoch, and stops when a gain is missing for ten${note}`, async () => {
    vi.stubEnv(NETWORKS_PYTHON, TEST_NETWORKS_PYTHON);
    const fitted = await fit();
    const { epochs = [], iterations } = fitted;
    // The last fit has as many epochs as the first one found best.
    expect(epochs).toHaveLength(iterations!);
    expect(iterations).toBeLessThan(100);
    expect(epochs.every(({ stopping_loss }) => stopping_loss === null)).toBe(true);
    expect(epochs.at(-1)!.loss).toBeLessThan(epochs[0]!.loss);
    const answers = fitted.answers(rowsOf('networks').x);
    const share = answers.filter((p) => p > 0.5).length / ROWS;
    expect(epochs.at(-1)!.positive_share).toBeCloseTo(share, 2);
  });

  it.skipIf(note !== '').each(SEQUENCE_NETWORKS)(
    `%s learns what was some bars ago, alike each time${note}`,
    async (name) => {
      vi.stubEnv(NETWORKS_PYTHON, TEST_NETWORKS_PYTHON);
      const rows = sequencesOf('networks');
      const learner = learnerOf(name).open({
        network: { ...networkParameters(undefined, 'ai1'), epochs: 4, learning_rate: 0.01, lstm_units: 64 },
        columnNames: NAMES,
      });
      const ask = (): Promise<Fitted> =>
        learner.fit({
          task: { kind: 'binary' },
          rows,
          subset: Int32Array.from({ length: ROWS / 2 }, (_, row) => row),
          columns: null,
          budget: { kind: 'fixed', iterations: 4 },
          seed: name,
          continueFrom: null,
        });
      const fitted = await ask();
      const again = await ask();
      expect(fitted.toOnnx({ metadata: {} })).toEqual(again.toOnnx({ metadata: {} }));
      const unseen = Array.from({ length: ROWS / 2 }, (_, row) => ROWS / 2 + row);
      const p = fitted.answers(takeRows(rows.x, unseen));
      expect(
        auc(
          p,
          Float64Array.from(unseen, (row) => rows.y[row]!),
        ),
      ).toBeGreaterThan(0.65);
    },
  );

  it.skipIf(note !== '')(`ends in the middle of a fit when minutehand is gone${note}`, async () => {
    const rows = rowsOf('orphan');
    const rowsFile = join(folder, 'rows.parquet');
    await writeRows(rowsFile, {
      rows,
      subset: Int32Array.from(rows.y.keys()),
      stopping: null,
      columns: [0, 1, 2],
      names: NAMES,
      table: null,
    });
    const program = join(packageRoot(), 'learners', 'python');
    const child = spawn(TEST_NETWORKS_PYTHON, ['-E', '-s', '-B', program, 'neural_net'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const request = {
      id: 1,
      task: 'binary',
      rows: rowsFile,
      features: NAMES,
      seed: 1,
      iterations: 1_000_000,
      parameters: networkParameters(undefined, 'ai1'),
      model: join(folder, 'model.onnx'),
      check_rows: 1,
    };
    child.stdin.write(`${JSON.stringify(request)}\n`);
    await new Promise<void>((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (text.includes('progress')) resolve();
      });
    });
    const ended = once(child, 'exit');
    child.stdin.end();
    expect((await ended)[0]).toBe(0);
  });
});
