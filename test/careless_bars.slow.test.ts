import { describe, expect, it } from 'vitest';
import { faultsOf, findingsOf } from '../shared/bar_file/verdict/judged_bars.ts';
import { createRng } from '../shared/rng.ts';
import { barsOf, CARELESS, HONEST, spoiled, type Carelessness } from './careless_bars.ts';
import { IS_WEEKLY } from './weekly.ts';
import { tinyBars, tinySettings } from './tiny_settings.ts';

const SEEDS = IS_WEEKLY ? [1, 2, 3] : [1];
const NOW_MS = Date.parse('2025-01-01T00:00:00Z');
/** Four weeks. */
const MINUTES = 29_000;
const SYMBOLS = ['EURUSD', 'GBPUSD'] as const;

const recorded = tinyBars(tinySettings({}), MINUTES);
const cases = SYMBOLS.flatMap((symbol) => SEEDS.map((seed) => ({ symbol, seed })));

function faultsWith(carelessness: Carelessness, { symbol, seed }: (typeof cases)[number]) {
  const rng = createRng(`${carelessness.name} ${symbol} ${seed}`);
  const columns = spoiled(barsOf(recorded.get(symbol)!), carelessness, rng);
  return { byPart: faultsOf(columns, NOW_MS), whole: findingsOf(columns) };
}

describe('bars with a slip', () => {
  it.each(CARELESS.map((one) => [one.name, one] as const))('%s are told, and refused by what learns', (_, one) => {
    for (const own of cases) {
      const { byPart, whole } = faultsWith(one, own);
      const told = { ...own, codes: [...new Set(byPart.map(({ finding }) => finding.code))], whole: whole.length > 0 };
      expect(
        one.due.some((code) => told.codes.includes(code)),
        JSON.stringify(told),
      ).toBe(one.isTakenOfFolder !== true);
      // The clock of this machine is no matter of the bars alone.
      if (!one.due.includes('FUTURE')) expect(told.whole, JSON.stringify(told)).toBe(true);
    }
  });
});

describe('bars without a fault', () => {
  it.each(HONEST.map((one) => [one.name, one] as const))('%s are not refused', (_, one) => {
    for (const own of cases) expect(faultsWith(one, own).byPart, JSON.stringify(own)).toEqual([]);
  });
});
