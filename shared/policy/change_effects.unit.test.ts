import { expect, it } from 'vitest';
import { changeEffects } from './change_effects.ts';

const IN_USE = { active_models: 10, quoted_spreads: ['EURUSD', 'GBPUSD'], paper_accounts: ['paper'] };
const NOTHING = { active_models: 0, quoted_spreads: [], paper_accounts: [] };
const COSTS = { spread_bps: 0.2, commission_bps: 0.3 };

it('a cost names the symbols whose quoted spread counts, the accounts that keep it, and models of earlier costs', () => {
  const before = { 'minutehand.symbols': { EURUSD: COSTS, GBPUSD: COSTS } };
  const after = { 'minutehand.symbols': { EURUSD: { ...COSTS, spread_bps: 1 }, GBPUSD: COSTS } };
  expect(changeEffects(after, before, IN_USE)).toEqual([
    { kind: 'applies', applies: 'next_bar', keys: ['minutehand.symbols.EURUSD.spread_bps'] },
    { kind: 'kept', keeper: 'quoted_spreads', names: ['EURUSD'] },
    { kind: 'kept', keeper: 'active_models', names: ['10'] },
    { kind: 'kept', keeper: 'paper_accounts', names: ['paper'] },
    { kind: 'kept', keeper: 'results', names: ['all'] },
  ]);
  expect(changeEffects(after, before, NOTHING).map((one) => (one.kind === 'kept' ? one.keeper : one.applies))).toEqual([
    'next_bar',
    'results',
  ]);
});

it('before a value is proposed, the whole key counts; a commission is no spread', () => {
  const keepers = (key: string): string[] =>
    changeEffects({ [key]: 1 }, null, IN_USE).flatMap((one) => (one.kind === 'kept' ? [one.keeper, ...one.names] : []));
  expect(keepers('minutehand.symbols')).toContain('GBPUSD');
  expect(keepers('minutehand.symbols.USDJPY.spread_bps')).not.toContain('quoted_spreads');
  expect(keepers('minutehand.symbols.EURUSD.commission_bps')).toEqual([
    'active_models',
    '10',
    'paper_accounts',
    'paper',
    'results',
    'all',
  ]);
  expect(keepers('core.theta1_initial')).toEqual(['active_models', '10']);
  expect(keepers('core.require_edge')).toEqual([]);
});
