import { describe, expect, it, vi } from 'vitest';

vi.setConfig({ testTimeout: 120_000 });

/** One boxed double per bar would be 3,000 × 16 bytes. */
const NOTHING_BYTES = 5000;
const BARS = 3000;
const isNothing = (bytes: number): boolean => bytes >= 0 && bytes < NOTHING_BYTES;

const FORMULAS = [
  'ema(close, 24) / close - 1',
  'zscore(log(close), 120)',
  'corr(delta(close), volume, 60)',
  'where(rsi(14) > 70 and hour() < 12, atr(14), -1)',
  'rank(close, 240) - quantile(close, 60, 0.9) / close',
  'argmax(high, 90) + since(cross(close, mean(close, 20)), 50)',
  'slope(close, 30) + wma(close, 30) + var(close, 30) / clip(close, 1, 500)',
  'count(close > open, 45) * pow(sign(delta(close)), 3)',
  'skew(close, 60) + kurt(volume, 90) + resid(close, volume, 60) / close + bollinger(close, 20, 2)',
];

/** Bytes that each round of bars allocates, until one allocates nothing. */
async function bytesPerRound(): Promise<number[]> {
  vi.resetModules();
  const { FormulaEngine } = await import('./engine.ts');
  const { parseFormula } = await import('./formula.ts');
  const { symbolSources } = await import('./sources.ts');
  const { SymbolInputs } = await import('./bar_inputs.ts');
  const { randomPair } = await import('../features/features.fixture.ts');
  const engine = new FormulaEngine(FORMULAS.map((text) => parseFormula(text, symbolSources())));
  const inputs = new SymbolInputs(engine, 60);
  const state = engine.createState();
  const { a } = randomPair('memory', BARS);
  const roundSeconds = a.at(-1)!.time - a[0]!.time + 60;
  const grown: number[] = [];
  // Merges of blocks are rare: they are compiled last.
  for (let round = 0; round < 250 && !grown.some(isNothing); round++) {
    const bars = a.map((bar) => ({ ...bar, time: (bar.time + round * roundSeconds) as typeof bar.time }));
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < bars.length; i++) {
      inputs.write(0, bars[i]!);
      engine.run(state, 1);
    }
    grown.push(process.memoryUsage().heapUsed - before);
  }
  return grown;
}

describe('FormulaEngine', () => {
  it('allocates nothing per bar, once it is warm', async () => {
    // Inlining by V8 depends on the moment at which it compiles: new copies of the code are compiled again.
    const copies: number[][] = [];
    for (let copy = 0; copy < 4 && !copies.some((grown) => grown.some(isNothing)); copy++)
      copies.push(await bytesPerRound());
    expect(copies.at(-1)!.some(isNothing), `bytes per round: ${copies.map(String).join('; ')}`).toBe(true);
  });
});
