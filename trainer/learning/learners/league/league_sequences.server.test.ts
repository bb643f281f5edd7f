import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readManifest } from '../../../../shared/bundle/bundle.ts';
import { loadScorer } from '../../../../shared/bundle/scorer.ts';
import { sequenceModel } from '../../../../shared/bundle/sequence_bundle.fixture.ts';
import { NETWORKS_PYTHON } from '../../../../shared/policy/environment.ts';
import { createRng } from '../../../../shared/rng.ts';
import { createWorkplace, type Workplace } from '../../../../test/cli_process.ts';
import { FAKE_PYTHON_NOTE, fakeSequencePython } from '../../../../test/networks_python.ts';
import { tinyBars } from '../../../../test/tiny_models.ts';
import { takeRows, type FitRows } from '../contract/fit_rows.ts';
import type { Fitted } from '../contract/fitted.ts';
import { fitAllRows } from '../contract/learner.ts';
import { rowsOfTable, sequencesOf, type SequenceMatrix } from '../contract/past_rows.ts';
import { ensembleParameters } from '../mixture/ensemble_parameters.ts';
import { DEFAULT_SEQUENCE_BARS, networkParameters } from '../networks/network_parameters.ts';
import { onLastBar } from '../onnx/last_bar.ts';
import { openLearner } from '../registry.ts';
import { runFit } from '../trees/fit.ts';
import { isChosen } from './league_learner.ts';
import { SMALL_TREES } from '../small_trees.fixture.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const NAMES = ['z_score', 'beta', 'half_life'];
const COLUMNS = NAMES.length;
const BARS = 4;
const ROWS = 1500;
const TILT = 0.25;
const PARITY = 1e-5;
let place: Workplace;
let folder: string;
let python: string;
beforeAll(() => {
  place = createWorkplace();
  folder = mkdtempSync(join(tmpdir(), 'minutehand-league-sequences-'));
  for (let columns = 1; columns <= 80; columns++)
    for (const bars of [BARS, DEFAULT_SEQUENCE_BARS])
      writeFileSync(join(folder, `${bars}_${columns}.onnx`), sequenceModel(columns, bars, TILT));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
  await place.remove();
});

const usePython = (bars: number): void => {
  python = fakeSequencePython(folder, join(folder, `${bars}_{columns}.onnx`), TILT);
  vi.stubEnv(NETWORKS_PYTHON, python);
};

/** Each row with those before it; the label depends on the first column of the newest one. */
function rowsOfSequences(): FitRows & { readonly x: SequenceMatrix } {
  const rng = createRng('league of sequences');
  const table = Float32Array.from({ length: (ROWS + BARS - 1) * COLUMNS }, () =>
    rng.uniform() < 0.05 ? NaN : rng.normal(),
  );
  const x = rowsOfTable(table, { first: BARS - 1, rows: ROWS, columns: COLUMNS, bars: BARS }) as SequenceMatrix;
  const time = Float64Array.from({ length: ROWS }, (_, row) => 288 * row);
  return {
    x,
    y: Float64Array.from(time, (_, row) => ((x.values[row * COLUMNS] || 0) + rng.normal() > 0 ? 1 : 0)),
    time,
    labelEnd: time.map((at) => at + 600),
    weights: time.map(() => 1),
  };
}

const rows = rowsOfSequences();
const fit = (name: string, entrants: readonly string[] = []): Promise<Fitted> =>
  fitAllRows(
    openLearner(name, {
      parameters: SMALL_TREES,
      fitTrees: runFit,
      ensembles: {
        ...ensembleParameters({ vote_members: ['gbdt', 'logistic'] }),
        league: { entrants, choice: 'best', blocks: 2 },
      },
      columnNames: NAMES,
      network: networkParameters(undefined, 'ai1'),
    }),
    {
      task: { kind: 'binary' },
      rows,
      subset: Int32Array.from({ length: ROWS }, (_, row) => row),
      columns: null,
      seed: 'league',
      continueFrom: null,
    },
  );

/** The largest difference between a model and its graph, which gets sequences. */
async function distance(model: Fitted): Promise<number> {
  const some = takeRows(
    rows.x,
    Array.from({ length: 200 }, (_, row) => 7 * row),
  ) as SequenceMatrix;
  const scorer = await loadScorer(model.toOnnx({ metadata: {} }), { columns: COLUMNS, bars: BARS }, model.learner);
  try {
    const served = await scorer.score(sequencesOf(some, 0, some.rows), some.rows);
    const own = model.answers(some);
    return own.reduce((most, value, row) => Math.max(most, Math.abs(value - served[row]!)), 0);
  } finally {
    await scorer.release();
  }
}

describe('a model of one bar where models get several together', () => {
  it.each(['prior', 'logistic', 'gbdt', 'random_forest', 'vote', 'bagging', 'stacking'])(
    '%s reads the newest of them, calibrated as well',
    async (name) => {
      const fitted = await fit(name);
      const served = onLastBar(fitted, BARS);
      expect([...served.answers(rows.x)]).toEqual([...fitted.answers(rows.x)]);
      expect(await distance(served)).toBeLessThan(PARITY);
      if (fitted.link === 'identity') return;
      expect(await distance(served.withMargins({ slope: [0.7], intercept: [-0.2] }))).toBeLessThan(PARITY);
    },
  );
});

describe.skipIf(FAKE_PYTHON_NOTE !== '')(`a league with a network of sequences${FAKE_PYTHON_NOTE}`, () => {
  it('serves the chosen model of one bar as one of sequences, and a network as it is', async () => {
    usePython(BARS);
    const chosen = await fit('league', ['logistic', 'gru']);
    expect(isChosen(chosen) && chosen.chosen.learner).toBe('logistic');
    expect(chosen.bars).toBe(BARS);
    expect(await distance(chosen)).toBeLessThan(PARITY);
    expect(await distance(chosen.withMargins({ slope: [0.7], intercept: [-0.2] }))).toBeLessThan(PARITY);
    const network = await fit('league', ['gru']);
    expect(isChosen(network) && network.chosen.learner).toBe('gru');
    expect(await distance(network)).toBeLessThan(PARITY);
  });

  it('is trained, and its bundle answers as its models do', async () => {
    usePython(DEFAULT_SEQUENCE_BARS);
    const data = await place.writeBars('bars', tinyBars(place.settings));
    const args = ['train', '--data', data, '--engine', 'league', '--members', 'logistic,gru', '--trials', '0'];
    const { code, stdout, stderr } = await place.run(args, { env: { [NETWORKS_PYTHON]: python } });
    expect(code, stderr).toBeLessThanOrEqual(1);
    expect(stdout).toMatch(/golden vectors: passed/);
    const [version] = readdirSync(place.models).filter((name) => /^\d{8}_\d{4}/.test(name));
    const { engine, windows } = readManifest(join(place.models, version!));
    expect([engine.name, windows['sequence']]).toEqual(['league', DEFAULT_SEQUENCE_BARS]);
  });
});
