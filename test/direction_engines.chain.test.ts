import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readAddress } from '../shared/address.ts';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { readDirectionBundle } from '../shared/bundle/direction/direction_bundle.ts';
import { openRowSession } from '../shared/bundle/scorer.ts';
import { homePaths } from '../shared/home.ts';
import { LEARNER_PROGRAM, NETWORKS_PYTHON } from '../shared/policy/environment.ts';
import { createRng } from '../shared/rng.ts';
import type { InstrumentSignal } from '../shared/signal/instrument_signal.ts';
import { openJournal } from '../shared/store/journal.ts';
import type { ChainEngine } from './chain_engine.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { LOGISTIC_PROGRAM } from './logistic_program.ts';
import { networksNote } from './networks_python.ts';
import { TEST_PYTHON } from './python.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** Bars of files count as live ones. */
const MARKET = { MINUTEHAND_MARKET: 'live' };
const ID = 'BTCUSDT@1h';
const HOUR = 3600;
const START = 1_704_067_200;
const TRAINED_HOURS = 2000;
const SERVED_HOURS = 30;
/** Bars from which every feature is warm, and a sequence as well. */
const WARM_HOURS = 260;
const SEQUENCE = 12;

interface Engine extends ChainEngine {
  /** Bars whose features its models get together. */
  readonly bars: number;
}

const ENGINES: readonly Engine[] = [
  {
    engine: 'vote',
    train: { vote_members: ['gbdt', 'logistic'] },
    env: {},
    note: '',
    server: 'own-graph',
    bars: 1,
  },
  {
    engine: 'program',
    train: {},
    env: { [LEARNER_PROGRAM]: LOGISTIC_PROGRAM },
    note: '',
    server: 'onnxruntime-node',
    bars: 1,
  },
  {
    engine: 'gru',
    train: { networks: { epochs: 2, batch_size: 256, sequence_bars: SEQUENCE } },
    env: { [NETWORKS_PYTHON]: TEST_PYTHON },
    note: networksNote(),
    server: 'onnxruntime-node',
    bars: SEQUENCE,
  },
];

/** First and last minute of hours that rise or fall for a day or two, as their last hours tell. */
function marketHours(): Bar[][] {
  const rng = createRng('direction engines');
  let price = 20_000;
  let drift = 0.002;
  return Array.from({ length: TRAINED_HOURS + SERVED_HOURS }, (_, hour) => {
    const open = price;
    if (rng.uniform() < 1 / 36) drift = -drift;
    price *= Math.exp(drift + 0.004 * rng.normal());
    const at = (minute: number, first: number, last: number): Bar => ({
      symbol: 'BTCUSDT',
      time: (START + hour * HOUR + 60 * minute) as OpenTime,
      open: first,
      high: Math.max(first, last),
      low: Math.min(first, last),
      close: last,
      volume: 1 + rng.uniform(),
    });
    return [at(0, open, open), at(59, open, price)];
  });
}

const HOURS = marketHours();

describe.each(ENGINES)('a direction model of $engine', ({ engine, train, env, note, server, bars }) => {
  let place: Workplace;
  let version: string;
  let url: string;
  let daemon: Running;
  const all = { env: { ...MARKET, ...env } };

  beforeAll(() => {
    if (note !== '') return;
    place = createWorkplace({
      minutehand: {
        // One without bars.
        pairs: ['XAUUSD_XAGUSD'],
        instruments: [ID],
        train: { direction_engine: engine, ...train },
        screen: { enabled: false },
        feed: { straggler_timeout_ms: 50_000 },
      },
    });
    const lines = HOURS.slice(0, TRAINED_HOURS).map(([first, last]) => {
      const { open } = first!;
      const { close } = last!;
      return `${first!.time},${open},${Math.max(open, close)},${Math.min(open, close)},${close},${first!.volume + last!.volume}`;
    });
    writeFileSync(join(place.folder, 'BTCUSDT-1h.csv'), `time,open,high,low,close,volume\n${lines.join('\n')}\n`);
  });
  afterAll(async () => {
    if (note === '') await place.remove();
  });

  const test = (title: string, act: () => Promise<void>): void => it.skipIf(note !== '')(`${title}${note}`, act);

  async function start(): Promise<void> {
    daemon = place.start(['daemon'], { ...MARKET });
    const { port } = await eventually(
      () => `the daemon: ${daemon.stdout()}${daemon.stderr()}`,
      () => {
        const address = readAddress(homePaths({ MINUTEHAND_HOME: place.home }).address('daemon_main'));
        return address?.pid === daemon.pid ? address : false;
      },
    );
    url = `http://127.0.0.1:${port}`;
  }

  async function send(hours: readonly (readonly Bar[])[], query = ''): Promise<void> {
    const body = JSON.stringify(hours.flat().map((bar) => ({ ...bar, time: bar.time * 1000 })));
    const answer = await fetch(`${url}/bars${query}`, { method: 'POST', body });
    expect(await answer.json()).toMatchObject({ rejected: [] });
  }

  const journal = (): string => homePaths({ MINUTEHAND_HOME: place.home }).journal('live', 'main');

  function signals(): InstrumentSignal[] {
    const store = openJournal(journal(), { readOnly: true });
    try {
      return [...store.signals()]
        .filter(({ pairId }) => pairId === ID)
        .map(({ body }) => JSON.parse(`${body}}`) as InstrumentSignal);
    } finally {
      store.close();
    }
  }

  /** The signal of the close of an hour. */
  const signalOf = (hour: number): Promise<InstrumentSignal> =>
    eventually(`the signal of hour ${hour}`, () => {
      const close = START + (hour + 1) * HOUR;
      return signals().find(({ timestamp }) => Date.parse(timestamp) / 1000 === close) ?? false;
    });

  test('is trained by the configured engine, and promoted with a reason', async () => {
    const args = ['train', '--strategy', 'direction', '--data', place.folder, '--symbols', 'BTCUSDT', '--json'];
    const small = ['--set', 'trees.rounds=20', 'trees.min_data_in_leaf=50', 'walk_forward.blocks=4'];
    const { code, stdout, stderr } = await place.run(
      [...args, '--out', join(place.models, 'direction'), ...small],
      all,
    );
    expect(code, stdout + stderr).toBe(0);
    const trained = JSON.parse(stdout) as { readonly version: string; readonly path: string };
    ({ version } = trained);
    const { manifest } = readDirectionBundle(trained.path);
    expect([manifest.engine.name, manifest.windows['sequence'] ?? 1]).toEqual([engine, bars]);
    const verified = await place.run(['models', 'verify', trained.path, '--json'], all);
    expect(verified.code, verified.stdout).toBe(0);
    const promote = ['models', 'promote', trained.path, '--despite-gates', '--reason', 'a market of drifts'];
    const promoted = await place.run(promote, all);
    expect(promoted.code, promoted.stderr).toBe(0);
  });

  test('answers in the daemon, after kill -9 as well, what its graph says of the features', async () => {
    await start();
    for (let at = TRAINED_HOURS - WARM_HOURS; at < TRAINED_HOURS; at += 50)
      await send(HOURS.slice(at, Math.min(at + 50, TRAINED_HOURS)), '?backfill=1');
    const half = TRAINED_HOURS + SERVED_HOURS / 2;
    for (let hour = TRAINED_HOURS; hour < half; hour++) await send([HOURS[hour]!]);
    await signalOf(half - 1);
    const health = (await (await fetch(`${url}/healthz`)).json()) as {
      readonly direction: { readonly inference_engines: object };
    };
    expect(health.direction.inference_engines).toEqual({ '1h': server });
    daemon.kill('SIGKILL');
    await daemon.ended;
    await start();
    for (let hour = half; hour < HOURS.length; hour++) await send([HOURS[hour]!]);
    const last = await signalOf(HOURS.length - 1);
    const answered = signals().filter(({ ml_up_prob }) => ml_up_prob !== null);
    // From the first hour that was not backfill on, and none is missing around the restart.
    expect(answered.map(({ timestamp }) => Date.parse(timestamp) / 1000)).toEqual(
      Array.from({ length: SERVED_HOURS }, (_, i) => START + (TRAINED_HOURS + i + 1) * HOUR),
    );
    expect(new Set(answered.map(({ model_version }) => model_version))).toEqual(new Set([version]));

    const rows = await Promise.all(Array.from({ length: bars }, (_, i) => featuresAt(HOURS.length - bars + i)));
    const { manifest, model } = readDirectionBundle(join(place.models, 'direction', version));
    const session = await openRowSession(model, { columns: manifest.features.length, bars }, 'the oracle');
    const expected = await session.run(Float32Array.from(rows.flat()), 1);
    await session.release();
    const probabilities = [last.ml_up_prob!, last.ml_down_prob!, last.ml_range_prob!];
    probabilities.forEach((p, k) => expect(p).toBeCloseTo(expected[k]!, 5));
  });

  /** Features at the close of an hour, as `explain` recomputes them of the journal. */
  async function featuresAt(hour: number): Promise<number[]> {
    const close = new Date((START + (hour + 1) * HOUR) * 1000).toISOString();
    const explained = await place.run(['explain', ID, close, '--json'], all);
    expect(explained.code, explained.stderr).toBe(0);
    const { features } = JSON.parse(explained.stdout) as {
      readonly features: readonly { readonly value: number | null }[];
    };
    return features.map(({ value }) => value ?? NaN);
  }

  test('is replayed from the journal, to the byte', async () => {
    const { code, stdout, stderr } = await place.run(['replay', '--journal', journal(), '--json'], all);
    expect(code, stdout + stderr).toBe(0);
  });
});
