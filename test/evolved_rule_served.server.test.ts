import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StrategyDocument } from '../shared/policy/strategy_file.ts';
import { createRng } from '../shared/rng.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { HOUR, HourlyDaemons, HOURS_FROM, hourFile, ID } from './hourly_daemons.ts';

/* A rule that nobody wrote: found by a search, kept with its verdicts, admitted, served, and the same everywhere. */

const HOURS = 4200;
/** The daemon receives the hours from this one on; the search knows those before. */
const LIVE_FROM = 3600;
/** Hours after which hand-written features are warm, and the rule is promoted. */
const PROMOTED = LIVE_FROM + 180;

/** Up for 18 hours, down for 18 hours: a rule that follows the last hours earns, a bar later too. */
const hours = (() => {
  const rng = createRng('long waves');
  let close = 20_000;
  return Array.from({ length: HOURS }, (_, t) => {
    const open = close;
    close *= Math.exp((t % 36 < 18 ? 0.004 : -0.004) + 0.002 * rng.normal());
    const high = Math.max(open, close) * 1.001;
    const low = Math.min(open, close) * 0.999;
    return { time: HOURS_FROM + t * HOUR, open, high, low, close, volume: 60, takerBuyVolume: 12 + 16 * rng.uniform() };
  });
})();

const SPACE = `
name: waves
description: Moves of the last hours.
subject: instrument
features:
  - formula: close / delay(close, n) - 1
    windows: [1, 3]
    thresholds: [-0.01, -0.004, -0.002, 0.002, 0.004, 0.01]
operators: [and, or]
sides: [long, short]
max_conditions: 2
stop_bps: [150]
target_bps: [null, 400]
max_age: [2, 4]
population: 40
generations: 5
complexity_penalty: 0.1
`;

let place: Workplace;
let daemons: HourlyDaemons;
beforeAll(() => {
  place = createWorkplace({
    minutehand: { market: 'live', instruments: [ID], feed: { interval_ms: 600_000 }, screen: { enabled: false } },
  });
  daemons = new HourlyDaemons(place, hours);
  writeFileSync(join(place.folder, 'BTCUSDT-1h.csv'), hourFile(hours.slice(0, LIVE_FROM)));
  // The planted edge is a trend, which averaged bars show as well.
  writeFileSync(join(place.folder, 'accepted.json'), '{"BTCUSDT": ["DERIVED"]}');
  writeFileSync(join(place.folder, 'space.yaml'), SPACE);
});
afterAll(() => place.remove());

interface Searched {
  readonly candidate: { readonly version: string };
  readonly accepted: boolean;
  readonly checks: readonly { readonly code: string; readonly passed: boolean }[];
}

it(
  'live, over kill -9, is that of replay to the byte and that of the backtest in each entry',
  { timeout: 300_000 },
  async () => {
    const searched = await place.run(['evolve', 'space.yaml', '--symbol', ID, '--data', '.', '--candidate', '--json']);
    expect(searched.code, searched.stderr).toBe(0);
    const { candidate, accepted, checks } = JSON.parse(searched.stdout) as Searched;
    expect([accepted, checks.filter(({ passed }) => !passed)]).toEqual([true, []]);
    const { version } = candidate;
    const document = strategyOf(version);
    expect(document.name).toBe('evolved');

    const first = await daemons.startDaemon();
    await daemons.send(first.url, LIVE_FROM, PROMOTED);
    await daemons.lastSignalOf(PROMOTED);
    const promoted = await place.run(['models', 'promote', version]);
    expect(promoted.code, promoted.stderr).toBe(0);
    await daemons.rulesOf(first.url, first.process, { [ID]: version });
    const middle = PROMOTED + 200;
    await daemons.send(first.url, PROMOTED, middle);
    expect(await daemons.lastSignalOf(middle)).toMatchObject({ model_version: `rule/${version}` });

    first.process.kill('SIGKILL');
    await first.process.ended;
    const second = await daemons.startDaemon();
    await daemons.rulesOf(second.url, second.process, { [ID]: version });
    await daemons.send(second.url, middle, HOURS);
    expect(await daemons.lastSignalOf(HOURS)).toMatchObject({ model_version: `rule/${version}` });
    second.process.kill('SIGTERM');
    await second.process.ended;

    const replayed = await place.run(['replay', '--journal', join(place.home, 'live_main.db'), '--json']);
    expect(replayed.code, replayed.stderr + replayed.stdout).toBe(0);
    const { signals, equal, enters } = JSON.parse(replayed.stdout) as Record<string, number>;
    expect(equal).toBe(signals);
    const live = daemons.liveEntries();
    expect(live.length).toBe(enters);
    expect(live.length).toBeGreaterThan(50);
    // Of the last two hours a backtest fills nothing.
    const last = new Date((HOURS_FROM + (HOURS - 2) * HOUR) * 1000).toISOString();
    const known = (entry: string): boolean => entry < last;
    expect(live.filter(known)).toEqual(daemons.backtestEntries(document, PROMOTED, HOURS - 2).filter(known));
  },
);

/** What the search wrote into the bundle. */
function strategyOf(version: string): StrategyDocument {
  const text = readFileSync(join(place.models, 'rule', version, 'manifest.json'), 'utf8');
  return (JSON.parse(text) as { strategy: StrategyDocument }).strategy;
}
