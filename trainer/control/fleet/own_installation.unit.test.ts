import { expect, it } from 'vitest';
import { subjectsWithin, type FleetDaemon } from '../../jobs/fleet/installation.ts';
import { signalUsOf } from './own_installation.ts';

const METRICS = `
# TYPE minutehand_station_seconds histogram
minutehand_station_seconds_sum{station="features"} 0.001
minutehand_station_seconds_sum{station="infer"} 0.002
minutehand_station_seconds_sum{station="decide"} 0.0005
minutehand_station_seconds_sum{station="publish"} 0.0005
minutehand_station_seconds_sum{station="journal"} 9
minutehand_station_seconds_count{station="features"} 20
minutehand_signals_total{pair_id="A_B",action="HOLD",reason="NO_EDGE",mode="OK"} 60
minutehand_signals_total{pair_id="C_D",action="HOLD",reason="NO_EDGE",mode="OK"} 40
`;

it('takes the stations that a signal waits for, over all signals', () => {
  expect(signalUsOf(METRICS)).toBeCloseTo(40);
  expect([signalUsOf(''), signalUsOf('minutehand_signals_total{} 0\n')]).toEqual([null, null]);
});

it('says how many subjects take the budget at that time each', () => {
  const daemon: FleetDaemon = {
    shard: 'main',
    presence: 'up',
    role: 'active',
    hasStandby: false,
    subjects: 10,
    degradations: [],
    signalUs: 40,
    budgetMs: 200,
  };
  expect([subjectsWithin(daemon), subjectsWithin({ ...daemon, signalUs: null })]).toEqual([5000, null]);
});
