import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';

/* A rule that a search found, written into a new file by hand: every door knows it. */

const HOUR = 3600;
const BARS = 2600;
const SUBJECT = ['--symbol', 'BTCUSDT@1h'];

const SPACE = `name: copied
description: A search whose rules are copied by hand.
subject: instrument
features:
  - formula: close / delay(close, n) - 1
    windows: [1, 3, 6]
    thresholds: [-0.02, -0.01, -0.005, 0.005, 0.01, 0.02]
  - formula: rsi(n)
    windows: [7, 14]
    thresholds: [30, 50, 70]
operators: [and, or]
sides: [long, short]
max_conditions: 3
stop_bps: [null, 100]
target_bps: [null]
max_age: [2, 4]
population: 30
generations: 6
complexity_penalty: 0.1
`;

let place: Workplace;
let trials: number;
let found: Record<string, unknown>;
let data: string[];
beforeAll(async () => {
  place = createWorkplace({ minutehand: { market: 'live', instruments: ['BTCUSDT@1h'] } });
  const rng = createRng('searched rules');
  let price = 100;
  const bars = Array.from({ length: BARS }, (_, t) => {
    const open = price;
    price *= Math.exp(0.006 * rng.normal());
    return `${1_600_000_000 - (1_600_000_000 % HOUR) + t * HOUR},${open},${Math.max(open, price)},${Math.min(open, price)},${price},1`;
  });
  const folder = join(place.folder, 'bars');
  mkdirSync(folder);
  writeFileSync(join(folder, 'BTCUSDT.csv'), `time,open,high,low,close,volume\n${bars.join('\n')}\n`);
  data = [...SUBJECT, '--data', folder];
  const space = join(place.folder, 'space.yaml');
  writeFileSync(space, SPACE);
  const search = ['evolve', space, ...data, '--resamples', '100'];
  // It is killed, and never ends.
  const killed = place.start(search);
  const records = join(place.models, 'searched');
  await eventually(killed.stderr, () => readable(records) > 0);
  killed.kill('SIGKILL');
  expect(await killed.ended).toBe('SIGKILL');
  const whole = await place.run([...search, '--out', join(place.folder, 'out'), '--json']);
  expect(whole.code, whole.stderr).toBe(0);
  const report = JSON.parse(whole.stdout) as { trials: number; proposed: { strategy: Record<string, unknown> } };
  trials = report.trials;
  found = report.proposed.strategy;
}, 180_000);
afterAll(() => place.remove());

function readable(folder: string): number {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json')).length;
  } catch {
    return 0;
  }
}

/** A strategy file that a person has written. */
function write(name: string, rule: Record<string, unknown>): string {
  const path = join(place.folder, `${name}.yaml`);
  writeFileSync(path, JSON.stringify({ ...rule, name, description: 'An idea of my own.' }));
  return path;
}

const copied = (): string => write('copied', found);
const changed = (): string => write('changed', { ...found, max_age: 3, stop: { bps: 70 } });
const own = (): string =>
  write('own', { subject: 'instrument', entry_long: 'rank(volume, 20) > 0.9 and close > open', max_age: 3 });

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await place.call([...args, '--json']);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

it('strategy check says so', async () => {
  const searched = { match: 'same', trials, searches: 1 };
  expect(await json('strategy', 'check', copied())).toMatchObject({ trials, searched });
  const near = { match: 'near', trials, searches: 1 };
  expect(await json('strategy', 'check', changed())).toMatchObject({ trials: trials + 1, searched: near });
  expect(await json('strategy', 'check', own())).toMatchObject({ trials: 1, searched: null });
  const { stdout } = await place.call(['strategy', 'check', copied()]);
  expect(stdout).toContain(`A search of this installation has tried this rule: it is judged as one of ${trials}.`);
});

it('strategy backtest says so, with the Sharpe ratio deflated by all rules of the search', async () => {
  const mine = await json('strategy', 'backtest', own(), ...data);
  expect(mine).toMatchObject({ trials: 1, searched: null });
  const copy = await json('strategy', 'backtest', copied(), ...data);
  expect(copy).toMatchObject({ trials, searched: { match: 'same' } });
  const { stdout } = await place.call(['strategy', 'backtest', changed(), ...data]);
  expect(stdout).toContain(`it is judged as one of ${trials + 1}.`);
  expect(stdout).toContain(`deflated Sharpe ratio over ${trials + 1} rules`);
});

it('strategy judge charges the search, and models promote asks for the verdicts on it', async () => {
  const judge = (file: string) => json('strategy', 'judge', file, ...data, '--resamples', '100', '--candidate');
  const judged = await judge(copied());
  expect(judged).toMatchObject({ trials, origin: 'evolved', searched: { match: 'same' } });
  const near = await judge(changed());
  expect(near).toMatchObject({ trials: trials + 1, origin: 'evolved', searched: { match: 'near' } });
  for (const { candidate } of [judged, near]) {
    const { version } = candidate as { version: string };
    const { code, stderr } = await place.call(['models', 'promote', version]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/overfitting/i);
    expect(stderr).toMatch(/walk/i);
  }
  expect(await judge(own())).toMatchObject({ origin: 'written', searched: null });
});

it('a copy of the models folder knows the rules, and so does an installation that takes one in', async () => {
  const restored = join(place.folder, 'restored');
  cpSync(place.home, restored, { recursive: true });
  cpSync(place.models, join(restored, 'models'), { recursive: true });
  const at = { MINUTEHAND_HOME: restored, MINUTEHAND_MODELS: join(restored, 'models') };
  const { stdout } = await place.call(['strategy', 'check', changed(), '--json'], { env: at });
  expect(JSON.parse(stdout)).toMatchObject({ searched: { match: 'near', trials } });

  const kept = await json('evolve', join(place.folder, 'space.yaml'), ...data, '--resamples', '100', '--candidate');
  const { path } = kept['candidate'] as { path: string };
  const other = {
    MINUTEHAND_HOME: join(place.folder, 'other'),
    MINUTEHAND_MODELS: join(place.folder, 'other', 'models'),
  };
  const before = await place.call(['strategy', 'check', changed(), '--json'], { env: other });
  expect(JSON.parse(before.stdout)).toMatchObject({ searched: null });
  const forced = ['--despite-gates', '--reason', 'a test of what a bundle takes along'];
  const taken = await place.call(['models', 'promote', path, ...forced], { env: other });
  expect(taken.code, taken.stderr).toBe(0);
  const after = await place.call(['strategy', 'check', changed(), '--json'], { env: other });
  expect(JSON.parse(after.stdout)).toMatchObject({ trials: trials + 1, searched: { match: 'near', trials } });
});

it('a damaged record is refused with what to do, and never replaced', async () => {
  const [name] = readdirSync(join(place.models, 'searched')).filter((file) => file.endsWith('.json'));
  const path = join(place.models, 'searched', name!);
  const whole = readFileSync(path);
  writeFileSync(path, whole.subarray(0, 100));
  try {
    const { code, stderr } = await place.call(['strategy', 'check', copied()]);
    expect([code === 0, stderr.includes('LOOKS_FORMAT')]).toEqual([false, true]);
  } finally {
    writeFileSync(path, whole);
  }
});
