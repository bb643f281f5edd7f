import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { armName, armVersion, type ActiveRollout } from '../../../shared/bundle/rollout.ts';
import type { Arm } from '../../../shared/core/rollout/assignment.ts';
import type { TradingCosts } from '../../../shared/policy/costs.ts';
import { encodeBody } from '../../../shared/signal/encode.ts';
import { bodyOf } from '../../../shared/signal/signal.fixture.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { readArmMinutes } from '../../jobs/strategies/pair_reversion/arm_answers.ts';

const ROLLOUT: ActiveRollout = {
  id: 'r1',
  stage: 'test',
  share: 0.1,
  key: '00'.repeat(16),
  block_minutes: 60,
  champion: '20261101_0000',
  challenger: '20261108_0000',
};
const FLAT_COSTS = { spread_bps: 2, commission_bps: 0, slippage_bps: 0.5 } as TradingCosts;

it('charges each arm its own fills and nights, at bids by what it buys', () => {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-arms-'));
  const store = openJournal(join(folder, 'journal.db'));
  const [a, b] = bodyOf().pair_id.split('_') as [string, string];
  const arm = (name: Arm): string => armVersion(ROLLOUT[name], ROLLOUT.id);
  // Wednesday: the night to Thursday counts three days.
  const from = Date.parse('2026-01-07T12:00:00Z') / 1000;
  const add = (time: number, name: Arm, change: Partial<SignalBody>): void => {
    const timestamp = new Date((time + 60) * 1000).toISOString().replace('.000', '');
    const body = encodeBody(bodyOf({ timestamp, beta: 1, position_scale: 1, price_a: 100, price_b: 50, ...change }));
    const row = { signalId: 's', pairId: bodyOf().pair_id, time: time as OpenTime, body, riskProb: null };
    store.append([], [], [{ ...row, position: '{}', modelVersion: arm(name) }]);
  };
  const legs = { commission_bps: 0, slippage_bps: 0.5, swap_long_bps_per_night: 1, swap_short_bps_per_night: 3 };
  const costs = {
    [a]: { ...legs, spread_bps: 2, price: 'bid' } as unknown as TradingCosts,
    [b]: { ...legs, spread_bps: 6, price: 'bid' } as unknown as TradingCosts,
  };
  // The champion trades within the day, the challenger over a night and on the other side.
  add(from, 'champion', { action: 'ENTER', target: 1 });
  add(from, 'challenger', { action: 'ENTER', target: -1 });
  add(from + 3600, 'champion', { action: 'EXIT', target: 0 });
  add(from + 3600, 'challenger', { action: 'HOLD' });
  add(from + 86_400, 'champion', { action: 'HOLD' });
  add(from + 86_400, 'challenger', { action: 'EXIT', target: 0 });
  const minutes = readArmMinutes([store], ROLLOUT, from as OpenTime, costs);
  const resultsOf = (name: Arm): number[] =>
    minutes.map(({ pairs }) => [...pairs.values()][0]![name]!.resultBps).filter((bps) => bps !== 0);
  // Each leg is half of the notional, is bought once, and pays slippage twice.
  const trip = (2 + 6) / 2 + 2 * 0.5;
  expect(resultsOf('champion')).toEqual([expect.closeTo(-trip, 9)]);
  const [nightly] = resultsOf('challenger');
  // Leg A is held short and B long, on a Wednesday.
  expect(nightly).toBeCloseTo(-trip - 3 * ((3 + 1) / 2), 9);
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

it('reads both arms of one rollout by minute, and the net result of each closed position', () => {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-arms-'));
  const store = openJournal(join(folder, 'journal.db'));
  const [a, b] = bodyOf().pair_id.split('_') as [string, string];
  const add = (time: number, version: string, change: Partial<SignalBody>): void => {
    const timestamp = new Date((time + 60) * 1000).toISOString().replace('.000', '');
    const body = encodeBody(bodyOf({ timestamp, beta: 0.5, position_scale: 0.5, ...change }));
    const row = {
      signalId: 's',
      pairId: bodyOf().pair_id,
      time: time as OpenTime,
      body,
      riskProb: null,
      position: '{}',
    };
    store.append([], [], [{ ...row, modelVersion: version }]);
  };
  const arm = (name: Arm): string => armVersion(ROLLOUT[name], ROLLOUT.id);
  const enter = { action: 'ENTER', target: 1, price_a: 100, price_b: 50 } as const;
  const exit = { action: 'EXIT', target: 0, price_a: 101, price_b: 50 } as const;
  add(0, arm('champion'), enter);
  for (const time of [60, 120])
    for (const name of ['champion', 'challenger'] as const) add(time, arm(name), { action: 'HOLD' });
  add(180, arm('champion'), exit);
  add(180, ROLLOUT.challenger, exit);
  add(180, armVersion(ROLLOUT.challenger, 'r0'), exit);
  const minutes = readArmMinutes([store], ROLLOUT, 0 as OpenTime, { [a]: FLAT_COSTS, [b]: FLAT_COSTS });
  expect(minutes.map(({ time }) => time)).toEqual([0, 60, 120, 180]);
  const answers = minutes.map(({ pairs }) => [...pairs.values()][0]!);
  expect(answers.map((one) => Object.keys(one).sort())).toEqual([
    ['champion'],
    ['challenger', 'champion'],
    ['challenger', 'champion'],
    ['champion'],
  ]);
  expect(answers.map(({ champion }) => champion!.entered)).toEqual([true, false, false, false]);
  // Half size; gross per leg weight 1 / 1.5; two fills of half a spread and slippage.
  const expected = 0.5 * ((1e4 * 0.01) / 1.5 - 2 * 1.5);
  expect(answers[3]!.champion!.resultBps).toBeCloseTo(expected, 9);
  expect(readArmMinutes([store], ROLLOUT, 120 as OpenTime, { [a]: FLAT_COSTS, [b]: FLAT_COSTS })).toHaveLength(2);

  // Of updates, the challenger is one arm, whichever update has answered: a position outlives the one that opened it.
  const ofUpdates: ActiveRollout = { ...ROLLOUT, id: 'r2', of_updates: true };
  add(0, armVersion(ROLLOUT.champion, 'r2'), { action: 'HOLD' });
  add(0, armName(ofUpdates, 'challenger'), enter);
  const later = { ...ofUpdates, challenger: '20261109_0000' };
  add(60, armName(later, 'challenger'), exit);
  add(60, armVersion(ROLLOUT.champion, 'r2'), { action: 'HOLD' });
  const compared = readArmMinutes([store], later, 0 as OpenTime, { [a]: FLAT_COSTS, [b]: FLAT_COSTS });
  expect(compared.map(({ pairs }) => [...pairs.values()][0]!.challenger!.resultBps)).toEqual([
    0,
    expect.closeTo(expected, 9),
  ]);
  expect(compared.map(({ pairs }) => Object.keys([...pairs.values()][0]!).sort())).toEqual([
    ['challenger', 'champion'],
    ['challenger', 'champion'],
  ]);
  store.close();
  rmSync(folder, { recursive: true, force: true });
});
