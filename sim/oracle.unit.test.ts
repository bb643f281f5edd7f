import { describe, expect, it } from 'vitest';
import type { Order } from '../shared/signal/consumer.ts';
import { checksum } from '../shared/signal/encode.ts';
import { createOracle, type Oracle } from './oracle.ts';

const START_MS = Date.parse('2025-10-14T12:35:00Z');
const OPEN = (positionId: string): Order => ({
  order: 'open',
  positionId,
  legs: [
    { symbol: 'A', side: 'BUY', weight: 1 },
    { symbol: 'B', side: 'SELL', weight: 1 },
  ],
  scale: 1,
  maxAgeBars: 5,
});
const HOLD: Order = { order: 'hold' };
/** One minute later. */
const SECOND = {
  seq: 2,
  timestamp: '2025-10-14T12:36:00Z',
  generated_at_ms: START_MS + 60_000,
  valid_until_ms: START_MS + 210_000,
};

function textOf(changes: Record<string, unknown>): string {
  const signal = {
    timestamp: '2025-10-14T12:35:00Z',
    pair_id: 'A_B',
    boot_id: 'b1',
    seq: 1,
    action: 'HOLD',
    reason: 'NO_SETUP',
    mode: 'OK',
    target: 0,
    position_id: '',
    signal_id: 's1',
    model_version: 'v1',
    generated_at_ms: START_MS,
    valid_until_ms: START_MS + 150_000,
    ...changes,
  };
  const covered = JSON.stringify(signal).slice(0, -1);
  return `${covered},"crc32":"${checksum(covered)}"}`;
}

const enter = (changes: Record<string, unknown> = {}): string =>
  textOf({ action: 'ENTER', reason: 'ENTRY', target: 1, position_id: 's1', ...changes });

interface Bench {
  readonly oracle: Oracle;
  readonly rules: string[];
  nowMs: number;
  accept(text: string, ...orders: Order[]): void;
}

function openBench(): Bench {
  const rules: string[] = [];
  const bench = { nowMs: 0, rules } as Bench & { oracle: Oracle };
  bench.oracle = createOracle({
    works: () => 0,
    nowMs: () => bench.nowMs,
    trueMs: () => START_MS + bench.nowMs,
    wallMs: () => START_MS + bench.nowMs,
    clockErrorMs: () => 0,
    validMs: () => 150_000,
    intervalMs: 60_000,
    onViolation: (rule) => rules.push(rule),
  });
  bench.accept = (text, ...orders) =>
    bench.oracle.check('EA', text, START_MS + bench.nowMs, { verdict: 'accept', pairId: 'A_B', orders, missed: 0 });
  return bench;
}

describe('the oracle', () => {
  it('reports nothing for a consumer that follows the protocol', () => {
    const bench = openBench();
    const first = enter();
    const second = textOf({ ...SECOND, signal_id: 's2' });
    bench.oracle.publish(first);
    bench.accept(`${first}\n`, OPEN('s1'));
    bench.nowMs = 60_000;
    bench.oracle.publish(second);
    bench.accept(second, { order: 'close', positionId: 's1' });
    bench.oracle.check('EA', 'torn', 0, { verdict: 'refuse', code: 'TORN', seen: '' });
    expect(bench.rules).toEqual([]);
    expect([bench.oracle.accepted, bench.oracle.opens, bench.oracle.refusals.get('TORN')]).toEqual([2, 1, 1]);
  });

  it.each<[string, (bench: Bench) => void]>([
    ['torn signal accepted', (bench) => bench.accept(enter().replace('b1', 'b2'), HOLD)],
    [
      'stale signal accepted',
      (bench) => {
        bench.oracle.publish(textOf({}));
        bench.nowMs = 151_000;
        bench.accept(textOf({}), HOLD);
      },
    ],
    [
      'repeated or out of order signal accepted',
      (bench) => {
        bench.oracle.publish(textOf({}));
        bench.accept(textOf({}), HOLD);
        bench.accept(textOf({}), HOLD);
      },
    ],
    [
      'position opened twice',
      (bench) => {
        bench.oracle.publish(enter());
        bench.accept(enter(), OPEN('s1'));
        bench.oracle.publish(enter({ boot_id: 'b2' }));
        bench.accept(enter({ boot_id: 'b2' }), OPEN('s1'));
      },
    ],
    [
      'open without ENTER',
      (bench) => {
        const text = textOf({ target: 1, position_id: 's1' });
        bench.oracle.publish(text);
        bench.accept(text, OPEN('s1'));
      },
    ],
    [
      'position kept that is over',
      (bench) => {
        const over = textOf({ seq: 2, timestamp: '2025-10-14T12:36:00Z', signal_id: 's2' });
        bench.oracle.publish(enter());
        bench.accept(enter(), OPEN('s1'));
        bench.oracle.publish(over);
        bench.accept(over, HOLD);
      },
    ],
    [
      'close of a position that is not held',
      (bench) => {
        bench.oracle.publish(textOf({}));
        bench.accept(textOf({}), { order: 'close', positionId: 's9' });
      },
    ],
    [
      'publication order',
      (bench) => {
        bench.oracle.publish(textOf({ seq: 2 }));
        bench.oracle.publish(textOf({ timestamp: '2025-10-14T12:36:00Z' }));
      },
    ],
    [
      'minute answered twice',
      (bench) => {
        bench.oracle.publish(textOf({}));
        bench.oracle.publish(textOf({ seq: 2 }));
      },
    ],
    [
      'signal_id changed',
      (bench) => {
        bench.oracle.publish(textOf({}));
        bench.oracle.publish(textOf({ boot_id: 'b2', signal_id: 's2' }));
      },
    ],
    ['expiry', (bench) => void bench.oracle.publish(textOf({ valid_until_ms: START_MS + 149_999 }))],
    [
      'expiry',
      (bench) => {
        // A late bar is valid for one interval after its close.
        bench.nowMs = 90_000;
        const generated_at_ms = START_MS + 90_000;
        bench.oracle.publish(textOf({ generated_at_ms, valid_until_ms: generated_at_ms + 150_000 }));
      },
    ],
    [
      'expiry',
      (bench) => {
        // A heartbeat's validity does not depend on its bar.
        bench.nowMs = 300_000;
        const generated_at_ms = START_MS + 300_000;
        const silent = { reason: 'SILENCE', mode: 'HALT', generated_at_ms };
        bench.oracle.publish(textOf({ ...silent, valid_until_ms: START_MS + 210_000 }));
      },
    ],
    [
      'generated_at',
      (bench) =>
        void bench.oracle.publish(textOf({ generated_at_ms: START_MS - 9000, valid_until_ms: START_MS + 141_000 })),
    ],
    [
      'fresh signal refused',
      (bench) => {
        bench.oracle.publish(textOf({}));
        bench.nowMs = 60_000;
        bench.oracle.check('EA', textOf({}), START_MS, { verdict: 'refuse', code: 'STALE', seen: '' });
      },
    ],
    ['checksum', (bench) => void bench.oracle.publish(textOf({}).replace('"seq":1', '"seq":3'))],
  ])('detects: %s', (rule, commit) => {
    const bench = openBench();
    commit(bench);
    expect(bench.rules).toContain(rule);
  });
});
