import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Bar } from '../shared/bar.ts';
import { minutes } from '../shared/bar_file/bar_file.ts';
import { readAddress } from '../shared/address.ts';
import { createRng } from '../shared/rng.ts';
import { homePaths } from '../shared/home.ts';
import { openJournal } from '../shared/store/journal.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { TINY_MINUTES, tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

/** A training that adopts simulated bars as live ones, as a user of a live market has them. */
const ENV = { MINUTEHAND_MARKET: 'live' };
const PAIR = 'XAUUSD_XAGUSD';
const OTHER = 'AUDUSD_USDCAD';
/** Looks back further than all hand-written features of these settings, of which the longest takes 49 bars. */
const LOOK_BACK = 150;
const FORMULAS = {
  momentum: '(ema(a.close, 6) / a.close) - 1',
  z_rank: `rank(z_score, ${LOOK_BACK - 48})`,
  mood: 'a.series("sentiment") - mean(a.series("sentiment"), 30)',
  here: 'beta - corr',
  elsewhere: `(delay(a.close, ${LOOK_BACK + 60}) / a.close) - 1`,
  lead: 'delta(log(symbol("EURUSD").close), 5)',
  far: 'mean(z_abs, 3)',
};
const COUNT = Object.keys(FORMULAS).length;
/** The pairs that some of them are for. */
const SUBJECTS: Readonly<Record<string, readonly string[]>> = {
  here: [PAIR],
  elsewhere: [OTHER],
};
const FILE = `# Of mine.
momentum:
  formula: a.close ** 2
z_rank: rank(z_scroe, 100)
z_score: mean(beta, 20)
far:
  formula: a.close - b.close
  lable: Distance
`;
const RIGHT = `momentum:
  formula: ${FORMULAS.momentum}
  label: Momentum of gold
  description: Distance of the price from its mean.
z_rank: "${FORMULAS.z_rank}"
mood: ${FORMULAS.mood}
here: {formula: ${FORMULAS.here}, for: xau/usd_xag/usd}
elsewhere: {formula: "${FORMULAS.elsewhere}", for: [${OTHER}]}
lead: ${FORMULAS.lead}
far: ${FORMULAS.far}
`;

let place: Workplace;
let batches: (readonly Bar[])[];
let daemon: { readonly running: Running; readonly url: string };
/** Minutes of the market that were sent. */
let sent = 0;

const journalPath = (): string => homePaths({ MINUTEHAND_HOME: place.home }).journal('live', 'main');

async function startDaemon(): Promise<void> {
  const path = homePaths({ MINUTEHAND_HOME: place.home }).address('daemon_main');
  rmSync(path, { force: true });
  const running = place.start(['daemon'], ENV);
  const { port } = await eventually(
    () => `the daemon: ${running.stdout()}${running.stderr()}`,
    () => readAddress(path),
  );
  daemon = { running, url: `http://127.0.0.1:${port}` };
}

async function kill(): Promise<void> {
  daemon.running.kill('SIGKILL');
  await daemon.running.ended;
}

async function post(bars: readonly Bar[], backfill = false): Promise<void> {
  const wire = bars.map((bar) => ({ ...bar, time: bar.time * 1000 }));
  const answer = await fetch(`${daemon.url}/bars${backfill ? '?backfill=1' : ''}`, {
    method: 'POST',
    body: JSON.stringify(wire),
  });
  expect(await answer.json()).toMatchObject({ rejected: [], stored: true });
}

async function send(count: number, backfill = false): Promise<void> {
  for (const end = sent + count; sent < end; sent++) await post(batches[sent]!, backfill);
}

interface Answer {
  readonly time: number;
  readonly reason: string;
  readonly model_version: string;
  readonly feature_schema: string;
  readonly return_prob: number | null;
}

async function serving(version: string): Promise<void> {
  await eventually(`models ${version}`, async () => {
    const health = await (await fetch(`${daemon.url}/healthz`)).json();
    return (health as { model_version: string }).model_version === version;
  });
}

/** What was answered about a pair, in order. */
function answers(): Answer[] {
  const store = openJournal(journalPath(), { readOnly: true });
  const found = [...store.signals()]
    .filter(({ pairId }) => pairId === PAIR)
    .map(({ time, body }) => ({ ...(JSON.parse(`${body}}`) as Answer), time }));
  store.close();
  return found;
}

/** All answers, once there are as many as minutes were published. */
function answersOf(published: number): Promise<Answer[]> {
  return eventually('the answers', () => {
    const all = answers();
    return all.length >= published && all;
  });
}

/** Values of an hourly series that arrive ten minutes late. */
function sentiment(): string {
  const first = batches[0]![0]!.time - 60 * TINY_MINUTES;
  const rng = createRng('sentiment');
  const rows = Array.from({ length: Math.ceil(TINY_MINUTES / 60) }, (_, hour) => {
    const event = first + 3600 * hour;
    return `${event},${event + 600},${Math.round(100 * rng.uniform())}`;
  });
  return `event_time,arrival_time,value\n${rows.join('\n')}\n`;
}

/** @returns the version of the new bundle */
async function train(): Promise<string> {
  const out = 'trained';
  const { code, stderr } = await place.run(
    ['train', '--data', 'bars', '--out', out, '--trials', '0', '--workers', '1', '--no-cache'],
    { env: ENV },
  );
  expect([0, 1], stderr).toContain(code);
  const versions = readdirSync(join(place.folder, out)).filter((name) => /^\d{8}_\d{4}/.test(name));
  return versions.sort((one, other) => one.length - other.length || (one < other ? -1 : 1)).at(-1)!;
}

async function promote(folder: string): Promise<void> {
  const why = ['--despite-gates', '--reason', 'a test of formulas'];
  const { code, stderr } = await place.run(['models', 'promote', folder, ...why], { env: ENV });
  expect(code, stderr).toBe(0);
}

async function expectReplayed(signals: number): Promise<void> {
  const { code, stdout, stderr } = await place.run(['replay', '--journal', journalPath(), '--json'], { env: ENV });
  expect(code, stdout + stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ different: 0, differences: [] });
  expect((JSON.parse(stdout) as { equal: number }).equal).toBeGreaterThanOrEqual(signals);
}

beforeAll(async () => {
  // No leg of a minute may time out here: that would depend on when the kill came.
  place = createWorkplace({ minutehand: { feed: { straggler_timeout_ms: 50_000 } } });
  const bars = tinyBars(place.settings, TINY_MINUTES + 700);
  batches = [...minutes(bars)].map((minute) => minute.bars).slice(TINY_MINUTES);
  await place.writeBars('bars', tinyBars(place.settings));
});
afterAll(() => place.remove());

describe('formulas of a user', () => {
  let version: string;
  let published = 0;

  it('are refused with file, line and column, and with the name that was meant', async () => {
    writeFileSync(join(place.config, 'features.yaml'), FILE);
    const { code, stdout, stderr } = await place.run(['config', 'check'], { env: ENV });
    const seen = stdout + stderr;
    expect(code).not.toBe(0);
    expect(seen).toMatch(/features\.yaml:3:3: momentum\.formula is no formula: column 10:/);
    expect(seen).toMatch(/features\.yaml:4:1: z_rank is no formula: column 6: .*z_scroe.*did you mean "z_score"/);
    expect(seen).toMatch(/features\.yaml:5:1: z_score is a hand-written feature/);
    expect(seen).toMatch(/features\.yaml:7:3: far\.formula has the unit price/);
    expect(seen).toMatch(/features\.yaml:8:3: far\.lable is no key of a formula \(did you mean "label"\?\)/);
  });

  it('are refused when they read a series that nobody has', async () => {
    writeFileSync(join(place.config, 'features.yaml'), RIGHT);
    const refused = await place.run(['train', '--data', 'bars', '--out', 'never'], { env: ENV });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /DATA_MISSING.*a\.series\("sentiment"\) of the formula mood: no sentiment of XAUUSD/s,
    );
  });

  it('are columns of the next training, and of its bundle', async () => {
    mkdirSync(join(place.folder, 'bars', 'series'));
    writeFileSync(join(place.folder, 'bars', 'series', 'XAUUSD.sentiment.csv'), sentiment());
    version = await train();
    const folder = join(place.folder, 'trained', version);
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as {
      readonly features: readonly string[];
      readonly windows: Readonly<Record<string, unknown>>;
    };
    expect(manifest.features.slice(-COUNT)).toEqual(Object.keys(FORMULAS));
    const lines = Object.entries(FORMULAS).map(([name, text]) => {
      const subjects = SUBJECTS[name];
      return `${subjects === undefined ? name : `${name} for ${subjects.join()}`} = ${text}`;
    });
    expect(manifest.windows['formulas']).toBe(lines.join('\n'));
    await promote(folder);
  });

  it('are computed by the daemon; without enough bars the answer is WARMUP', async () => {
    await startDaemon();
    await send(100, true);
    await send(80);
    published = 80;
    const all = await answersOf(published);
    const reasons = all.map(({ reason }) => reason);
    // The longest formula is for another pair.
    expect(reasons.slice(0, LOOK_BACK - 101)).toEqual(new Array(LOOK_BACK - 101).fill('WARMUP'));
    expect(reasons.slice(LOOK_BACK - 101)).not.toContain('WARMUP');
    expect(all.at(-1)).toMatchObject({ model_version: version, return_prob: expect.any(Number) });
  });

  it('are the same after kill -9, and in a replay', async () => {
    await kill();
    await startDaemon();
    await send(60);
    published += 60;
    const all = await answersOf(published);
    // Its journal has more bars than formulas look back over.
    expect(all.slice(80).map(({ reason }) => reason)).not.toContain('WARMUP');
    await kill();
    await expectReplayed(3 * published - 6);
  });

  it('wait for no symbol that they read, and lose nothing when the daemon is killed before or behind it', async () => {
    await startDaemon();
    for (const moment of ['before', 'behind']) {
      const minute = batches[sent++]!;
      await post(minute.filter(({ symbol }) => symbol !== 'EURUSD'));
      published++;
      const answered = await answersOf(published);
      expect(answered.at(-1)).toMatchObject({
        time: minute[0]!.time,
        model_version: version,
        return_prob: expect.any(Number),
      });
      if (moment === 'before') {
        await kill();
        await startDaemon();
      }
      await post(minute.filter(({ symbol }) => symbol === 'EURUSD'));
      if (moment === 'behind') {
        await kill();
        await startDaemon();
      }
    }
    await kill();
    await expectReplayed(3 * published - 6);
  });

  it('are explained by name', async () => {
    const { time } = answers().at(-2)!;
    const close = new Date((time + 60) * 1000).toISOString();
    const { code, stdout, stderr } = await place.run(['explain', PAIR, close, '--json'], { env: ENV });
    expect(code, stdout + stderr).toBe(0);
    const explanation = JSON.parse(stdout) as {
      readonly reproduced: object;
      readonly features: readonly { readonly name: string; readonly value: number | null }[];
    };
    expect(explanation.reproduced).toMatchObject({ equal: true });
    expect(explanation.features.slice(-COUNT)).toMatchObject([
      { name: 'momentum', value: expect.any(Number) },
      { name: 'z_rank', value: expect.any(Number) },
      // Nobody has sent it to the daemon.
      { name: 'mood', value: null },
      { name: 'here', value: expect.any(Number) },
      { name: 'elsewhere', value: null },
      { name: 'lead', value: expect.any(Number) },
      { name: 'far', value: expect.any(Number) },
    ]);
  });

  it('of the bundle go on when the file is removed, and are warm at once when the bundle comes back', async () => {
    rmSync(join(place.config, 'features.yaml'));
    const others = await train();
    // A draft with a fault refuses a training, and not a daemon.
    writeFileSync(join(place.config, 'features.yaml'), FILE);
    const refused = await place.run(['train', '--data', 'bars', '--out', 'never'], { env: ENV });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('features.yaml:3:3') });
    await startDaemon();
    await send(20);
    published += 20;
    expect((await answersOf(published)).at(-1)).toMatchObject({ model_version: version });
    await promote(join(place.folder, 'trained', others));
    await serving(others);
    await send(20);
    published += 20;
    const changed = (await answersOf(published)).at(-1)!;
    expect(changed.model_version).toBe(others);
    const mine = answers().find(({ model_version }) => model_version === version)!;
    expect(changed.feature_schema).not.toBe(mine.feature_schema);
    // Nothing of its formulas is left in a new process.
    await kill();
    await startDaemon();
    await send(20);
    published += 20;
    expect((await answersOf(published)).at(-1)!.model_version).toBe(others);
    await promote(join(place.folder, 'trained', version));
    await serving(version);
    await send(20);
    published += 20;
    const back = (await answersOf(published)).slice(-20);
    expect(new Set(back.map(({ model_version }) => model_version))).toEqual(new Set([version]));
    expect(back.map(({ reason }) => reason)).not.toContain('WARMUP');
    await kill();
    await expectReplayed(3 * published - 12);
  });

  it('decide in a backtest of the day as they did live, whichever models served', async () => {
    const first = answers()[0]!.time;
    const day = new Date(first * 1000).toISOString().slice(0, 10);
    const { code, stdout, stderr } = await place.run(['parity', '--day', day, '--json'], { env: ENV });
    expect(code, stdout + stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: 'EQUAL',
      replay: { different: 0 },
      decisions: { [PAIR]: { mismatches: 0, compared: expect.any(Number) } },
    });
  });
});
