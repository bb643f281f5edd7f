import { expect, it } from 'vitest';
import { parsePair } from '../../shared/pair.ts';
import { HaltedPairs } from './halted_pairs.ts';

const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'].map(parsePair);
const gold = { pair_id: 'XAUUSD_XAGUSD', version: 'v1' };

it('a halt counts while its version is active, and again when that version is active again', () => {
  const halted = new HaltedPairs(PAIRS, { halts: [gold], resumed: [] });
  expect(halted.pairIds).toEqual([]);
  const seen = ['v1', 'v2', null, 'v1'].map((version) => {
    halted.setVersion(version);
    return [...halted.mask];
  });
  expect(seen).toEqual([
    [1, 0],
    [0, 0],
    [0, 0],
    [1, 0],
  ]);
});

it('a halt of all pairs halts each of them, and new halts replace the ones before', () => {
  const halted = new HaltedPairs(PAIRS);
  halted.setVersion('v1');
  halted.setHalts([{ pair_id: '*', version: 'v1' }]);
  expect(halted.pairIds).toEqual(PAIRS.map(({ id }) => id));
  halted.setHalts([gold]);
  expect(halted.pairIds).toEqual([gold.pair_id]);
});

it('a challenger enters nothing where the active version or its own is halted', () => {
  const halted = new HaltedPairs(PAIRS, { halts: [gold, { pair_id: 'EURUSD_GBPUSD', version: 'v2' }], resumed: [] });
  const masks = (active: string, challenger: string | null): number[][] => {
    halted.setVersion(active);
    halted.setChallenger(challenger);
    return [[...halted.mask], [...halted.challengerMask]];
  };
  expect(masks('v1', 'v2')).toEqual([
    [1, 0],
    [1, 1],
  ]);
  expect(masks('v1', 'v3')).toEqual([
    [1, 0],
    [1, 0],
  ]);
  expect(masks('v3', 'v2')).toEqual([
    [0, 0],
    [0, 1],
  ]);
  expect(masks('v3', null)).toEqual([
    [0, 0],
    [0, 0],
  ]);
});

it('announces halts of its pairs, once', () => {
  const halted = new HaltedPairs(PAIRS);
  const other = { pair_id: 'AUDUSD_NZDUSD', version: 'v1' };
  expect(halted.announce({ halts: [other], resumed: [] })).toBeNull();
  expect(halted.announce({ halts: [gold, other], resumed: [] })).toEqual({ halts: [gold], resumed: [] });
  expect(halted.announce({ halts: [gold], resumed: [] })).toBeNull();
  expect(halted.announce({ halts: [], resumed: [] })).toEqual({ halts: [], resumed: [] });
});
