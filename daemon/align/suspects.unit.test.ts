import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../shared/bar.ts';
import { BarScreen } from '../../shared/core/screen/bar_screen.ts';
import { SuspectLog, type ScreenedBar } from './suspects.ts';

const barOf = (minute: number, close: number, symbol = 'EURUSD'): Bar => ({
  symbol,
  time: (minute * 60) as OpenTime,
  open: close,
  high: close,
  low: close,
  close,
  volume: 0,
});

/** A screen that has seen bars at 1, and a log that notes each bar it takes. */
function setUp(symbol = 'EURUSD') {
  const screen = new BarScreen({ sigmas: 60, min_move_bps: 50 });
  const log = new SuspectLog();
  const send = (minute: number, close: number): boolean => {
    const bar = barOf(minute, close, symbol);
    screen.take(bar);
    return log.note(bar, screen);
  };
  for (let minute = 0; minute < 40; minute++) expect(send(minute, 1)).toBe(false);
  return { log, send };
}

const namesOf = (found: readonly ScreenedBar[]) =>
  found.map(({ bar, verdict, level }) => [bar.time / 60, verdict, level]);

describe('SuspectLog', () => {
  it('reports nothing for trusted bars, or where bars are not screened', () => {
    const { log } = setUp();
    expect(log.takeFound()).toEqual([]);
    expect(log.note(barOf(50, 1000), null)).toBe(false);
    expect([log.takeFound(), [...log.counts]]).toEqual([[], []]);
  });

  it('reports a suspect bar and the bar that refutes it, once', () => {
    const { log, send } = setUp();
    expect([send(40, 1000), send(41, 1), send(42, 1)]).toEqual([true, false, false]);
    const found = log.takeFound();
    expect(namesOf(found)).toEqual([
      [40, null, 1],
      [41, 'refuted', 1],
    ]);
    expect(found[0]!.limit).toBeGreaterThan(0);
    expect(log.takeFound()).toEqual([]);
  });

  it('counts the bars that were held back by symbol, not those that gave the verdict', () => {
    const { log, send } = setUp();
    expect([send(40, 3), send(41, 1), send(42, 3), send(43, 3)]).toEqual([true, false, true, false]);
    expect([...log.counts]).toEqual([['EURUSD', 2]]);
    expect(namesOf(log.takeFound()).at(-1)).toEqual([43, 'confirmed', 3]);
  });

  it('reports a bar that refutes the suspect and is suspect itself first as the verdict', () => {
    const { log, send } = setUp();
    expect([send(40, 1000), send(41, 1e-3)]).toEqual([true, true]);
    expect(namesOf(log.takeFound())).toEqual([
      [40, null, 1],
      [41, 'refuted', 1],
      [41, null, 1],
    ]);
    expect(log.counts.get('EURUSD')).toBe(2);
  });
});
