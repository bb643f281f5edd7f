import { REQUESTED } from '../shared/run_trigger/run_triggers.fixture.ts';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { activateDirection } from './activate.ts';
import { mt5Compilation } from '../cli/mt5_compilation.ts';
import { barAt, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { listVersions, readManifest } from '../shared/bundle/bundle.ts';
import { decodeTreeModel } from '../shared/bundle/onnx/tree_graph.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import { packageRoot } from '../shared/root.ts';
import { checksum } from '../shared/signal/encode.ts';
import { ENVELOPE_FIELDS, type Signal } from '../shared/signal/signal.ts';
import { verifySignal } from '../shared/signal/verify.ts';
import { keyOf, type GateResult } from '../shared/bundle/gates/gate_result.ts';
import { gateReason } from '../shared/bundle/gates/gate_text.ts';
import { MODEL_NAMES } from '../shared/core/features/feature.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { homePaths } from '../shared/home.ts';
import type { TrainingPlanReport } from '../cli/training_plan.ts';
import { storeQueue } from '../trainer/control/schedule/run_queue.ts';
import { createRegistry } from '../trainer/control/registry/registry.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, eventually, type Finished, type Workplace } from './cli_process.ts';
import { writeTinyDirection } from './tiny_direction.ts';
import { tinyBars } from './tiny_models.ts';
import { filesOf } from '../shared/bundle/slot_files.ts';
import { directionSlot } from '../shared/subject/slot.ts';

vi.setConfig({ testTimeout: 120_000 });

let place: Workplace;
let bars: Map<string, BarColumns>;
let data: string;
beforeAll(async () => {
  place = createWorkplace();
  bars = tinyBars(place.settings);
  data = await place.writeBars('bars', bars);
});
afterAll(() => place.remove());

interface ErrorDocument {
  readonly error: { readonly code: string; readonly message: string; readonly next: string };
}

/** The one JSON document on standard output. */
function documentOf({ stdout, stderr }: Finished): unknown {
  const lines = stdout.split('\n');
  expect(lines, stderr).toHaveLength(2);
  expect(lines[1]).toBe('');
  return JSON.parse(lines[0]!);
}

interface Answer {
  readonly code: number | string;
  readonly document: unknown;
}

const answerOf = (finished: Finished): Answer => ({ code: finished.code, document: documentOf(finished) });

async function json(...args: string[]): Promise<Answer> {
  return answerOf(await place.run([...args, '--json']));
}

/** Bundles of files are of a live market, and the tiny ones fail gates. */
async function jsonLive(...args: string[]): Promise<Answer> {
  return answerOf(await place.run([...args, '--json'], { env: { MINUTEHAND_MARKET: 'live' } }));
}
const OVERRIDE = ['--despite-gates', '--reason', 'tiny models'];

async function jsons(...commands: string[][]): Promise<Answer[]> {
  return (await place.runEach(commands.map((args) => [...args, '--json']))).map(answerOf);
}

interface Failure {
  readonly exit: number | string;
  readonly code: string;
  readonly message: string;
  readonly next: string;
}

async function failures(...commands: string[][]): Promise<Failure[]> {
  const all = await place.runEach(commands.map((args) => [...args, '--json']));
  return all.map((finished) => ({ exit: finished.code, ...(documentOf(finished) as ErrorDocument).error }));
}

async function failure(...args: string[]): Promise<Failure> {
  return (await failures(args))[0]!;
}

const utc = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 16) + 'Z';
const timesOf = (symbol: string): Float64Array => bars.get(symbol)!.time;

describe('misuse', () => {
  const HINTS: [string[], RegExp][] = [
    [['modls'], /unknown command 'modls'\n\(Did you mean models\?\)\n\(add --help/],
    [['models', 'lst'], /unknown command 'lst'\n\(Did you mean list\?\)\n\(add --help/],
    [['train', '--sed', '3'], /unknown option '--sed'\n\(Did you mean one of --seed, --set\?\)\n\(add --help/],
    [['features', '--pair', 'A_B'], /required option '--data <folder>' not specified\n\(add --help/],
    [['models', 'show'], /missing required argument 'version or path'\n\(add --help/],
    [['models', 'list', 'all'], /too many arguments/],
    [['up', '--market', 'real'], /Allowed choices are live, simulated/],
    [[], /^Usage: minutehand/],
    [['signal'], /^Usage: minutehand signal/],
  ];

  it('ends with exit code 2 and a hint, on standard error alone', async () => {
    const all = await place.runEach(HINTS.map(([args]) => args));
    for (const [index, [args, hint]] of HINTS.entries()) {
      const { code, stdout, stderr } = all[index]!;
      expect({ code, stdout }, args.join(' ')).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(hint);
    }
    expect(await place.run(['train', '--sed', '3'])).toEqual(all[2]);
  });

  it('with --json is one document, wherever --json is placed', async () => {
    const misuses = [
      ['--json', 'modls'],
      ['modls', '--json'],
      ['--json', 'models'],
      ['models', 'show', '--json'],
      ['train', '--json', '--seed', 'x'],
    ];
    const all = await place.runEach(misuses);
    for (const finished of all) {
      expect(finished.code).toBe(2);
      expect(documentOf(finished)).toMatchObject({ error: { code: 'USAGE' } });
    }
    expect(await place.run(misuses[0]!)).toEqual(all[0]);
  });

  it('of values is distinguished from failure: 2 against 1', async () => {
    const printed = (text: string) => expect.stringContaining(text) as string;
    const expected: [string[], Partial<Failure>][] = [
      [['train', '--data', data, '--trials', 'many'], { exit: 2, code: 'USAGE', message: printed('--trials') }],
      [['train', '--data', data, '--from', '2019-02-30'], { exit: 2, code: 'USAGE' }],
      [
        ['replay', '--data', data, '--from', '2024-01-03', '--to', '2024-01-03'],
        { exit: 2, message: printed('--to after --from') },
      ],
      [['features', '--data', data, '--pair', 'XAUUSD'], { exit: 2, code: 'USAGE' }],
      [['features', '--data', data, '--pair', 'XAUUSD_XAGUSD'], { exit: 2, message: printed('--out') }],
      [['replay', '--data', join(place.folder, 'nowhere')], { exit: 1, code: 'DATA_MISSING' }],
      [['models', 'show', '20200101_0000'], { exit: 1, code: 'MODEL_MISSING' }],
      [['models', 'rollback'], { exit: 1, code: 'MODEL_MISSING' }],
    ];
    expect(await failures(...expected.map(([args]) => args))).toMatchObject(expected.map(([, failure]) => failure));
  });
});

describe('help', () => {
  it('describes every command and each of its options', async () => {
    const top = await place.run(['--help']);
    expect(top.code).toBe(0);
    const names = (text: string): string[] =>
      [
        ...text
          .slice(text.indexOf('Commands:'))
          .split('\n\n', 1)[0]!
          .matchAll(/^ {2}([a-z]+) (?=.*\S)/gm),
      ]
        .map((match) => match[1]!)
        .filter((name) => name !== 'help');
    const commands = names(top.stdout);
    expect(commands).toEqual(
      expect.arrayContaining([
        'up',
        'daemon',
        'trainer',
        'bars',
        'features',
        'train',
        'replay',
        'models',
        'signal',
        'config',
        'doctor',
      ]),
    );
    const subcommands: string[][] = [];
    const check = (path: string[], { code, stdout, stderr }: Finished): void => {
      expect({ code, stderr }, path.join(' ')).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^Usage: minutehand ${path.join(' ')} `));
      // More than the usage line and the options.
      expect(stdout.split('\n\n')[1]!.length, stdout).toBeGreaterThan(40);
      expect(stdout).toContain('--json');
      for (const [, option, meaning] of stdout.matchAll(/^ {2}(-.*?)(?: {2,}(.*))?$/gm))
        expect(meaning, `${path.join(' ')} ${option}`).toBeTruthy();
      if (stdout.includes('Commands:')) for (const name of names(stdout)) subcommands.push([...path, name]);
    };
    const checkAll = async (paths: string[][]): Promise<void> => {
      const all = await place.runEach(paths.map((path) => [...path, '--help']));
      paths.forEach((path, index) => check(path, all[index]!));
    };
    await checkAll(commands.map((name) => [name]));
    expect(subcommands.length).toBeGreaterThanOrEqual(10);
    await checkAll([...subcommands]);
  });

  it('and version are documents with --json', async () => {
    const help = documentOf(await place.run(['train', '--json', '--help'])) as { text: string };
    expect(help.text).toMatch(/^Usage: minutehand train/);
    const version = documentOf(await place.run(['--json', '--version'])) as { text: string };
    expect(version.text).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await place.run(['help', 'train'])).code).toBe(0);
  });
});

describe('config and doctor', () => {
  it('check reports that all is valid, or names file, line and key', async () => {
    expect(await json('config', 'check')).toMatchObject({ code: 0, document: { ok: true, config_dir: place.config } });
    const wrong = createWorkplace();
    const path = join(wrong.config, 'core_policy.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replace('theta_step:', 'theta_stp:'));
    const { code, stdout, stderr } = await wrong.run(['config', 'check']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /CONFIG_UNKNOWN_KEY: [^]*core_policy\.yaml:\d+:\d+: theta_stp .*did you mean "theta_step"\?/,
    );
    await wrong.remove();
  });

  const REFUSED: [string, string, RegExp][] = [
    ['MINUTEHAND_TRUSTED_KEYS', '/nowhere/keys.pem', /KEY_UNUSABLE|nowhere/],
    ['MINUTEHAND_SIGNING_KEY', '/nowhere/key.pem', /nowhere/],
    ['MINUTEHAND_SLACK_URL', 'hooks.slack.com/x', /expected https:\/\/… or http:/],
    ['MINUTEHAND_DATABASE_URL', 'mysql://ann:s3cr@127.0.0.1/x', /an address of mysql:, expected postgres:/],
    ['MINUTEHAND_XGBOOST_LIBRARY', '/nowhere/libxgboost.so', /there is no file/],
    ['MINUTEHAND_HOME', '/proc/minutehand', /no folder can be made in \/proc/],
    ['MINUTEHAND_LOG', import.meta.filename, /is a file, expected a folder/],
    ['MINUTEHAND_DAEMON_PORT', '77777', /MINUTEHAND_DAEMON_PORT: is/],
  ];

  it('check refuses a variable that cannot be used', async () => {
    const all = await place.runEach(
      REFUSED.map(() => ['config', 'check']),
      REFUSED.map(([variable, value]) => ({ [variable]: value })),
    );
    for (const [index, [variable, , reason]] of REFUSED.entries()) {
      const { code, stdout, stderr } = all[index]!;
      expect({ code, stdout }, variable).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(new RegExp(`CONFIG_INVALID: [^]*environment variable ${variable}: `));
      expect(stderr).toMatch(reason);
      expect(stderr).not.toContain('s3cr');
    }
  });

  it('check warns of unused variables, with the nearest name', async () => {
    const env = { MINUTEHAND_MARKE: 'live', MINTUEHAND_TOKEN: 'x', MINUTEHAND_TEST_LONG: '1', HOMES: '/' };
    const { code, stdout, stderr } = await place.run(['config', 'check', '--json'], { env });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, market: 'simulated', warnings: { length: 2 } });
    expect(stderr).toMatch(/MINUTEHAND_MARKE is not .*did you mean "MINUTEHAND_MARKET"/);
    expect(stderr).toMatch(/MINTUEHAND_TOKEN is not .*did you mean "MINUTEHAND_TOKEN"/);
  });

  it('show prints the values in effect, environment included, and no password', async () => {
    const env = { MINUTEHAND_REDIS_URL: 'redis://user:s3cr@t@127.0.0.1:1/2', MINUTEHAND_DAEMON_PORT: '7999' };
    const shown = await place.run(['config', 'show', '--json'], { env });
    expect(documentOf(shown)).toMatchObject({
      minutehand: { transports: { redis: { url: 'redis://***@127.0.0.1:1/2' }, daemon: { port: 7999 } } },
      sources: {
        overrides: [
          { variable: 'MINUTEHAND_DAEMON_PORT' },
          { variable: 'MINUTEHAND_TRAINER_PORT' },
          { variable: 'MINUTEHAND_REDIS_URL' },
        ],
      },
    });
    expect(shown.stdout + shown.stderr).not.toContain('s3cr');
  });

  it('doctor finds nothing to fix on this machine, and reports what is missing', async () => {
    const { code, document } = await json('doctor');
    const { ok, findings } = document as { ok: boolean; findings: { what: string; verdict: string; detail: string }[] };
    expect({ code, ok }, JSON.stringify(findings)).toEqual({ code: 0, ok: true });
    const verdicts = Object.fromEntries(findings.map(({ what, verdict }) => [what, verdict]));
    expect(verdicts).toMatchObject({
      node: 'ok',
      configuration: 'ok',
      'better-sqlite3': 'ok',
      'onnxruntime-node': 'ok',
      redis: 'ok',
      models: 'warning',
      'expert advisor': mt5Compilation(packageRoot()).state === 'compiled' ? 'ok' : 'warning',
    });
  });

  it('doctor ends with exit code 1 when the configuration must be fixed', async () => {
    const finished = await place.run(['doctor', '--json'], {
      env: { MINUTEHAND_CONFIG: join(place.folder, 'nowhere') },
    });
    expect(finished.code).toBe(1);
    expect(documentOf(finished)).toMatchObject({ ok: false });
  });
});

describe('bars', () => {
  it('import merges a source once, and check counts the bars', async () => {
    const source = join(data, 'XAUUSD.csv');
    const out = join(place.folder, 'imported');
    const first = await json('bars', 'import', source, '--out', out);
    const count = bars.get('XAUUSD')!.length;
    expect(first).toMatchObject({
      code: 0,
      document: { symbols: [{ symbol: 'XAUUSD', added: count, duplicates: 0, bars: count }] },
    });
    const [second, check] = await jsons(['bars', 'import', source, '--out', out], ['bars', 'check', out]);
    expect(second).toMatchObject({ code: 0, document: { symbols: [{ added: 0, duplicates: count, bars: count }] } });
    expect(check).toMatchObject({ code: 0, document: [{ symbol: 'XAUUSD', bars: count, missing_minutes: 0 }] });
    expect((await place.run(['bars', 'check', out])).stdout).toMatch(
      new RegExp(`^symbol .*\nXAUUSD +${count} +2024-01-01T22:00Z `),
    );
  });

  it('import reports the files it could not read, and an invalid time zone', async () => {
    const mixed = join(place.folder, 'mixed');
    mkdirSync(mixed);
    writeFileSync(join(mixed, 'notes.txt'), 'nothing\nof use\n');
    writeFileSync(join(mixed, 'XAGUSD.csv'), readFileSync(join(data, 'XAGUSD.csv')));
    const { code, stdout, stderr } = await place.run([
      'bars',
      'import',
      mixed,
      '--out',
      join(place.folder, 'imported'),
    ]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^XAGUSD: \d+ read, /);
    expect(stderr).toContain('notes.txt: not imported. DATA_FORMAT: ');
    const wrong = [
      ['bars', 'import', mixed, '--out', mixed, '--timezone', 'Tokyo'],
      ['bars', 'check', join(place.folder, 'nowhere')],
    ];
    expect(await failures(...wrong)).toMatchObject([
      { exit: 2, code: 'USAGE' },
      { exit: 1, code: 'DATA_MISSING' },
    ]);
  });
});

describe('features', () => {
  const pair = 'XAUUSD_XAGUSD';
  let whole: string;

  it('writes the core’s values bit for bit: a header, a row per common minute, empty cells in warm-up', async () => {
    const { code, stdout } = await place.run(['features', '--pair', pair, '--data', data]);
    expect(code).toBe(0);
    whole = stdout;
    const [header, ...rows] = stdout.trimEnd().split('\n');
    const core = new PairFeatures(place.settings.minutehand.windows);
    expect(header).toBe(['time', ...core.definitions.map(({ name }) => name)].join(','));
    const a = bars.get('XAUUSD')!;
    const b = bars.get('XAGUSD')!;
    expect(rows).toHaveLength(a.length);
    for (const [index, row] of rows.entries()) {
      core.step(barAt(a, index), barAt(b, index));
      const [time, ...cells] = row.split(',');
      expect(Number(time)).toBe(a.time[index]);
      expect(cells.map((cell) => (cell === '' ? NaN : Number(cell)))).toEqual([...core.values]);
    }
    expect(rows[0]).toContain(',,');
    expect(rows.at(-1)).not.toContain(',,');
  });

  it('writes the same into a file, and with --from and --to the same rows of that time', async () => {
    const out = join(place.folder, 'features.csv');
    const written = await json('features', '--pair', pair, '--data', data, '--out', out);
    expect(written).toMatchObject({ code: 0, document: { rows: bars.get('XAUUSD')!.length, out } });
    expect(readFileSync(out, 'utf8')).toBe(whole);
    const from = timesOf('XAUUSD')[700]!;
    const to = timesOf('XAUUSD')[900]!;
    const part = await place.run(['features', '--pair', pair, '--data', data, '--from', utc(from), '--to', utc(to)]);
    const lines = whole.split('\n');
    expect(part.stdout).toBe([lines[0], ...lines.slice(701, 901), ''].join('\n'));
  });

  it('ends without an error when its output is closed', async () => {
    const features = place.start(['features', '--pair', pair, '--data', data]);
    await eventually('the header', features.stdout);
    features.closeStdout();
    expect(await features.ended).toBe(0);
    expect(features.stderr()).not.toContain('EPIPE');
  });

  it('keeps an earlier file when it fails, and never replaces a device', async () => {
    const unwritable = [join(place.folder, 'no', 'such', 'x.csv'), place.folder];
    for (const failure of await failures(
      ...unwritable.map((out) => ['features', '--pair', pair, '--data', data, '--out', out]),
    ))
      expect(failure).toMatchObject({ exit: 1, code: 'OUTPUT_UNWRITABLE' });
    expect(await json('features', '--pair', pair, '--data', data, '--out', '/dev/null')).toMatchObject({ code: 0 });
    expect(existsSync('/dev/null') && readFileSync('/dev/null', 'utf8')).toBe('');
    expect(readdirSync(place.folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('train', () => {
  /** A bundle in a folder that is not the other commands'. */
  let elsewhere: string;
  const onnx = (folder: string): string[] =>
    ['ai1.onnx', 'ai2.onnx', 'ai3.onnx'].map((name) => readFileSync(join(folder, name), 'base64'));

  it('with the same bars and seed writes the same ONNX files, byte for byte, on any number of threads; another seed does not', async () => {
    const train = async (seed: string, workers: string): Promise<string> => {
      const { code, document } = await json(
        'train',
        '--data',
        data,
        '--seed',
        seed,
        '--workers',
        workers,
        '--trials',
        '1',
        '--out',
        join(place.folder, 'twice'),
      );
      expect(code).toBe(0);
      return (document as { path: string }).path;
    };
    const first = await train('3', '1');
    const second = await train('3', '3');
    const other = await train('4', '2');
    elsewhere = other;
    expect(second).not.toBe(first);
    expect(onnx(second)).toEqual(onnx(first));
    expect(onnx(other)).not.toEqual(onnx(first));
    expect(readdirSync(first).sort()).toEqual([
      'CARD.md',
      'ai1.onnx',
      'ai2.onnx',
      'ai3.onnx',
      'manifest.json',
      'monitor.json',
      'validation.json',
    ]);
  });

  it('--dry-run checks everything, shows the plan with its size, and neither learns nor writes a bundle', async () => {
    const out = join(place.folder, 'dry');
    const { code, document } = await json('train', '--data', data, '--trials', '2', '--dry-run', '--out', out);
    const plan = document as TrainingPlanReport;
    expect(code).toBe(0);
    expect(plan).toMatchObject({ kind: 'train', market: 'live', trials: 2, models_folder: out, expected: null });
    // What a training of the same rows records.
    const { dataset_id, metrics, period } = readManifest(elsewhere);
    expect([plan.dataset_id, plan.period.holdout_from]).toEqual([dataset_id, period.holdout_from]);
    for (const name of MODEL_NAMES)
      expect([plan.rows[name].training, plan.rows[name].holdout]).toEqual([
        metrics[name].rows,
        metrics[name].holdout.rows,
      ]);
    // The trainings before have counted their evaluations there.
    expect([existsSync(out), listVersions(place.models)]).toEqual([false, []]);
    expect(
      await failures(
        ['train', '--data', data, '--dry-run', '--adopt'],
        ['train', '--data', data, '--warm-start', '--dry-run'],
        ['train', '--data', data, '--theta2', '--dry-run'],
        ['train', '--data', join(place.folder, 'nowhere'), '--dry-run'],
      ),
    ).toMatchObject([
      { exit: 2, code: 'USAGE' },
      { exit: 1, code: 'MODEL_MISSING' },
      { exit: 2, code: 'USAGE' },
      { exit: 1, code: 'DATA_MISSING' },
    ]);
    const library = { env: { MINUTEHAND_XGBOOST_LIBRARY: join(place.folder, 'no.so') } };
    const missing = await place.run(['train', '--data', data, '--engine', 'xgboost', '--dry-run', '--json'], library);
    expect(documentOf(missing)).toMatchObject({ error: { code: 'LEARNER_MISSING' } });
  });

  it('--dry-run expects the time of the newest run of the trainer, in proportion to rows and fits', async () => {
    const home = join(place.folder, 'planned home');
    const version = basename(elsewhere);
    cpSync(elsewhere, join(home, 'models', version), { recursive: true });
    const env = { MINUTEHAND_HOME: home, MINUTEHAND_MARKET: 'live' };
    const paths = homePaths(env);
    mkdirSync(dirname(paths.trainer), { recursive: true });
    const store = await openStore(paths.trainer);
    const queue = storeQueue(store, { market: 'live', owner: 'test', clock: MACHINE_CLOCK });
    const run = (await queue.begin({ trigger: REQUESTED }))!;
    const ended = { status: 'adopted', finished_at: run.started_at, duration_ms: 600_000 } as const;
    await queue.keep(
      { ...run, ...ended, model_version: version, peak_memory_bytes: 2 ** 30 },
      { raised: [], cleared: [] },
    );
    await store.close();
    const planOf = async (trials: string): Promise<TrainingPlanReport> => {
      const args = ['train', '--data', data, '--trials', trials, '--dry-run', '--json'];
      return documentOf(await place.run(args, { env })) as TrainingPlanReport;
    };
    const same = await planOf(String(readManifest(elsewhere).search!.ai1!.trials));
    expect(same.expected).toEqual({ seconds: 600, peak_memory_bytes: 2 ** 30, from_run: run.run_id });
    const more = await planOf('7');
    expect(more.expected!.seconds).toBe(Math.round((600 * more.fits) / same.fits));
    const text = await place.run(['train', '--data', data, '--trials', String(same.trials), '--dry-run'], { env });
    expect(text.stdout).toMatch(/^Dry run: nothing is learned and no bundle is written\./);
    expect(text.stdout).toContain(`about 10 min, as run ${run.run_id} took for its rows and fits`);
  });

  it('reports when there are no bars, or not enough', async () => {
    const empty = join(place.folder, 'empty');
    mkdirSync(empty);
    const end = utc(timesOf('XAUUSD')[450]!);
    expect(await failures(['train', '--data', empty], ['train'], ['train', '--data', data, '--to', end])).toMatchObject(
      [
        { exit: 1, code: 'DATA_MISSING' },
        { exit: 1, code: 'DATA_MISSING', next: expect.stringContaining('--data') as string },
        { exit: 1, code: 'DATA_TOO_SHORT' },
      ],
    );
  });

  it('writes its bundle to the folder of the other commands', async () => {
    const trained = await place.run(['train', '--data', data, '--trials', '0']);
    expect(trained.code, trained.stderr).toBe(0);
    const version = /minutehand models promote (\d{8}_\d{4}(?:_\d+)?)( --despite-gates --reason <text>)?\n/.exec(
      trained.stdout,
    )![1]!;
    const [listed, verified] = await jsons(['models', 'list'], ['models', 'verify', version]);
    expect(listed).toMatchObject({
      code: 0,
      document: { active: null, bundles: [{ version, active: false, error: null, pairs: 3 }] },
    });
    expect(verified).toMatchObject({ code: 0, document: { version, ok: true } });
    expect(await jsonLive('models', 'promote', join(place.models, version), ...OVERRIDE)).toMatchObject({
      code: 0,
      document: { version, previous: null },
    });
    const [card, list] = await place.runEach([
      ['models', 'show', version],
      ['models', 'list'],
    ]);
    expect(card!.stdout).toBe(`${readFileSync(join(place.models, version, 'CARD.md'), 'utf8')}\n`);
    expect(list!.stdout).toMatch(new RegExp(`^\\* ${version} `));
    expect(list!.stdout).toMatch(/, no search\n/);
    expect(await failure('models', 'rollback')).toMatchObject({ exit: 1, code: 'MODEL_MISSING' });
  });

  it('learns with the settings of --set, within the limits of the configuration', async () => {
    const out = join(place.folder, 'set');
    const own = [
      'train.ai1.rounds=3',
      'train.ai2.rounds=4',
      'train.ai3.rounds=5',
      'train.ai3.leaves=2',
      'train.folds=2',
    ];
    const trained = await place.run(['train', '--data', data, '--trials', '0', '--out', out, '--set', ...own]);
    expect(trained.code, trained.stderr).toBe(0);
    const bundle = readdirSync(out).find((name) => /^\d{8}_/.test(name))!;
    const trees = (['ai1', 'ai2', 'ai3'] as const).map(
      (model) => decodeTreeModel(readFileSync(join(out, bundle, `${model}.onnx`))).model.ensembles[0]!.trees,
    );
    expect(trees.map(({ length }) => length)).toEqual([3, 4, 5]);
    expect(Math.max(...trees[2]!.map(({ feature }) => feature.length))).toBeLessThanOrEqual(3);
    expect(
      await failures(
        ['train', '--data', data, '--set', 'train.fold=3'],
        ['train', '--data', data, '--set', 'train.folds=1'],
        ['train', '--data', data, '--set', 'train.folds'],
      ),
    ).toMatchObject([
      { exit: 2, code: 'USAGE' },
      { exit: 2, code: 'USAGE' },
      { exit: 2, code: 'USAGE' },
    ]);
  });

  it('--adopt keeps the active bundle when a gate fails, and records the new one as rejected', async () => {
    const active = readFileSync(join(place.models, 'active.json'), 'utf8');
    const { code, document } = await jsonLive('train', '--data', data, '--trials', '0', '--adopt');
    const { version, adopted, gates } = document as { version: string; adopted: boolean; gates: GateResult[] };
    const failed = gates.filter(({ passed }) => !passed);
    expect({ code, adopted }).toEqual({ code: 0, adopted: false });
    // The market is too short for the sample limit; most other gates pass.
    expect(failed.map(keyOf)).toContain('ai1.samples');
    expect(gates.length - failed.length).toBeGreaterThan(10);
    expect(readFileSync(join(place.models, 'active.json'), 'utf8')).toBe(active);
    // Bars from a folder count as real, whatever the configured market.
    expect(readManifest(join(place.models, version)).market).toBe('live');
    const store = await openStore(join(place.home, 'trainer.db'));
    const [row] = (await createRegistry(store, place.models).list()).filter((one) => one.version === version);
    await store.close();
    expect(row).toMatchObject({
      status: 'rejected',
      reasons: failed.map((gate) => gateReason(gate)),
      adopted_at: null,
    });
  });

  it('promotes a bundle from elsewhere by its path, and rolls back to the previous one', async () => {
    const { version: active } = JSON.parse(readFileSync(join(place.models, 'active.json'), 'utf8')) as {
      version: string;
    };
    const renamed = join(place.folder, 'a copy of mine');
    cpSync(elsewhere, renamed, { recursive: true });
    const manifest = readFileSync(join(renamed, 'manifest.json'), 'utf8');
    writeFileSync(
      join(renamed, 'manifest.json'),
      manifest.replace(`"version": "${basename(elsewhere)}"`, '"version": "20990101_0000"'),
    );
    expect(await jsonLive('models', 'promote', renamed, ...OVERRIDE)).toMatchObject({
      code: 0,
      document: { version: '20990101_0000', previous: active },
    });
    expect(existsSync(join(place.models, '20990101_0000', 'ai1.onnx'))).toBe(true);
    expect(await jsonLive('models', 'rollback')).toMatchObject({
      code: 0,
      document: { version: active, previous: '20990101_0000' },
    });
  });

  it('rolls the direction model of a timeframe back, by a pointer with a higher serial', async () => {
    const days = ['2026-01-01', '2026-01-02'];
    const [first, second] = days.map((day) => writeTinyDirection(place.models, 'BTCUSDT', '1h', new Date(day)));
    for (const version of [first!, second!]) activateDirection(place.models, version, place.home);
    const document = { version: first, previous: second, timeframe: '1h' };
    expect(await json('models', 'rollback', '--direction', '1h')).toMatchObject({ code: 0, document });
    const pointer = readFileSync(filesOf(place.models, directionSlot('1h')).active.path, 'utf8');
    expect(JSON.parse(pointer)).toMatchObject({ version: first, previous: second, serial: 3 });
    const none = await failure('models', 'rollback', '--direction', '1d');
    expect(none).toMatchObject({ exit: 1, code: 'MODEL_MISSING' });
  });

  it('says of a direction model that it cannot be trained again', async () => {
    const version = writeTinyDirection(place.models, 'BTCUSDT', '1h', new Date('2026-01-03'));
    expect(await json('models', 'verify', version)).toMatchObject({ code: 0, document: { ok: true } });
    expect(await json('models', 'verify', '--deep', version)).toMatchObject({
      code: 3,
      document: { version, ok: false, deep: 'impossible' },
    });
    // No instrument of this timeframe runs here.
    expect(await failure('models', 'shadow', version)).toMatchObject({ code: 'MODEL_TIMEFRAME' });
    expect(await failure('models', 'shadow', version, '--direction', '1h')).toMatchObject({ exit: 2, code: 'USAGE' });
  });
});

describe('replay', () => {
  const ENVELOPE = new Set<string>(ENVELOPE_FIELDS);

  async function replay(
    name: string,
    ...args: string[]
  ): Promise<{
    summary: { sha256: string; signals: number; minutes: number; enters: number };
    signals: Signal[];
    path: string;
  }> {
    const path = join(place.folder, name);
    const { code, document } = await json('replay', '--data', data, '--out', path, ...args);
    expect(code).toBe(0);
    const signals = linesOf(path).map((line) => verifySignal(line));
    return { summary: document as { sha256: string; signals: number; minutes: number; enters: number }, signals, path };
  }
  const linesOf = (path: string): string[] => readFileSync(path, 'utf8').trimEnd().split('\n');
  const bodyOf = (signal: Signal): string =>
    JSON.stringify(Object.entries(signal).filter(([key]) => !ENVELOPE.has(key)));

  let first: Awaited<ReturnType<typeof replay>>;

  it('gives the same signals every time; its sha256 shows it, and every line is a signal by the contract', async () => {
    first = await replay('first.jsonl');
    const second = join(place.folder, 'second.jsonl');
    const shown = await place.run(['replay', '--data', data, '--out', second]);
    expect(shown.stdout).toContain(`\nsha256 ${first.summary.sha256}\n`);
    expect(linesOf(second).map((line) => bodyOf(verifySignal(line)))).toEqual(first.signals.map(bodyOf));
    expect(first.signals).toHaveLength(first.summary.signals);
    expect(first.summary.signals).toBe(3 * first.summary.minutes);
    expect(first.summary.enters).toBeGreaterThan(0);
    for (const { market } of first.signals) expect(market).toBe('replay');
    expect(await json('signal', 'verify', first.path)).toMatchObject({
      code: 0,
      document: { accepted: first.summary.signals, refused: [] },
    });
  });

  it('of a part equals the same minutes of the whole, when no position is open at its beginning', async () => {
    const stamps = [...new Set(first.signals.map(({ timestamp }) => timestamp))];
    const byStamp = (stamp: string): Signal[] => first.signals.filter(({ timestamp }) => timestamp === stamp);
    // The bar after this close: all pairs are warm and flat.
    const flat = stamps.findIndex(
      (stamp, index) => index > 400 && byStamp(stamp).every(({ target, mode }) => target === 0 && mode === 'OK'),
    );
    expect(flat).toBeGreaterThan(0);
    const from = stamps[flat]!;
    const to = stamps[flat + 500]!;
    const part = await replay('part.jsonl', '--from', from.slice(0, 16) + 'Z', '--to', to.slice(0, 16) + 'Z');
    expect(part.signals[0]!.timestamp).toBe(stamps[flat + 1]);
    expect(part.signals.at(-1)!.timestamp).toBe(to);
    expect(part.summary.minutes).toBe(500);
    const expected = first.signals.filter(({ timestamp }) => timestamp > from && timestamp <= to);
    expect(part.signals.map(bodyOf)).toEqual(expected.map(bodyOf));
  });

  it('takes the given pairs and models, and refuses others', async () => {
    const [model] = readdirSync(place.models).filter((name) => name.startsWith('2099'));
    const one = await replay('one.jsonl', '--pair', 'EURUSD_GBPUSD', '--models', join(place.models, model!));
    expect(new Set(one.signals.map(({ pair_id }) => pair_id))).toEqual(new Set(['EURUSD_GBPUSD']));
    expect(one.signals.at(-1)!.model_version).toBe(model);
    expect(
      await failures(
        ['replay', '--data', data, '--pair', 'AAA_BBB'],
        ['replay', '--data', data, '--models', join(place.folder, 'empty')],
      ),
    ).toMatchObject([
      { exit: 1, code: 'PAIR_UNKNOWN' },
      { exit: 1, code: 'MODEL_MISSING' },
    ]);
  });

  it('leaves nothing behind when it fails in the middle', async () => {
    expect(await failure('replay', '--data', data, '--out', join(place.folder, 'no', 'failed.jsonl'))).toMatchObject({
      exit: 1,
      code: 'OUTPUT_UNWRITABLE',
    });
    expect(readdirSync(place.folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('signal verify', () => {
  const line = (): string => readFileSync(join(place.folder, 'part.jsonl'), 'utf8').split('\n')[7]!;

  it('refuses a changed text, a stale signal on request, and a text that is no signal', async () => {
    const changed = join(place.folder, 'changed.json');
    writeFileSync(changed, line().replace('"target":0', '"target":1') + '\n');
    const stale = join(place.folder, 'stale.json');
    const past = line().replace(/"valid_until_ms":\d+/, '"valid_until_ms":1700000000000');
    writeFileSync(stale, past.replace(/[0-9a-f]{8}"\}$/, `${checksum(past.slice(0, past.lastIndexOf(',"crc32"')))}"}`));
    const empty = join(place.folder, 'empty.json');
    writeFileSync(empty, '\n');

    const nowhere = join(place.folder, 'nowhere.json');
    const asked = [[changed], [stale, '--fresh'], [empty], [nowhere]];
    expect(await jsons(...asked.map((args) => ['signal', 'verify', ...args]))).toMatchObject([
      { code: 1, document: { accepted: 0, refused: [{ line: 1, error: { code: 'SIGNAL_CRC' } }] } },
      { code: 1, document: { refused: [{ error: { code: 'SIGNAL_STALE' } }] } },
      { code: 1, document: { refused: [{ error: { code: 'SIGNAL_FORMAT' } }] } },
      { code: 1, document: { error: { code: 'DATA_MISSING' } } },
    ]);
    const [shown, accepted] = await place.runEach([changed, stale].map((path) => ['signal', 'verify', path]));
    expect(shown!.stdout).toMatch(/^REFUSED {2}.*changed\.json:1 {2}SIGNAL_CRC: .*\n0 of 1 signals accepted\n$/);
    expect(accepted!.code).toBe(0);
  });

  it('refuses a signal of another pair than its folder or key, as every consumer does', async () => {
    const { pair_id } = verifySignal(line());
    const inFolder = (name: string): string => {
      mkdirSync(join(place.folder, name), { recursive: true });
      const path = join(place.folder, name, 'signal.json');
      writeFileSync(path, `${line()}\n`);
      return path;
    };
    const all = join(place.folder, 'signals.json');
    writeFileSync(all, `{"AAA_BBB":${line()}}\n`);
    const [foreign, own, plain, keyed] = await jsons(
      ...[inFolder('AAA_BBB'), inFolder(pair_id), inFolder('DATA'), all].map((path) => ['signal', 'verify', path]),
    );
    const error = { code: 'SIGNAL_PAIR', message: expect.stringContaining('AAA_BBB') as string };
    expect(foreign).toMatchObject({ code: 1, document: { accepted: 0, refused: [{ error }] } });
    expect(keyed).toMatchObject({ code: 1, document: { accepted: 0, refused: [{ error }] } });
    expect([own, plain]).toMatchObject([{ code: 0 }, { code: 0 }]);
  });

  it('reads standard input, many lines and the file of all pairs', async () => {
    const lines = readFileSync(join(place.folder, 'part.jsonl'), 'utf8').split('\n').slice(0, 3);
    const piped = await place.run(['signal', 'verify', '-'], { input: `${lines.join('\n')}\n` });
    expect(piped).toMatchObject({ code: 0, stdout: expect.stringMatching(/3 of 3 signals accepted\n$/) as string });
    const all = join(place.folder, 'signals.json');
    writeFileSync(all, `{${lines.map((text) => `"${verifySignal(text).pair_id}":${text}`).join(',')}}\n`);
    expect(await json('signal', 'verify', all)).toMatchObject({ code: 0, document: { accepted: 3, refused: [] } });
    writeFileSync(all, readFileSync(all, 'utf8').replace('"mode":"OK"', '"mode":"HALT"'));
    expect(await json('signal', 'verify', all)).toMatchObject({
      code: 1,
      document: { accepted: 2, refused: [{ error: { code: 'SIGNAL_CRC' } }] },
    });
  });
});
