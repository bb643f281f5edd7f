import { describe, expect, it } from 'vitest';
import { parseInstrument, parsePair } from '../../shared/pair.ts';
import { PipelineStatus } from './pipeline_status.ts';

type Owners = ConstructorParameters<typeof PipelineStatus>[0];

const SUBJECTS = [parsePair('A_B'), parsePair('C_D'), parsePair('E_F'), parseInstrument('BTCUSDT@1h')];
const EVENT = Date.parse('2026-11-20T00:00:00Z') / 1000;

function open(owners: object, nowSeconds = EVENT): PipelineStatus {
  const clock = { nowMs: () => nowSeconds * 1000, monotonicUs: () => 0 };
  return new PipelineStatus({ subjects: SUBJECTS, clock, ...owners } as unknown as Owners);
}

describe('the status of a pipeline', () => {
  it('has a rollout only while its champion is active', () => {
    const rollout = { id: 'r' };
    const active = { version: 'v' };
    const ofDirection = { id: 'd' };
    const ofRule = { id: 'of a rule' };
    const ruleArms = { rollout: ofRule };
    const seen = [
      { set: active, directionArms: { rollout: ofDirection } },
      { set: null, directionArms: { rollout: ofDirection } },
      { set: null, directionArms: { rollout: null } },
    ].map(({ set, directionArms }) => {
      const arms = { rollout, isActive: (asked: unknown) => asked === active };
      const status = open({ slots: { active: set }, arms, directionArms, ruleArms });
      return [status.models, status.rollout];
    });
    expect(seen).toEqual([
      [active, rollout],
      [null, ofDirection],
      [null, ofRule],
    ]);
  });

  it('has pairs that are silent, and warm ones whose signal has expired', () => {
    const silence = { isSilent: (pairIndex: number) => pairIndex === 1 };
    const asked: number[] = [];
    const envelope = { isExpired: (pairIndex: number, nowMs: number) => (asked.push(nowMs), pairIndex < 2) };
    const isReady = (pairIndex: number) => pairIndex > 0;
    const status = open({ inputs: { silence }, envelope, isReady });
    expect([status.silentPairs, status.expiredPairs]).toEqual([['C_D'], ['C_D']]);
    expect(new Set(asked)).toEqual(new Set([EVENT * 1000]));
    expect([status.readyPairs, status.readyInstruments]).toEqual([2, 1]);
    expect(open({ isReady: (pairIndex: number) => pairIndex < 3 }).readyInstruments).toBe(0);
  });

  it('has the age of each series, which is stale when features see no value any more', () => {
    const latest = () => [
      { symbol: 'BTCUSDT', name: 'funding_rate', eventTime: EVENT },
      { symbol: 'ETHUSDT', name: 'order_book_imbalance', eventTime: EVENT + 60 },
    ];
    const seriesAt = (age: number) => open({ series: { latest } }, EVENT + age).series;
    expect(seriesAt(12 * 3600)).toEqual([
      {
        symbol: 'BTCUSDT',
        series: 'funding_rate',
        event_time: '2026-11-20T00:00:00.000Z',
        age_seconds: 43_200,
        stale: false,
      },
      {
        symbol: 'ETHUSDT',
        series: 'order_book_imbalance',
        event_time: '2026-11-20T00:01:00.000Z',
        age_seconds: 43_140,
        stale: true,
      },
    ]);
    expect(seriesAt(12 * 3600 + 1)[0]!.stale).toBe(true);
  });

  it('names what instruments have received', () => {
    const latest = () => [{ name: 'funding_rate' }, { name: 'funding_rate' }];
    const sources = [true, false].map((has) => open({ series: { latest }, hasTaker: () => has }).sources);
    expect(sources).toEqual([['funding_rate', 'taker_buy_volume'], ['funding_rate']]);
  });

  it('shows what its parts have', () => {
    const aligner = { lastTimes: () => 'times' };
    const parts = {
      inputs: { aligner, suspects: { counts: 'counts' } },
      decider: { policyHash: 'p' },
      degradations: {
        names: 'degradations',
        isPairDegraded: true,
        isInstrumentDegraded: (own: string) => own === '1h',
        isSubjectDegraded: () => false,
      },
      halts: { pairIds: ['A_B'] },
      directions: { versions: { '1h': 'v' }, engines: { '1h': 'own-graph' }, engineNotes: { '1h': 'why' } },
      batches: { withheld: 7 },
    };
    const status = open(parts);
    expect([status.lastTimes, status.suspectBars, status.policyHash, status.degradations]).toEqual([
      ...['times', 'counts', 'p', 'degradations'],
    ]);
    const isDegraded = [parsePair('XAUUSD_XAGUSD'), parseInstrument('BTCUSDT@1h'), parseInstrument('BTCUSDT')];
    expect(isDegraded.map((subject) => status.isDegraded(subject))).toEqual([true, true, false]);
    expect([status.directionEngines, status.directionEngineNotes]).toEqual([{ '1h': 'own-graph' }, { '1h': 'why' }]);
    expect([status.haltedPairs, status.directions, status.withheld]).toEqual([['A_B'], { '1h': 'v' }, 7]);
  });
});
