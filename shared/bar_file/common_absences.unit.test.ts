import { describe, expect, it } from 'vitest';
import { findBarFile, readBarFile } from './bar_file.ts';
import { absenceLines, commonAbsences, createGapWatch, type SymbolGaps } from './common_absences.ts';
import { realData, skipNote } from './real_data.fixture.ts';

/** Wednesday 2019-06-12 13:00 UTC. */
const OUTAGE = 1_560_344_400;
const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const START = OUTAGE - 8 * DAY_S - 13 * HOUR_S;

type IsAbsent = (time: number) => boolean;

/** Three weeks of minutes without those of weekends, the close of each at 100 and 40 bps higher after the outage. */
function gapsOf(symbol: string, isAbsent: IsAbsent): SymbolGaps {
  const time: number[] = [];
  for (let at = START; at < START + 21 * DAY_S; at += 60) {
    const ofWeek = (at + 4 * DAY_S) % (7 * DAY_S);
    const isOpen = ofWeek >= 22 * HOUR_S && ofWeek < 5 * DAY_S + 21 * HOUR_S;
    if (isOpen && !isAbsent(at)) time.push(at);
  }
  const price = time.map((at) => (at < OUTAGE + HOUR_S ? 100 : 100.4));
  const watch = createGapWatch(symbol);
  const half = Math.floor(time.length / 2);
  for (const [from, to] of [
    [0, half],
    [half, time.length],
  ])
    watch.add({
      length: to! - from!,
      time: time.slice(from, to),
      open: price.slice(from, to),
      close: price.slice(from, to),
    });
  return watch.result();
}

const isIn =
  (from: number, seconds: number): IsAbsent =>
  (at) =>
    at >= from && at < from + seconds;
/** 22:00 to 23:00 on each day, as metals. */
const isPause: IsAbsent = (at) => at % DAY_S >= 22 * HOUR_S && at % DAY_S < 23 * HOUR_S;

describe('a time without a bar of any symbol', () => {
  it('is one event, with its common part and the largest move over it', () => {
    const found = commonAbsences([
      gapsOf('EURUSD', isIn(OUTAGE, HOUR_S)),
      gapsOf('GBPUSD', isIn(OUTAGE - 300, HOUR_S + 300)),
      gapsOf('XAUUSD', (at) => isPause(at) || isIn(OUTAGE, HOUR_S)(at)),
    ]);
    expect(found).toEqual([
      { from: OUTAGE, to: OUTAGE + HOUR_S, symbols: ['EURUSD', 'GBPUSD', 'XAUUSD'], symbol: 'EURUSD', move_bps: 40 },
    ]);
    expect(absenceLines(found)).toEqual([
      'No bar of EURUSD, GBPUSD, XAUUSD from 2019-06-12T13:00Z to 2019-06-12T14:00Z, and EURUSD opens 40 bps from its last close: one outage of the source, or a holiday.',
    ]);
    expect(absenceLines(Array.from({ length: 7 }, () => found[0]!))).toHaveLength(6);
  });

  it('is no weekend, no daily pause, no quiet minutes, and nothing that one of the symbols alone lacks', () => {
    const whole = gapsOf('EURUSD', () => false);
    expect(commonAbsences([whole, gapsOf('GBPUSD', () => false)])).toEqual([]);
    expect(commonAbsences([gapsOf('XAUUSD', isPause), gapsOf('XAGUSD', isPause)])).toEqual([]);
    expect(commonAbsences([whole, gapsOf('GBPUSD', isIn(OUTAGE, HOUR_S))])).toEqual([]);
    expect(commonAbsences([gapsOf('GBPUSD', isIn(OUTAGE, HOUR_S))])).toEqual([]);
    const quiet = isIn(OUTAGE, 30 * 60);
    expect(commonAbsences([gapsOf('EURUSD', quiet), gapsOf('GBPUSD', quiet)])).toEqual([]);
    // The pause of the one, while the other's source was out.
    const atPause = isIn(OUTAGE + 9 * HOUR_S, HOUR_S);
    expect(commonAbsences([gapsOf('XAUUSD', isPause), gapsOf('EURUSD', atPause)])).toEqual([]);
  });

  const m1 = realData('m1');
  it.skipIf(m1 === null)(
    `of eight months of real bars is the hour that their source lacks${skipNote(m1)}`,
    async () => {
      const all = await Promise.all(
        ['EURUSD', 'USDJPY', 'BCOUSD'].map(async (symbol) => {
          const bars = await readBarFile((await findBarFile(m1!, symbol))!);
          const watch = createGapWatch(symbol);
          watch.add(bars);
          return watch.result();
        }),
      );
      expect(absenceLines(commonAbsences(all))).toEqual([
        'No bar of EURUSD, USDJPY, BCOUSD from 2019-03-31T23:00Z to 2019-04-01T00:00Z, and BCOUSD opens 48.8 bps from its last close: one outage of the source, or a holiday.',
      ]);
    },
  );
});
