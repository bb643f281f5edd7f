import { describe, expect, it, vi } from 'vitest';
import type { Bar, OpenTime } from '../../bar.ts';
import { parsePair } from '../../pair.ts';

vi.setConfig({ testTimeout: 120_000 });

/** One boxed double per bar and pair would be 2,000 × 4 × 16 bytes. */
const NOTHING_BYTES = 8000;
const BARS = 2000;
const isNothing = (bytes: number): boolean => bytes >= 0 && bytes < NOTHING_BYTES;
const IDS = ['A_B', 'C_D', 'E_F', 'G_H'];

/** The bars of each time: made before they are measured. */
function barsOfRound(round: number): { readonly time: OpenTime; readonly bars: ReadonlyMap<string, Bar> }[] {
  return Array.from({ length: BARS }, (_, i) => {
    const time = (60 * (1_000_000 + round * BARS + i)) as OpenTime;
    const bars = IDS.flatMap((id, pair) =>
      id.split('_').map((symbol, leg): [string, Bar] => {
        const close = 100 + pair + leg + Math.sin((round * BARS + i) / (7 + pair)) + ((i * (13 + leg)) % 17) / 100;
        return [symbol, { symbol, time, open: close, high: close + 0.5, low: close - 0.5, close, volume: 5 }];
      }),
    );
    // One pair has gaps.
    return { time, bars: new Map(i % 9 === 4 ? bars.slice(2) : bars) };
  });
}

/** Bytes that each round of bars allocates, until one allocates nothing. */
async function bytesPerRound(): Promise<number[]> {
  vi.resetModules();
  const { GroupSections } = await import('./group_sections.ts');
  const { handWrittenDefinitions } = await import('./features.ts');
  const { comparedPairsOf } = await import('../formula/awaited_symbols.ts');
  const { groupsOf } = await import('../formula/sections.ts');
  const { parseFormula } = await import('../formula/formula.ts');
  const { pairSources } = await import('../formula/sources.ts');
  const { loadSettings } = await import('../../policy/policy.ts');
  const { windows } = loadSettings({ env: {} }).minutehand;
  const sources = pairSources(handWrittenDefinitions(windows));
  const formulas = ['cs_rank(z_abs)', 'cs_mean(delta(log(a.close / b.close), 5))', 'cs_zscore(corr)'].map((text) => ({
    formula: parseFormula(text, sources),
    subjects: IDS,
  }));
  const group = new GroupSections(comparedPairsOf(groupsOf(formulas))[0]!, windows);
  const out = new Float64Array(group.sources.length);
  const places = IDS.map((id) => group.placeOf(parsePair(id).id)!);
  const grown: number[] = [];
  for (let round = 0; round < 60 && !grown.some(isNothing); round++) {
    const bars = barsOfRound(round);
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < bars.length; i++) {
      const bar = bars[i]!;
      group.take(bar, null);
      group.forgetBefore(bar.time);
      for (let k = 0; k < places.length; k++) group.write(places[k]!, bar.time, out);
    }
    grown.push(process.memoryUsage().heapUsed - before);
  }
  return grown;
}

describe('GroupSections', () => {
  it('allocates nothing per bar, once it is warm', async () => {
    // Inlining by V8 depends on the moment at which it compiles: new copies of the code are compiled again.
    const copies: number[][] = [];
    for (let copy = 0; copy < 4 && !copies.some((grown) => grown.some(isNothing)); copy++)
      copies.push(await bytesPerRound());
    expect(copies.at(-1)!.some(isNothing), `bytes per round: ${copies.map(String).join('; ')}`).toBe(true);
  });
});
