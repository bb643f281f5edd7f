import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OpenTime } from '../shared/bar.ts';
import type { StrategyDocument } from '../shared/policy/strategy_file.ts';
import { createRng } from '../shared/rng.ts';
import type { InstrumentBody } from '../shared/signal/instrument_signal.ts';
import { openJournal } from '../shared/store/journal.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { HOUR, HourlyDaemons, HOURS_FROM, hourFile, ID } from './hourly_daemons.ts';

const HOURS = 1460;
/** The daemon receives the hours from this one on; the rules were judged on those before. */
const LIVE_FROM = 1200;
/** Hours after which hand-written features are warm, and a rule is served and another answers in shadow. */
const BEGINS = LIVE_FROM + 180;
const KILLED = BEGINS + 31;
const ENDS = HOURS - 10;
const COST_BPS = 12;

/** Six hours up, six hours down: a rule that follows the last hour earns. */
const hours = (() => {
  const rng = createRng('shadow waves');
  let close = 20_000;
  return Array.from({ length: HOURS }, (_, t) => {
    const open = close;
    close *= Math.exp((t % 12 < 6 ? 0.005 : -0.005) + 0.0005 * rng.normal());
    const high = Math.max(open, close) * 1.001;
    const low = Math.min(open, close) * 0.999;
    return { time: HOURS_FROM + t * HOUR, open, high, low, close, volume: 60, takerBuyVolume: 15 + (t % 16) };
  });
})();

const FOLLOWS: StrategyDocument = {
  name: 'follows',
  description: 'Follows the last hour.',
  subject: 'instrument',
  entry_long: 'close / delay(close, 1) - 1 > 0.002',
  entry_short: 'close / delay(close, 1) - 1 < -0.002',
  stop: { bps: 150 },
  max_age: 2,
};
/** Looks further back than the hours that are sent after it was named. */
const LATER: StrategyDocument = {
  ...FOLLOWS,
  name: 'later',
  entry_long: 'close / delay(close, 2) - 1 > 0.006 and close > delay(close, 60) * 0.5',
  entry_short: 'close / delay(close, 2) - 1 < -0.006',
  max_age: 5,
};

let place: Workplace;
let daemons: HourlyDaemons;
beforeAll(() => {
  place = createWorkplace({
    core: { require_edge: false },
    minutehand: { market: 'live', instruments: [ID], feed: { interval_ms: 600_000 }, screen: { enabled: false } },
  });
  daemons = new HourlyDaemons(place, hours);
  writeFileSync(join(place.folder, 'BTCUSDT-1h.csv'), hourFile(hours.slice(0, LIVE_FROM)));
  for (const document of [FOLLOWS, LATER])
    writeFileSync(join(place.folder, `${document.name}.yaml`), JSON.stringify(document));
});
afterAll(() => place.remove());

async function keep(name: string): Promise<string> {
  const args = ['strategy', 'judge', `${name}.yaml`, '--symbol', ID, '--data', '.', '--candidate', '--json'];
  const { code, stdout, stderr } = await place.run(args);
  expect(code, stderr).toBe(0);
  return (JSON.parse(stdout) as { candidate: { version: string } }).candidate.version;
}

async function shadowsOf(url: string, wanted: object): Promise<void> {
  await eventually('the rule in shadow', async () => {
    const health = (await (await fetch(`${url}/healthz`)).json()) as { direction: { rule_shadows?: object } };
    return JSON.stringify(health.direction.rule_shadows ?? {}) === JSON.stringify(wanted) || null;
  });
}

function journaledShadow(version: string): InstrumentBody[] {
  const journal = openJournal(join(place.home, 'live_main.db'), { readOnly: true });
  const rows = [...journal.shadowsOf(`rule/${version}`, 0 as OpenTime)];
  journal.close();
  return rows.map(({ body }) => JSON.parse(`${body}}`) as InstrumentBody);
}

const entriesOf = (bodies: readonly InstrumentBody[]): string[] =>
  bodies.filter(({ action }) => action === 'ENTER').map(({ timestamp, target }) => `${timestamp} ${target}`);

/** Mean result of the positions that answers have closed, from close to close. */
function meanNetOf(bodies: readonly InstrumentBody[]): number {
  const results: number[] = [];
  let entry: InstrumentBody | null = null;
  for (const body of bodies) {
    if (body.action === 'ENTER') entry = body;
    if (body.action !== 'EXIT' || entry === null) continue;
    results.push(1e4 * entry.target * (body.price! / entry.price! - 1) - COST_BPS);
    entry = null;
  }
  return results.reduce((sum, own) => sum + own, 0) / results.length;
}

it(
  'a rule in shadow answers each bar as its backtest does, over a kill, and changes no byte of what is published',
  { timeout: 240_000 },
  async () => {
    const served = await keep('follows');
    const shadow = await keep('later');
    const first = await daemons.startDaemon();
    await daemons.send(first.url, LIVE_FROM, BEGINS);
    await daemons.lastSignalOf(BEGINS);
    const despite = ['--despite-gates', '--reason', 'a market of waves'];
    const [promoted, named, list, models] = await place.runEach([
      ['models', 'promote', served, ...despite],
      ['models', 'shadow', shadow],
      ['strategy', 'list'],
      ['models', 'list'],
    ]);
    for (const { code, stderr } of [promoted!, named!, list!, models!]) expect(code, stderr).toBe(0);
    for (const { stdout } of [list!, models!]) {
      expect(stdout).toMatch(new RegExp(`^\\* ${served} `, 'm'));
      expect(stdout).toMatch(new RegExp(`^s ${shadow} `, 'm'));
    }
    await daemons.rulesOf(first.url, first.process, { [ID]: served });
    await shadowsOf(first.url, { [ID]: shadow });
    await daemons.send(first.url, BEGINS, KILLED);
    await daemons.lastSignalOf(KILLED);
    first.process.kill('SIGKILL');
    await first.process.ended;

    const second = await daemons.startDaemon();
    await daemons.rulesOf(second.url, second.process, { [ID]: served });
    await shadowsOf(second.url, { [ID]: shadow });
    await daemons.send(second.url, KILLED, ENDS);
    await daemons.lastSignalOf(ENDS);
    const compared = await place.run(['strategy', 'shadow', ID, '--json']);
    expect(compared.code, compared.stderr).toBe(0);

    const pointer = join(place.models, 'rule', `shadow_${ID}.json`);
    copyFileSync(pointer, join(place.folder, 'kept.json'));
    const ended = await place.run(['models', 'shadow', 'off', '--rule', ID]);
    expect(ended.code, ended.stderr).toBe(0);
    await shadowsOf(second.url, {});
    // What a person has ended does not come back with a copy of its pointer.
    copyFileSync(join(place.folder, 'kept.json'), pointer);
    await eventually(
      'a refusal',
      () => /POINTER_ROLLBACK/.test(second.process.stderr() + second.process.stdout()) || null,
    );
    await daemons.send(second.url, ENDS, HOURS);
    await daemons.lastSignalOf(HOURS);
    await shadowsOf(second.url, {});
    second.process.kill('SIGTERM');
    await second.process.ended;

    const bodies = journaledShadow(shadow);
    expect(bodies.length).toBe(ENDS - BEGINS);
    expect(entriesOf(bodies)).toEqual(daemons.backtestEntries(LATER, BEGINS, ENDS));
    expect(daemons.liveEntries()).toEqual(daemons.backtestEntries(FOLLOWS, BEGINS, HOURS));
    const replayed = await place.run(['replay', '--journal', join(place.home, 'live_main.db'), '--json']);
    expect(replayed.code, replayed.stderr + replayed.stdout).toBe(0);
    const summary = JSON.parse(replayed.stdout) as { signals: number; equal: number };
    expect(summary.equal).toBe(summary.signals);

    const published = daemons
      .publishedBodies()
      .filter(({ timestamp }) => bodies.some((own) => own.timestamp === timestamp));
    expect(JSON.parse(compared.stdout)).toMatchObject({
      instrument: ID,
      version: shadow,
      bars: ENDS - BEGINS,
      publishers: [`rule/${served}`],
      equal: published.filter((own, i) => own.action === bodies[i]!.action && own.target === bodies[i]!.target).length,
      published: { entries: entriesOf(published).length, net_bps: expect.closeTo(meanNetOf(published), 9) as number },
      shadow: { entries: entriesOf(bodies).length, net_bps: expect.closeTo(meanNetOf(bodies), 9) as number },
    });
  },
);
