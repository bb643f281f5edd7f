import type { Finding } from './finding.ts';
import type { InspectedBar } from './inspected_bar.ts';
import { isFlat } from './weekends.ts';

/** Bars in a row whose four prices stood at one distance before them: by chance a few do, never so many. */
const COPIED_BARS = 60;
/** Of a stretch, so many may have another origin: the same prices may have come again in between. */
const STRAY_SHARE = 0.2;
/** Bars that repeat one another from beginning to end are made up, as for a test: nothing of a market was copied. */
const MADE_UP_SHARE = 0.8;
/** A power of two: so many bars are looked back, some of them hidden by others. */
const SLOTS = 1 << 17;

/**
 * Finds stretches of bars that are copies of earlier ones under new times: a day that was taken twice, a feeder that
 * plays a loop, one file with two clocks. Bars that are flat, or repeat their neighbor, say nothing. Bounded memory; a
 * copy of what is more than some 100,000 bars before it is not found.
 */
export function createCopiedStretches(barSeconds: number) {
  const keys = new Float64Array(SLOTS);
  const times = new Float64Array(SLOTS);
  const bits = new Uint32Array(2);
  const float = new Float64Array(bits.buffer);
  let lag = 0;
  let hits = 0;
  let misses = 0;
  let begin = NaN;
  let bars = 0;
  let stretches = 0;
  let copied = 0;
  let longest = { bars: 0, lag: 0, time: 0 };

  const end = (): void => {
    if (hits >= COPIED_BARS) {
      stretches++;
      copied += hits;
      if (hits > longest.bars) longest = { bars: hits, lag, time: begin };
    }
    lag = 0;
    hits = 0;
    misses = 0;
  };

  return {
    add(bar: InspectedBar): void {
      if (isFlat(bar)) return;
      bars++;
      const key = bar.open + 31.7 * bar.high + 1013.3 * bar.low + 32_771.1 * bar.close;
      float[0] = key;
      const slot = Math.imul(bits[0]! ^ Math.imul(bits[1]!, 0x9e37_79b1), 0x85eb_ca6b) >>> 15;
      const apart = keys[slot] === key ? Math.abs(bar.time - times[slot]!) : 0;
      keys[slot] = key;
      times[slot] = bar.time;
      if (lag !== 0 && apart === lag) {
        hits++;
        return;
      }
      if (lag !== 0 && ++misses <= 1 + STRAY_SHARE * hits) return;
      end();
      if (apart <= barSeconds) return;
      lag = apart;
      hits = 1;
      begin = bar.time;
    },
    findings(): Finding[] {
      end();
      if (stretches === 0 || copied > MADE_UP_SHARE * bars) return [];
      const minutes = longest.lag / 60;
      return [
        { code: 'FROZEN', by: 'copied_stretch', values: { bars: copied, stretches, minutes, from: longest.time } },
      ];
    },
  };
}
