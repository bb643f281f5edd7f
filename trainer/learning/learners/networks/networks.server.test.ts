import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { spawn, spawnSync } from 'node:child_process';
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
import { FAKE_PYTHON_NOTE, fakePython, networksNote } from '../../../../test/networks_python.ts';
import { TEST_PYTHON } from '../../../../test/python.ts';
import { auc } from '../../measures/metrics.ts';
import { likeliestClasses } from '../../measures/multiclass.ts';
import { takeRows, type FitRows } from '../contract/fit_rows.ts';
import { barsPerRow, isSequence, rowsOfTable, sequencesOf as sequencesIn } from '../contract/past_rows.ts';
import { fitAllRows, type Budget } from '../contract/learner.ts';
import type { Fitted } from '../contract/fitted.ts';
import { openSession } from '../onnx/sessions.ts';
import { writeRows } from '../program/rows_file.ts';
import { isNetwork, networkParameters } from './network_parameters.ts';
import { onOneSidedEpoch } from '../program/one_sided_epochs.ts';
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

const CLASSES = 3;
/** Of networks of classes. */
const EPOCHS = 12;

/** By the first column of the row, or of the row three bars ago: 0 where it is high, 1 where it is low, else 2. */
function classesOf({ x }: FitRows): Float64Array {
  const rng = createRng('classes');
  const { past } = x;
  return Float64Array.from({ length: x.rows }, (_, row) => {
    const from = past === undefined ? x.values[row * NAMES.length]! : past.table[(past.last[row]! - 3) * NAMES.length]!;
    const seen = (from || 0) + 0.3 * rng.normal();
    return seen > 0.5 ? 0 : seen < -0.5 ? 1 : 2;
  });
}

/** What must be zero, a line for each gamma and alpha; float64 throughout. */
const CLASS_LOSS = `
import json
import numpy as np
import torch
from class_focal_loss import ClassFocalLoss
from focal_loss import FocalLoss

for gamma, alpha in [(2.0, 0.25), (1.0, 0.4), (3.5, 0.7), (5.0, 0.05)]:
    one, two, three = FocalLoss(gamma, alpha), ClassFocalLoss(2, gamma, alpha), ClassFocalLoss(3, gamma, alpha)
    z = torch.linspace(-12, 12, 49, dtype=torch.float64)
    both = torch.stack([z, torch.zeros_like(z)], 1)
    first, last = torch.zeros(49, dtype=torch.long), torch.ones(49, dtype=torch.long)
    between = [
        one.probability(z) - two.probability(both)[:, 0],
        one.of(z, torch.ones_like(z)) - two.of(both, first),
        one.of(z, torch.zeros_like(z)) - two.of(both, last),
    ]
    shares = np.array([0.6, 0.1, 0.3])
    logits = torch.tensor([three.logits_of(shares)], dtype=torch.float64, requires_grad=True)
    # The probability is where the expected loss has no slope.
    sum(shares[k] * three.of(logits, torch.tensor([k]))[0] for k in range(3)).backward()
    far = torch.tensor([[100.0, 0, -100], [300, 0, 0], [0, 0, 0], [-50, -50, 60]], dtype=torch.float64)
    print(json.dumps({
        "between": max(float(of.abs().max()) for of in between),
        "slope": float(logits.grad.abs().max()),
        "shares": float((three.probability(logits.detach().float()) - torch.tensor(shares)).abs().max()),
        "sums": float((three.probability(far).sum(dim=1) - 1).abs().max()),
    }))
`;

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
    vi.stubEnv(NETWORKS_PYTHON, TEST_PYTHON);
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

  it.skipIf(note !== '')(`tells epochs that call one side of nearly all rows${note}`, async () => {
    vi.stubEnv(NETWORKS_PYTHON, TEST_PYTHON);
    const rows = rowsOf('one side');
    const told: string[] = [];
    const end = onOneSidedEpoch((text) => told.push(text));
    await NETWORK_LEARNERS[0]!
      .open({ network: { ...networkParameters(undefined, 'ai1'), epochs: 3 }, columnNames: NAMES })
      .fit({
        task: { kind: 'binary' },
        rows: { ...rows, y: rows.y.map((_, row) => (row % 50 === 0 ? 0 : 1)) },
        subset: Int32Array.from(rows.y.keys()),
        columns: null,
        budget: { kind: 'fixed', iterations: 3 },
        seed: 'networks',
        continueFrom: null,
      })
      .finally(end);
    expect(told).toEqual([
      expect.stringMatching(/^neural_net at \d+ % of a fit calls positive in \d+ % of the watched/),
    ]);
  });

  it.skipIf(note !== '').each(SEQUENCE_NETWORKS)(
    `%s learns what was some bars ago, alike each time${note}`,
    async (name) => {
      vi.stubEnv(NETWORKS_PYTHON, TEST_PYTHON);
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

  it.skipIf(note !== '').each(NETWORKS)(
    `%s learns three classes, alike each time, and answers so in onnxruntime${note}`,
    async (name) => {
      vi.stubEnv(NETWORKS_PYTHON, TEST_PYTHON);
      const rows = SEQUENCE_NETWORKS.includes(name) ? sequencesOf('networks') : rowsOf('networks');
      const three = { ...rows, y: classesOf(rows) };
      const learner = learnerOf(name).open({
        network: { ...networkParameters(undefined, 'ai1'), epochs: EPOCHS, learning_rate: 0.01, lstm_units: 64 },
        columnNames: NAMES,
      });
      const ask = (budget: Budget): Promise<Fitted> =>
        learner.fit({
          task: { kind: 'multiclass', classes: CLASSES },
          rows: three,
          subset: Int32Array.from({ length: ROWS / 2 }, (_, row) => row),
          columns: null,
          budget,
          seed: name,
          continueFrom: null,
        });
      const fixed = { kind: 'fixed', iterations: EPOCHS } as const;
      const fitted = await ask(fixed);
      const again = await ask(fixed);
      expect(fitted.toOnnx({ metadata: {} })).toEqual(again.toOnnx({ metadata: {} }));
      expect([fitted.link, fitted.width, fitted.epochs]).toEqual(['softmax', CLASSES, undefined]);
      const unseen = takeRows(
        three.x,
        Array.from({ length: ROWS / 2 }, (_, row) => ROWS / 2 + row),
      );
      const p = fitted.exactAnswers(unseen);
      const called = likeliestClasses(p, CLASSES);
      const right = called.filter((label, row) => label === three.y[ROWS / 2 + row]).length;
      expect(right / called.length).toBeGreaterThan(0.55);
      const calibrated = fitted.withMargins({ slope: [0.7, 1.2, 0.9], intercept: [-0.2, 0.3, 0.1] });
      const bars = barsPerRow(unseen);
      const values = isSequence(unseen) ? sequencesIn(unseen, 0, unseen.rows) : unseen.values;
      for (const own of [fitted, calibrated]) {
        const session = await openSession(own.toOnnx({ metadata: {} }), { columns: NAMES.length, bars }, CLASSES);
        const served = session.run({ rows: unseen.rows, columns: bars * NAMES.length, values });
        const exact = own.exactAnswers(unseen);
        served.forEach((value, i) => expect(Math.abs(value - exact[i]!)).toBeLessThan(1e-5));
      }
      // What was seen of the rows that were learned from, after each epoch.
      expect(fitted.classEpochs).toHaveLength(EPOCHS);
      for (const { class_shares, stopping_loss } of fitted.classEpochs!) {
        expect(class_shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
        expect(stopping_loss).toBeNull();
      }
      const learned = takeRows(
        three.x,
        Array.from({ length: ROWS / 2 }, (_, row) => row),
      );
      const own = likeliestClasses(fitted.exactAnswers(learned), CLASSES);
      for (let k = 0; k < CLASSES; k++)
        expect(fitted.classEpochs!.at(-1)!.class_shares[k]).toBeCloseTo(
          own.filter((label) => label === k).length / own.length,
          2,
        );
    },
  );

  it.skipIf(note !== '')(
    `of classes stops when a gain is missing, with the losses of what it held${note}`,
    async () => {
      vi.stubEnv(NETWORKS_PYTHON, TEST_PYTHON);
      const rows = rowsOf('networks');
      const network = { ...networkParameters(undefined, 'ai1'), patience: 2, learning_rate: 0.01 };
      const fitted = await NETWORK_LEARNERS[0]!.open({ network, columnNames: NAMES }).fit({
        task: { kind: 'multiclass', classes: CLASSES },
        rows: { ...rows, y: classesOf(rows) },
        subset: Int32Array.from(rows.y.keys()),
        columns: null,
        budget: { kind: 'early_stopping', stopping: null },
        seed: 'stops',
        continueFrom: null,
      });
      const { classEpochs = [], iterations } = fitted;
      expect(classEpochs.length).toBeLessThan(100);
      expect(classEpochs).toHaveLength(iterations! + 2);
      const held = classEpochs.map(({ stopping_loss }) => stopping_loss!);
      expect(held[iterations! - 1]).toBe(Math.min(...held));
    },
  );

  it.skipIf(note !== '')(
    `the focal loss of classes is that of one probability with two, and its answers are the probabilities${note}`,
    () => {
      const { status, stdout, stderr } = spawnSync(TEST_PYTHON, ['-B', '-c', CLASS_LOSS], {
        encoding: 'utf8',
        cwd: join(packageRoot(), 'learners', 'python'),
      });
      expect(`${status} ${stderr}`).toBe('0 ');
      for (const line of stdout.trim().split('\n')) {
        const { between, slope, shares, sums } = JSON.parse(line) as Record<string, number>;
        // float64 but for the shares, whose logits are float32 where training starts.
        for (const difference of [between, slope, sums]) expect(difference).toBeLessThan(1e-9);
        expect(shares).toBeLessThan(1e-6);
      }
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
    const child = spawn(TEST_PYTHON, ['-E', '-s', '-B', program, 'neural_net'], {
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
