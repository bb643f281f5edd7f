import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StrategyDocument } from '../shared/policy/strategy_file.ts';
import { createRng } from '../shared/rng.ts';
import type { InstrumentBody } from '../shared/signal/instrument_signal.ts';
import { createWorkplace, eventually, type Finished, type Workplace } from './cli_process.ts';
import { HOUR, HourlyDaemons, HOURS_FROM, hourFile, ID } from './hourly_daemons.ts';

const HOURS = 1460;
/** The daemon receives the hours from this one on; the rule was judged on those before. */
const LIVE_FROM = 1200;
/** Hours after which hand-written features are warm, and the rule is promoted. */
const PROMOTED = LIVE_FROM + 180;
const STARTS_MS = 180_000;
/** Hours that the direction model learns from; the rule is judged on those behind. */
const LEARNED = 700;

/** Six hours up, six hours down: a rule that follows the last hour earns. */
const hours = (() => {
  const rng = createRng('waves');
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
  entry_long: 'close / delay(close, 1) - 1 > 0.002 and close > delay(close, 30) * 0.5',
  entry_short: 'close / delay(close, 1) - 1 < -0.002',
  stop: { bps: 150 },
  max_age: 2,
};
const OPPOSES: StrategyDocument = {
  ...FOLLOWS,
  name: 'opposes',
  entry_long: FOLLOWS.entry_short!,
  entry_short: FOLLOWS.entry_long!,
};

/** Buys and sells by the answers of a direction model alone. */
const BY_MODEL: StrategyDocument = {
  name: 'by_model',
  description: 'Follows the direction model where it is sure, and waits for a known average.',
  subject: 'instrument',
  entry_long: 'ML_UP_PROB > 0.5 and close > delay(close, 30) * 0.5',
  entry_short: 'ML_DOWN_PROB > 0.5 and ML_RANGE_PROB < 0.5',
  exit: 'ML_RANGE_PROB > 0.8',
  stop: { bps: 300 },
  max_age: 6,
};

let place: Workplace;
let daemons: HourlyDaemons;
function openPlace(core: object = {}): void {
  place = createWorkplace({
    core,
    minutehand: { market: 'live', instruments: [ID], feed: { interval_ms: 600_000 }, screen: { enabled: false } },
  });
  daemons = new HourlyDaemons(place, hours);
  for (const symbol of ['BTCUSDT', 'ETHUSDT'])
    writeFileSync(join(place.folder, `${symbol}-1h.csv`), hourFile(hours.slice(0, LIVE_FROM)));
  for (const document of [FOLLOWS, OPPOSES, BY_MODEL])
    writeFileSync(join(place.folder, `${document.name}.yaml`), JSON.stringify(document));
}
beforeAll(() => openPlace());
afterAll(() => place.remove());

async function judge(
  file: string,
  symbol: string,
  ...more: string[]
): Promise<{ version: string; accepted: boolean; failed: string[] }> {
  const args = ['strategy', 'judge', file, '--symbol', symbol, '--data', '.', '--candidate', '--json', ...more];
  const { code, stdout, stderr } = await place.run(args);
  expect(code, stderr).toBe(0);
  const { candidate, accepted, checks } = JSON.parse(stdout) as {
    candidate: { version: string };
    accepted: boolean;
    checks: { code: string; passed: boolean }[];
  };
  const failed = checks.filter(({ passed }) => !passed).map((check) => check.code);
  return { version: candidate.version, accepted, failed };
}

describe('a rule file', () => {
  it(
    'is judged, admitted, served, explained by its reasons, and replayed to the byte as it was backtested',
    { timeout: STARTS_MS },
    async () => {
      const good = await judge('follows.yaml', ID);
      const bad = await judge('opposes.yaml', ID);
      const other = await judge('follows.yaml', 'ETHUSDT@1h');
      expect([good.accepted, good.failed]).toEqual([true, []]);
      expect([bad.accepted, bad.failed]).toEqual([false, ['DEFLATED_SHARPE', 'SPA', 'HOLDOUT', 'ONE_BAR_LATER']]);

      const daemon = await daemons.startDaemon();
      await daemons.send(daemon.url, LIVE_FROM, PROMOTED);
      expect(await daemons.lastSignalOf(PROMOTED)).toMatchObject({
        mode: 'HALT',
        reason: 'NO_MODEL',
        model_version: '',
      });
      const [refused, foreign, promoted, list, verified] = await place.runEach([
        ['models', 'promote', bad.version],
        ['models', 'promote', other.version, '--despite-gates', '--reason', 'it must not be served'],
        ['models', 'promote', good.version],
        ['strategy', 'list'],
        ['models', 'verify', good.version],
      ]);
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/^MODEL_GATES.*rule holdout/) });
      expect(foreign).toMatchObject({ code: 1, stderr: expect.stringMatching(/^MODEL_TIMEFRAME.*ETHUSDT@1h/) });
      expect(promoted!.code, promoted!.stderr).toBe(0);
      expect(list!.stdout).toMatch(new RegExp(`^\\* ${good.version} .*follows, written, edge$`, 'm'));
      expect(list!.stdout).toMatch(new RegExp(`^  ${bad.version} .*NO_EDGE; failed: rule_deflated_sharpe,`, 'm'));
      expect(verified).toMatchObject({ code: 0 });
      await daemons.rulesOf(daemon.url, daemon.process, { [ID]: good.version });

      await daemons.send(daemon.url, PROMOTED, PROMOTED + 30);
      const signal = await daemons.lastSignalOf(PROMOTED + 30);
      expect(signal).toMatchObject({
        model_version: `rule/${good.version}`,
        ml_up_prob: null,
        position_scale: 1,
        stop: 0.015,
        take_profit: null,
        max_age_bars: 2,
      });
      const at = signal.timestamp.replace(':00Z', 'Z');
      const [checked, status, why] = await place.runEach([
        ['signal', 'verify', daemons.signalFile],
        ['status'],
        ['explain', ID, at, '--json'],
      ]);
      explains(why!);
      expect(checked).toMatchObject({ code: 0, stdout: expect.stringContaining('1 of 1 signals accepted') });
      expect(status!.stdout + status!.stderr).not.toMatch(/INTERNAL/);

      daemon.process.kill('SIGKILL');
      await daemon.process.ended;
      const second = await daemons.startDaemon();
      await daemons.rulesOf(second.url, second.process, { [ID]: good.version });
      await daemons.send(second.url, PROMOTED + 30, HOURS - 10);
      await daemons.lastSignalOf(HOURS - 10);
      const pointer = join(place.models, 'rule', `${ID}.json`);
      copyFileSync(pointer, join(place.folder, 'served.json'));
      const [stopped, again] = await place.runEach([
        ['strategy', 'stop', ID],
        ['strategy', 'stop', ID],
      ]);
      expect(stopped!.code, stopped!.stderr).toBe(0);
      expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('no rule is served for BTCUSDT@1h') });
      await daemons.rulesOf(second.url, second.process, {});
      // What a person has ended does not come back with a copy of its pointer.
      copyFileSync(join(place.folder, 'served.json'), pointer);
      await eventually(
        'a refusal',
        () =>
          second.process.stderr().includes('POINTER_ROLLBACK') ||
          second.process.stdout().includes('POINTER_ROLLBACK') ||
          null,
      );
      await daemons.rulesOf(second.url, second.process, {});
      await daemons.send(second.url, HOURS - 10, HOURS);
      expect(await daemons.lastSignalOf(HOURS)).toMatchObject({ model_version: '' });
      second.process.kill('SIGTERM');
      await second.process.ended;

      const replayed = await place.run(['replay', '--journal', join(place.home, 'live_main.db'), '--json']);
      expect(replayed.code, replayed.stderr + replayed.stdout).toBe(0);
      const summary = JSON.parse(replayed.stdout) as { signals: number; equal: number; enters: number };
      expect(summary.equal).toBe(summary.signals);
      expect(daemons.liveEntries()).toEqual(daemons.backtestEntries(FOLLOWS, PROMOTED, HOURS - 10));
      expect(summary.enters).toBe(daemons.liveEntries().length);
    },
  );
});

describe('a rule that reads ML_UP_PROB', () => {
  beforeAll(async () => {
    await place.remove();
    // A rule that was written for a test need not earn.
    openPlace({ require_edge: false });
  });

  it(
    'is judged with a trained direction model, and served by its answers while that model is the active one',
    { timeout: 2 * STARTS_MS },
    async () => {
      const learnedUntil = new Date((HOURS_FROM + LEARNED * HOUR) * 1000).toISOString().slice(0, 16);
      const train = ['train', '--strategy', 'direction', '--data', '.', '--symbols', 'BTCUSDT', '--json'];
      const few = ['--set', 'trees.rounds=20', 'trees.leaves=6', 'trees.min_data_in_leaf=20', 'walk_forward.blocks=4'];
      const out = join(place.models, 'direction');
      const trained = await place.run([...train, '--to', `${learnedUntil}Z`, '--out', out, ...few]);
      expect(trained.code, trained.stderr).toBe(0);
      const [version] = readdirSync(out).filter((name) => /^\d{8}_\d{4}$/.test(name));
      const rule = await judge('by_model.yaml', ID, '--direction', version!);

      const daemon = await daemons.startDaemon();
      await daemons.send(daemon.url, LIVE_FROM, PROMOTED);
      await daemons.lastSignalOf(PROMOTED);
      const despite = ['--despite-gates', '--reason', 'a market of waves'];
      const [implausible, model, promoted] = await place.runEach([
        ['models', 'promote', join(out, version!)],
        ['models', 'promote', join(out, version!), ...despite],
        ['models', 'promote', rule.version, ...despite],
      ]);
      // Waves can be told: no honest model of prices can, so a person confirms it.
      expect(implausible).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^MODEL_GATES.*direction plausible/),
      });
      expect([model!.code, promoted!.code], model!.stderr + promoted!.stderr).toEqual([0, 0]);
      await daemons.rulesOf(daemon.url, daemon.process, { [ID]: rule.version });
      await eventually(
        () => `the direction model: ${daemon.process.stderr()}`,
        async () => (await (await fetch(`${daemon.url}/healthz`)).text()).includes(`"${version!}"`) || null,
      );
      await daemons.send(daemon.url, PROMOTED, HOURS);
      const last = await daemons.lastSignalOf(HOURS);
      expect(last).toMatchObject({ model_version: `rule/${rule.version}` });
      daemon.process.kill('SIGTERM');
      await daemon.process.ended;

      const served = daemons.publishedBodies().filter(({ model_version }) => model_version === `rule/${rule.version}`);
      const sides = served.filter(({ action }) => action === 'ENTER').map(({ target }) => target);
      expect([sides.includes(1), sides.includes(-1)]).toEqual([true, true]);
      for (const { action, target, ml_up_prob, ml_down_prob, reason, ml_range_prob } of served) {
        const up = ml_up_prob!;
        const down = ml_down_prob!;
        const range = ml_range_prob!;
        expect(up + down + range).toBeCloseTo(1, 6);
        if (action === 'ENTER') expect(target === 1 ? up : down).toBeGreaterThan(0.5);
        if (reason === 'NO_ENTRY') expect(up > 0.5 || (down > 0.5 && range < 0.5)).toBe(false);
        if (reason === 'RULE_EXIT') expect(range).toBeGreaterThan(0.8);
      }
      const replayed = await place.run(['replay', '--journal', join(place.home, 'live_main.db'), '--json']);
      expect(replayed.code, replayed.stderr + replayed.stdout).toBe(0);
    },
  );
});

/** Each condition of the rule, with what it compares, as computed again from the journal. */
function explains({ code, stdout, stderr }: Finished): void {
  expect(code, stderr + stdout).toBe(0);
  const { signal, reproduced, rule, direction, conditions } = JSON.parse(stdout) as {
    signal: InstrumentBody;
    reproduced: object;
    rule: { name: string; formulas: Record<string, { name: string; holds: boolean; value: number; limit: number }[]> };
    direction: null;
    conditions: { name: string; holds: boolean }[];
  };
  expect([reproduced, direction]).toEqual([{ equal: true, code: null, differences: [] }, null]);
  expect(rule.name).toBe('follows');
  const last = hours[PROMOTED + 29]!.close / hours[PROMOTED + 28]!.close - 1;
  const long = rule.formulas['entry_long']!.find(({ name }) => name === '(close / delay(close, 1)) - 1 > 0.002')!;
  expect(long).toMatchObject({ holds: last > 0.002, limit: 0.002 });
  expect(long.value).toBeCloseTo(last, 12);
  expect(rule.formulas['entry_long']).toHaveLength(2);
  expect(rule.formulas['entry_short']).toHaveLength(1);
  const enters = conditions.every(({ holds }) => holds);
  expect(enters).toBe(signal.action === 'ENTER');
}
