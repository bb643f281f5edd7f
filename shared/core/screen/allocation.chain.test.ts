import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../bar.ts';
import { randomPair } from '../features/features.fixture.ts';
import { BarScreen } from './bar_screen.ts';

const BARS = 20_000;
/** A boxed double is 16 bytes. */
const MAX_BYTES = 16 * BARS + 5000;

/** A function of its own, so that the compiler sees this loop and not the test. */
function takeAll(screen: BarScreen, bars: readonly Bar[]): number {
  let suspects = 0;
  for (let i = 0; i < bars.length; i++) if (screen.take(bars[i]!)) suspects++;
  return suspects;
}

// In a process of its own, like the allocation test of the features.
describe('BarScreen', () => {
  it('allocates at most one boxed number per bar, once it is compiled', () => {
    const { a } = randomPair('memory', BARS);
    const screen = new BarScreen({ sigmas: 3, min_move_bps: 0 });
    const grown: number[] = [];
    let suspects = 0;
    // A collection may fall into any round, and the first ones run code that is not compiled yet: one clean round is
    // proof.
    for (let round = 0; round < 60 && !grown.some((bytes) => bytes >= 0 && bytes < MAX_BYTES); round++) {
      const bars = a.map((bar): Bar => ({ ...bar, time: (bar.time + round * 4e6) as OpenTime }));
      const before = process.memoryUsage().heapUsed;
      suspects += takeAll(screen, bars);
      grown.push(process.memoryUsage().heapUsed - before);
    }
    expect(suspects).toBeGreaterThan(0);
    expect(
      grown.some((bytes) => bytes >= 0 && bytes < MAX_BYTES),
      `bytes per round: ${grown.join(', ')}`,
    ).toBe(true);
  });
});
