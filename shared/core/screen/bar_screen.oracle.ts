import type { Bar } from '../../bar.ts';
import { MAX_JUMP, type ScreenPolicy, type SuspectOutcome } from './bar_screen.ts';

export interface Screened {
  readonly isSuspect: boolean;
  readonly verdict: SuspectOutcome | null;
}

/** The definition of the screen, slowly: every limit from a sorted copy, and no state but the list of answers. */
export function screenSlowly(
  bars: readonly Bar[],
  { sigmas, min_move_bps, max_jump = MAX_JUMP }: ScreenPolicy,
): Screened[] {
  const farther = (price: number) => (bar: Bar) => Math.max(bar.high / price, price / bar.low) - 1;
  const minutes = (i: number, j: number): number => (bars[j]!.time - bars[i]!.time) / 60;
  const move = (i: number): number => farther(bars[i - 1]!.close)(bars[i]!) / Math.sqrt(minutes(i - 1, i));
  const limit = (i: number): number => {
    const moves: number[] = [];
    for (let j = Math.max(1, i - 240); j < i; j++) moves.push(move(j));
    if (moves.length < 30) return Infinity;
    moves.sort((x, y) => x - y);
    return Math.max((sigmas * moves[Math.floor((moves.length - 1) / 2)]!) / 1.149, min_move_bps / 1e4);
  };
  const apart = (one: number, other: number): number => Math.max(one / other, other / one);
  const medianClose = (i: number): number => {
    const closes = bars.slice(Math.max(0, i - 240), i).map(({ close }) => close);
    closes.sort((x, y) => x - y);
    return closes[Math.floor((closes.length - 1) / 2)]!;
  };
  const isLeap = (i: number): boolean => i > 0 && apart(bars[i]!.close, bars[i - 1]!.close) > max_jump;
  const isOfOtherScale = (i: number): boolean => {
    let hasLeap = false;
    for (let j = Math.max(0, i - 239); j <= i; j++) hasLeap ||= isLeap(j);
    return i >= 31 && hasLeap && apart(bars[i]!.close, medianClose(i)) > max_jump;
  };
  const agrees = (i: number): boolean => i === 0 || move(i) <= limit(i);
  const answers: Screened[] = [];
  for (let i = 0; i < bars.length; i++) {
    let level = i - 1;
    while (level >= 0 && answers[level]!.isSuspect) level--;
    const wasSuspect = level < i - 1;
    const levelClose = bars[Math.max(0, level)]!.close;
    const returns =
      wasSuspect && i - level <= 241 && farther(levelClose)(bars[i]!) / Math.sqrt(minutes(level, i)) <= limit(i);
    const isLost = i >= 5 && [i, i - 1, i - 2, i - 3, i - 4].every((j) => !agrees(j));
    const isOther = isOfOtherScale(i);
    let verdict: SuspectOutcome | null = null;
    if (wasSuspect) {
      const { high, low } = bars[i - 1]!;
      const tip = high / levelClose >= levelClose / low ? high : low;
      const { close } = bars[i]!;
      const isNearerToTip = Math.max(close / tip, tip / close) < Math.max(close / levelClose, levelClose / close);
      verdict = agrees(i) && !isOther && (!returns || isNearerToTip) ? 'confirmed' : 'refuted';
    }
    answers.push({ isSuspect: isOther || (!agrees(i) && !returns && !isLost), verdict });
  }
  return answers;
}
