import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { OpenTime } from '../shared/bar.ts';
import { clipBars, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { readActive, readManifest } from '../shared/bundle/bundle.ts';
import { onnxAnswers } from '../shared/bundle/onnx/answers.ts';
import { homePaths } from '../shared/home.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';
import { fitAllRows } from '../trainer/learning/learners/contract/learner.ts';
import { LOGISTIC } from '../trainer/learning/learners/linear/logistic.ts';
import type { RoleTableFacts } from '../trainer/learning/role_table/role_table.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { lastSignal, sendBars, startDaemon } from './fed_daemon.ts';
import { pythonNote, TEST_PYTHON } from './python.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** Bars of the simulated market in files count as live ones. */
const MARKET = { MINUTEHAND_MARKET: 'live' };
const PAIR = 'XAUUSD_XAGUSD';
const TREES = { rounds: 10, learning_rate: 0.1, leaves: 7, min_data_in_leaf: 100 };
const TRAINED_MINUTES = 8000;
const NEWER_MINUTES = 2000;
const PUBLISHED_MINUTES = 5;

const WRITERS = [
  {
    name: 'the example of scikit-learn',
    note: pythonNote('numpy', 'onnx', 'pyarrow', 'sklearn'),
    write(place: Workplace, args: readonly string[]): Promise<void> {
      const done = spawnSync(TEST_PYTHON, [join(packageRoot(), args[0]!), ...args.slice(1)], {
        cwd: place.folder,
        encoding: 'utf8',
      });
      expect(done.status, done.stderr).toBe(0);
      return Promise.resolve();
    },
  },
  { name: 'our own encoder', note: '', write: writeOwn },
];

/** What the example does, by a learner and an encoder of ours. */
async function writeOwn(place: Workplace, [, table, model, preprocess]: readonly string[]): Promise<void> {
  const facts = factsOf(place, table!);
  const read = await parquetReadObjects({ file: await asyncBufferFromFile(join(place.folder, table!)) });
  const columns = facts.features.length;
  const values = Float32Array.from(read.flatMap((row) => facts.features.map((name) => row[name] as number)));
  const numbers = (name: string): Float64Array => Float64Array.from(read, (row) => Number(row[name]));
  const fitted = await fitAllRows(LOGISTIC.open({}), {
    task: { kind: 'binary' },
    rows: {
      x: { rows: read.length, columns, values },
      y: numbers('label'),
      weights: numbers('weight'),
      time: numbers('time'),
      labelEnd: numbers('label_end'),
    },
    subset: Int32Array.from(read.keys()),
    columns: null,
    seed: 'outside',
    continueFrom: null,
  });
  // Less sure of itself: so few rows.
  const shrunk = fitted.withMargins({ slope: [0.5], intercept: [0] });
  writeFileSync(join(place.folder, model!), shrunk.toOnnx({ metadata: { feature_schema: facts.feature_schema } }));
  writeFileSync(join(place.folder, preprocess!), JSON.stringify({ columns: facts.features }));
}

function factsOf(place: Workplace, table: string): RoleTableFacts {
  return JSON.parse(readFileSync(join(place.folder, `${table}.json`), 'utf8')) as RoleTableFacts;
}

/** Lines of the guide's first block that begin with a program. */
function guideCommands(): string[][] {
  const guide = readFileSync(join(packageRoot(), 'docs/guides/extend/BRING_A_MODEL.md'), 'utf8');
  const block = /^```sh\n(.*?)^```/ms.exec(guide)![1]!;
  return block
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
}

describe.each(WRITERS)('a model of $name$note', ({ note, write }) => {
  let place: Workplace;
  let older: string;
  let bars: ReadonlyMap<string, BarColumns>;
  beforeAll(async () => {
    if (note !== '') return;
    const { pairs, windows, decision, label } = loadSettings({ env: {} }).minutehand;
    place = createWorkplace({
      core: { theta_step: 0.1 },
      retrain: { quality_min_samples: 1000 },
      minutehand: {
        pairs: pairs.slice(0, 3),
        windows,
        decision,
        label,
        train: { folds: 2, max_rows: 4000, ai1: TREES, ai2: TREES, ai3: TREES },
        search: { trials: 0, theta_evaluations: 0 },
        simulated: { seed: 2 },
        feed: { straggler_timeout_ms: 50_000 },
      },
    });
    bars = tinyBars(place.settings, TRAINED_MINUTES + NEWER_MINUTES);
    const cut = bars.get('XAUUSD')!.time[TRAINED_MINUTES]! as OpenTime;
    older = await place.writeBars(
      'older',
      new Map([...bars].map(([symbol, own]) => [symbol, clipBars(own, undefined, cut)])),
    );
  });
  afterAll(() => place?.remove());

  it(`is brought by the guide's commands, passes the gates, and gives published signals`, async ({ skip }) => {
    if (note !== '') return skip(note);
    const inPlace = (args: readonly string[]): string[] =>
      args.map((arg) => {
        if (arg === 'm1') return older;
        if (arg === 'LEARNED_UNTIL') return factsOf(place, 'rows.parquet').learned_until;
        return /\.(parquet|onnx|json)$/.test(arg) ? join(place.folder, arg) : arg;
      });
    let imported = '';
    for (const [program, ...args] of guideCommands()) {
      if (program === 'minutehand') {
        const { code, stdout, stderr } = await place.run([...inPlace(args), '--json'], { env: MARKET });
        expect(code, stdout + stderr).toBe(0);
        imported = stdout;
      } else if (program!.endsWith('/python')) await write(place, args);
    }
    const { version, adopted } = JSON.parse(imported) as { readonly version: string; readonly adopted: boolean };
    expect(adopted, imported).toBe(true);
    expect(readActive(place.models)!.version).toBe(version);
    const manifest = readManifest(join(place.models, version));
    expect(Object.keys(manifest.imported!)).toEqual(['ai1']);

    const url = await startDaemon(place, MARKET);
    await sendBars(url, bars, PUBLISHED_MINUTES);
    const journal = homePaths({ MINUTEHAND_HOME: place.home }).journal('live', 'main');
    const signal = await eventually('the last signal', () => lastSignal(journal, PAIR, PUBLISHED_MINUTES - 1));
    expect(signal.body.return_prob).not.toBeNull();
    const close = new Date((signal.time + 60) * 1000).toISOString();
    const explained = await place.run(['explain', PAIR, close, '--json'], { env: MARKET });
    expect(explained.code, explained.stderr).toBe(0);
    const { features } = JSON.parse(explained.stdout) as {
      readonly features: readonly { readonly name: string; readonly value: number | null }[];
    };
    const values = Float32Array.from(features, ({ value }) => value ?? NaN);
    const answers = await onnxAnswers(readFileSync(join(place.models, version, 'ai1.onnx')), {
      rows: 1,
      columns: values.length,
      values,
    });
    expect(signal.body.return_prob).toBeCloseTo(answers.values[0]!, 5);
  });
});
