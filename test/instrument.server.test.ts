import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { readAddress } from '../shared/address.ts';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { columnsOf } from '../shared/bar_file/bar_file.ts';
import { InstrumentColumns } from '../shared/core/features/instrument/instrument_columns.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import { parseInstrument } from '../shared/pair.ts';
import { SERIES_NAMES } from '../shared/core/series/series_names.ts';
import { homePaths } from '../shared/home.ts';
import { createRng } from '../shared/rng.ts';
import { checksum } from '../shared/signal/encode.ts';
import { createExplainer } from '../shared/explain/explain_minute.ts';
import { DIRECTION_CLASSES } from '../shared/explain/explanation.ts';
import type { InstrumentBody, InstrumentSignal } from '../shared/signal/instrument_signal.ts';
import { openJournal, type AnsweredSignal } from '../shared/store/journal.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';

const HOUR = 3600;
const START = 1_600_000_000 - (1_600_000_000 % HOUR);
const HOURS = 1500;
/** The daemon receives the hours from this one on. */
const LIVE_FROM = 1200;
const STARTS_MS = 120_000;
/** Bars before the model is promoted: the last of its formulas looks back over almost as many. */
const BEFORE_MODEL = 180;
const FORMULAS = `steep = (close / mean(close, 30)) - 1
here for BTCUSDT@1h = (close / delay(close, 174)) - 1`;
const FEATURES = `steep: {formula: "close / mean(close, 30) - 1", for: instruments}
of_pairs: beta - corr
here: {formula: "close / delay(close, 174) - 1", for: [btc/usdt]}
`;

interface HourBar {
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly takerBuyVolume: number;
}

type Prices = Pick<HourBar, 'open' | 'high' | 'low' | 'close'>;

interface WireBar extends Prices {
  readonly symbol: string;
  readonly time: number;
  readonly volume: number;
  readonly taker_buy_volume: number;
  readonly trades: number;
}

/** 30 hours up, 40 flat, 30 down, 40 flat: a learnable pattern. */
function trendingHours(): HourBar[] {
  const rng = createRng('trends');
  let price = 20_000;
  return Array.from({ length: HOURS }, (_, t) => {
    const open = price;
    const hour = t % 140;
    const drift = hour < 30 ? 0.004 : hour >= 70 && hour < 100 ? -0.004 : 0;
    price *= Math.exp(drift + (drift === 0 ? 0.0004 : 0.002) * rng.normal());
    const high = Math.max(open, price) * 1.001;
    const low = Math.min(open, price) * 0.999;
    // Takers buy a quarter to a half of the volume.
    const takerBuyVolume = 15 + (t % 16);
    return { time: START + t * HOUR, open, high, low, close: price, volume: 60, takerBuyVolume };
  });
}

/** Three minutes of an hour, as sent by a feed: first, middle and last. */
function minutesOf({ time, open, high, low, close, takerBuyVolume }: HourBar): WireBar[] {
  const at = (minute: number, bar: Prices): WireBar => ({
    symbol: 'BTCUSDT',
    time: (time + 60 * minute) * 1000,
    volume: 20,
    ...bar,
    taker_buy_volume: minute === 59 ? takerBuyVolume - 10 : 5,
    trades: minute + 1,
  });
  return [
    at(0, { open, high: open, low: open, close: open }),
    at(30, { open, high, low, close: open }),
    at(59, { open: close, high: close, low: close, close }),
  ];
}

let place: Workplace;
let version: string;
const hours = trendingHours();
beforeAll(async () => {
  place = createWorkplace({
    minutehand: {
      market: 'live',
      instruments: ['BTCUSDT@1h'],
      feed: { interval_ms: 600_000 },
      screen: { enabled: false },
    },
  });
  const rows = hours
    .slice(0, LIVE_FROM)
    .map(({ time, open, high, low, close, volume, takerBuyVolume }) =>
      [time, open, high, low, close, volume, takerBuyVolume].join(),
    );
  writeFileSync(
    join(place.folder, 'BTCUSDT-1h.csv'),
    `time,open,high,low,close,volume,taker_buy_volume\n${rows.join('\n')}\n`,
  );
  writeFileSync(join(place.config, 'features.yaml'), FEATURES);
  const train = ['direction', 'train', '--data', '.', '--symbols', 'BTCUSDT', '--stride', '1', '--out', 'made'];
  const { code, stdout, stderr } = await place.run([...train, '--json']);
  expect(code, stderr).toBe(0);
  ({ version } = JSON.parse(stdout) as { version: string });
  const manifest = JSON.parse(readFileSync(join(place.folder, 'made', version, 'manifest.json'), 'utf8')) as {
    readonly features: readonly string[];
    readonly windows: object;
  };
  expect(manifest.features.slice(-2)).toEqual(['steep', 'here']);
  expect(manifest.windows).toEqual({ ...INSTRUMENT_WINDOWS, formulas: FORMULAS });
  // The bundle brings its formulas.
  rmSync(join(place.config, 'features.yaml'));
}, STARTS_MS);
afterAll(() => place.remove());

const addressFile = (): string => homePaths({ MINUTEHAND_HOME: place.home }).address('daemon_main');

async function startDaemon(): Promise<{ process: Running; url: string }> {
  rmSync(addressFile(), { force: true });
  const process = place.start(['daemon']);
  const url = await eventually(
    () => `a daemon that listens: ${process.stderr()}`,
    () => {
      const address = readAddress(addressFile());
      return address === null ? null : `http://127.0.0.1:${address.port}`;
    },
  );
  return { process, url };
}

async function send(url: string, from: number, to: number): Promise<void> {
  const body = JSON.stringify(hours.slice(from, to).flatMap(minutesOf));
  const response = await fetch(`${url}/bars`, { method: 'POST', body });
  expect(await response.json()).toMatchObject({ rejected: [] });
}

const signalFile = (): string => join(place.home, 'signals', 'BTCUSDT@1h', 'signal.json');
const shown = (): InstrumentSignal => JSON.parse(readFileSync(signalFile(), 'utf8')) as InstrumentSignal;

/** The bars are years old, for which a live daemon is DEGRADED. */
const withoutMode = (body: string): string => body.replace(/"mode":"(OK|DEGRADED)"/, '"mode":""');

describe('an instrument', () => {
  it('accepts no model with different features, and no modified one', async () => {
    const change = (name: string, changes: object): string => {
      const folder = join(place.folder, name, version);
      cpSync(join(place.folder, 'made', version), folder, { recursive: true });
      const path = join(folder, 'manifest.json');
      const manifest = JSON.parse(readFileSync(path, 'utf8')) as { golden: { features: unknown } };
      writeFileSync(path, JSON.stringify({ ...manifest, ...changes }));
      return folder;
    };
    const probabilities = [[1, 0, 0]];
    const { golden } = JSON.parse(readFileSync(join(place.folder, 'made', version, 'manifest.json'), 'utf8')) as {
      golden: object;
    };
    const refused = await place.runEach([
      ['models', 'promote', change('other', { feature_schema: '0123456789abcdef' })],
      ['models', 'verify', change('changed', { golden: { ...golden, probabilities } })],
      ['models', 'verify', join('made', version)],
    ]);
    expect(refused.map(({ code, stderr }) => [code, stderr.split(':')[0]])).toEqual([
      [1, 'MODEL_SCHEMA'],
      [1, 'MODEL_GOLDEN'],
      [0, ''],
    ]);
    expect(readdirSync(join(place.models, 'direction')).filter((name) => !/looks|trials/.test(name))).toEqual([]);
  });

  it(
    'is trained, activated and answered by a live daemon on every transport, and a replay of its journal is byte-identical',
    { timeout: STARTS_MS },
    async () => {
      const first = await startDaemon();
      await send(first.url, LIVE_FROM, LIVE_FROM + 180);
      await eventually(
        () => 'the signal of the last bar as a file',
        () => (existsSync(signalFile()) && shown().mode !== 'WARMUP') || null,
      );
      expect(shown()).toMatchObject({ mode: 'HALT', action: 'HOLD', reason: 'NO_MODEL', model_version: '' });
      // The hours are so regular that prices alone tell up from down.
      const [before, promoted] = await place.runEach([
        ['status'],
        ['models', 'promote', join('made', version), '--despite-gates', '--reason', 'regular hours'],
      ]);
      expect(before).toMatchObject({ code: 1, stdout: expect.stringContaining('has no active direction model of 1h') });

      expect(promoted!.code, promoted!.stderr).toBe(0);
      await eventually(
        () => `an active direction model: ${first.process.stderr()}`,
        async () => {
          const health = (await (await fetch(`${first.url}/healthz`)).json()) as { direction?: { versions: object } };
          return Object.keys(health.direction!.versions).length > 0 || null;
        },
      );
      const received: string[] = [];
      const socket = new WebSocket(`${first.url.replace('http', 'ws')}/signals?pairs=BTCUSDT@1h`);
      socket.on('message', (data: Buffer) => received.push(data.toString()));
      await new Promise((resolve) => socket.once('open', resolve));
      await send(first.url, LIVE_FROM + 180, LIVE_FROM + 240);
      const lastTime = new Date((START + (LIVE_FROM + 240) * HOUR) * 1000).toISOString().replace('.000', '');
      await eventually(
        () => 'the last signal as a file',
        () => shown().timestamp === lastTime || null,
      );
      const last = readFileSync(signalFile(), 'utf8').trim();
      await eventually(
        () => 'the last signal by WebSocket',
        () => received.includes(last) || null,
      );
      socket.close();
      expect(shown()).toMatchObject({
        pair: 'BTC/USDT',
        pair_id: 'BTCUSDT@1h',
        schema: 'minutehand.instrument/1',
        z_score: null,
        theta1: null,
        model_version: version,
        price: hours[LIVE_FROM + 239]!.close,
      });
      const [status, verified] = await place.runEach([
        ['status', '--json'],
        ['signal', 'verify', signalFile()],
      ]);
      const { daemons, findings } = JSON.parse(status!.stdout) as {
        daemons: { pairs: { pair_id: string; refusal: string | null }[] }[];
        findings: { about: string; text: string }[];
      };
      expect(daemons[0]!.pairs.at(-1)).toMatchObject({ pair_id: 'BTCUSDT@1h', refusal: null });
      const ofDaemon = findings.filter(({ about }) => about !== 'models').map(({ text }) => text);
      expect(ofDaemon.join()).not.toContain('direction');
      expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('1 of 1 signals accepted') });
      const { ml_up_prob, ml_down_prob, ml_range_prob } = shown();
      expect(ml_up_prob! + ml_down_prob! + ml_range_prob!).toBeCloseTo(1, 9);

      first.process.kill('SIGKILL');
      await first.process.ended;
      const second = await startDaemon();
      await send(second.url, LIVE_FROM + 240, HOURS);
      second.process.kill('SIGTERM');
      await second.process.ended;

      const journalPath = join(place.home, 'live_main.db');
      const minutes = hours.slice(LIVE_FROM).flatMap(minutesOf);
      const data = await place.writeBars(
        'minutes',
        new Map([
          [
            'BTCUSDT',
            columnsOf(
              'BTCUSDT',
              minutes.map(({ taker_buy_volume: takerBuyVolume, ...bar }): Bar => ({
                ...bar,
                takerBuyVolume,
                time: (bar.time / 1000) as OpenTime,
              })),
            ),
          ],
        ]),
      );
      const out = join(place.folder, 'signals.jsonl');
      const from = new Date((START + (LIVE_FROM + 180) * HOUR) * 1000).toISOString().slice(0, 16);
      const alone = ['--models', join('made', version), '--pairs', 'btcusdt@1h'];
      const [replayed, ofBars, ofBundle] = await place.runEach([
        ['replay', '--journal', journalPath, '--json'],
        ['replay', '--data', data, '--from', `${from}Z`, '--out', out, '--json'],
        ['replay', '--data', data, '--from', `${from}Z`, ...alone],
      ]);
      const { sha256 } = JSON.parse(ofBars!.stdout) as { sha256: string };
      expect(ofBundle!.stdout, ofBundle!.stderr).toContain(`sha256 ${sha256}`);
      expect(ofBundle!.stdout).toMatch(new RegExp(`^\\d+ signals of 1 instrument in .*direction ${version},`));
      expect(replayed!.code, replayed!.stderr + replayed!.stdout).toBe(0);
      expect(ofBars!.code, ofBars!.stderr).toBe(0);
      const summary = JSON.parse(replayed!.stdout) as { signals: number; equal: number; enters: number };
      expect(summary.equal).toBe(summary.signals);
      expect(summary.enters).toBeGreaterThan(2);

      const replayedBodies = readFileSync(out, 'utf8').trim().split('\n');

      const journal = openJournal(journalPath, { readOnly: true });
      const journaled = [...journal.signals()].filter(({ body }) => !body.includes('"SHUTDOWN"'));
      journal.close();
      await explainsEach(journaled, journalPath);
      await speaksOfInstruments(data);
      expect(journaled.length).toBe(HOURS - LIVE_FROM);
      const bodies = journaled.slice(180).map(({ body }) => withoutMode(body));
      expect(replayedBodies.map((text) => withoutMode(text.slice(0, text.indexOf(',"schema":'))))).toEqual(bodies);
      expect(journaled.map(({ featuresCrc }) => featuresCrc)).toEqual(batchChecksums());
      const modes = journaled.map(({ body }) => (JSON.parse(`${body}}`) as { mode: string }).mode);
      expect(modes.slice(0, 168).every((mode) => mode === 'WARMUP')).toBe(true);
      expect(modes.slice(180).every((mode) => mode === 'DEGRADED' || mode === 'OK')).toBe(true);
    },
  );
});

/** Commands about pairs say what an instrument, and its model, has instead. */
async function speaksOfInstruments(data: string): Promise<void> {
  const [note, recover, ofPairs, backtest, empty, parity, status, copied, list] = await place.runEach([
    ['models', 'note', version, 'the first one'],
    ['models', 'recover', version],
    ['replay', '--data', data, '--models', join('made', version), '--pairs', place.settings.minutehand.pairs[0]!],
    ['backtest', '--data', data, '--pairs', 'BTCUSDT@1h'],
    ['replay', '--data', data, '--from', '2031-01-01'],
    ['parity', '--day', '2031-01-01'],
    ['status'],
    ['signals', 'archive'],
    ['signals', 'list', '--pairs', 'BTCUSDT@1h', '--limit', '500'],
  ]);
  expect(note).toMatchObject({ code: 0, stdout: `${version}: noted for DIRECTION.\n` });
  expect(recover).toMatchObject({ code: 0, stdout: `${version}: intact, as registered\n` });
  expect(ofPairs).toMatchObject({ code: 2, stderr: expect.stringContaining('instruments such as BTCUSDT@1h') });
  expect(backtest).toMatchObject({ code: 2, stderr: expect.stringContaining('minutehand direction evaluate') });
  expect(empty).toMatchObject({ code: 1, stderr: expect.stringMatching(/^DATA_MISSING.* no bars /m) });
  expect(parity).toMatchObject({ code: 1, stderr: expect.stringMatching(/Expected: a day from 20\d\d-.* to 20/) });
  expect(status!.stdout).toContain('Train better ones: `minutehand train --strategy direction`.');
  expect(copied!.code, copied!.stderr).toBe(0);
  expect(list!.stdout).toMatch(/BTCUSDT@1h .* target -?\d  up \d\.\d\d  down \d\.\d\d  range \d\.\d\d$/m);
}

/** Explains every third hour in this process, and one by the command. */
async function explainsEach(journaled: readonly AnsweredSignal[], journalPath: string): Promise<void> {
  const explainer = createExplainer(place.settings, { models: place.models, journal: () => journalPath });
  let entered = 0;
  for (const { pairId, time, body } of journaled.filter((_, index) => index % 3 === 0)) {
    const why = await explainer.explain(pairId, time);
    if ((why.signal as InstrumentBody).ml_up_prob !== null)
      expect(why.features.slice(-2)).toMatchObject([
        { name: 'steep', value: expect.any(Number) },
        { name: 'here', value: expect.any(Number) },
      ]);
    expect(why.reproduced).toEqual({ equal: true, code: null, differences: [] });
    expect(JSON.stringify(why.signal)).toBe(`${body}}`);
    const signal = why.signal as InstrumentBody;
    if (signal.ml_up_prob === null) continue;
    const models = DIRECTION_CLASSES.map((name) => why.direction![name]);
    for (const { contributions, expected, score } of models)
      expect(contributions!.reduce((sum, { logits }) => sum + logits, expected!)).toBeCloseTo(score!, 9);
    const weights = models.map(({ score }) => Math.exp(score!));
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    weights.forEach((weight, k) => expect(weight / all).toBeCloseTo(models[k]!.answer, 5));
    expect(why.to_enter.length === 0).toBe(signal.action === 'ENTER');
    if (signal.action === 'HOLD') expect(why.conditions.find(({ holds }) => !holds)!.reason).toBe(signal.reason);
    if (signal.action === 'ENTER') entered++;
  }
  expect(entered).toBeGreaterThan(0);
  const close = new Date((journaled.at(-1)!.time + 60) * 1000).toISOString().slice(0, 16);
  const [printed, unknown, between] = await place.runEach([
    ['explain', 'BTCUSDT@1h', `${close}Z`],
    ['explain', 'ETHUSDT@1h', '2020-12-01 01:00'],
    ['explain', 'BTCUSDT@1h', close.replace(':00', ':07')],
  ]);
  const shownClose = close.replace('T', ' ');
  expect(between!.stderr).toContain(`the bar that closed ${shownClose.replace(':00', ':07')} UTC`);
  expect(between!.stderr).toContain(`a close of a 1h bar, such as ${shownClose} UTC`);
  expect(printed!.code, printed!.stderr).toBe(0);
  expect(printed!.stdout).toMatch(
    /BTCUSDT@1h .*\n(.*\n)*up  0\.\d{4}  average score [\s\S]*down  0\.[\s\S]*range  0\./,
  );
  expect(unknown!.stderr).toContain('PAIR_UNKNOWN');
}

/** Feature checksums of the hours, stepped as in training. */
function batchChecksums(): string[] {
  const instrument = parseInstrument('BTCUSDT@1h');
  const written = new InstrumentColumns(INSTRUMENT_WINDOWS, instrument);
  const features = new InstrumentColumns({ ...INSTRUMENT_WINDOWS, formulas: FORMULAS }, instrument);
  const missing = new Float64Array(SERIES_NAMES.length).fill(NaN);
  return hours.slice(LIVE_FROM).map((bar, index) => {
    written.step(bar, missing);
    features.step(bar, missing);
    const { values } = index < BEFORE_MODEL ? written : features;
    return checksum(new Uint8Array(values.buffer));
  });
}
