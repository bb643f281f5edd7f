import type { Bar, OpenTime } from '../shared/bar.ts';
import type { ErrorCode } from '../shared/errors.ts';
import type { Rng } from '../shared/ports.ts';

/** One minute of one symbol, as received by the feeder. */
export interface Item {
  readonly symbol: string;
  readonly time: OpenTime;
  /** null: no trade. */
  readonly bar: Bar | null;
  /** Older than the first live minute, so sent as backfill. */
  readonly isHistory: boolean;
}

/** An invalid bar that the daemon must refuse. */
interface Junk {
  readonly text: string;
  /** Error codes with which it may be refused. */
  readonly codes: readonly ErrorCode[];
}

/** Minutes sent as one message, with or without an invalid bar. */
export interface Message {
  readonly items: readonly Item[];
  readonly text: string;
  readonly junk: Junk | null;
  /** Index of the invalid bar in the message; -1 without one. */
  readonly junkAt: number;
}

/** @param malformed probability that the message contains an invalid bar, 0…1 */
export function composeMessage(rng: Rng, items: readonly Item[], malformed: number): Message {
  const junk = rng.uniform() < malformed ? junkOf(rng, items[rng.integer(items.length)]!) : null;
  const texts = items.map(wireOf);
  const junkAt = junk === null ? -1 : rng.integer(texts.length + 1);
  if (junk !== null) texts.splice(junkAt, 0, junk.text);
  return { items, text: texts.length === 1 ? texts[0]! : `[${texts.join(',')}]`, junk, junkAt };
}

export const wireOf = ({ symbol, time, bar }: Item): string =>
  bar === null
    ? JSON.stringify({ symbol, time: time * 1000, empty: true })
    : JSON.stringify({ ...bar, time: new Date(time * 1000).toISOString() });

/** After the clock was set back, any bar may be in the future. */
function junkOf(rng: Rng, { symbol, time, bar }: Item): Junk {
  const good = bar ?? { open: 1, high: 1, low: 1, close: 1, volume: 1 };
  const wire = { ...good, symbol, time: time * 1000 };
  const kinds: (() => Junk)[] = [
    () => ({
      text: JSON.stringify({ ...wire, close: 'x' }).replace('"x"', 'NaN'),
      codes: ['BAR_NOT_FINITE', 'BAR_FUTURE'],
    }),
    () => ({ text: JSON.stringify({ ...wire, high: null }), codes: ['BAR_NOT_FINITE', 'BAR_FUTURE'] }),
    () => ({ text: JSON.stringify({ ...wire, low: -1 }), codes: ['BAR_NOT_POSITIVE', 'BAR_FUTURE'] }),
    () => ({ text: JSON.stringify({ ...wire, high: wire.low / 2 }), codes: ['BAR_RANGE', 'BAR_FUTURE'] }),
    () => ({ text: JSON.stringify({ ...wire, time: time * 1000 + 1 }), codes: ['BAR_OFF_MINUTE'] }),
    () => ({ text: JSON.stringify({ ...wire, symbol: 'NOTHING' }), codes: ['BAR_UNKNOWN_SYMBOL', 'BAR_FUTURE'] }),
    () => ({ text: JSON.stringify({ ...wire, time: (time + 86_400 * 400) * 1000 }), codes: ['BAR_FUTURE'] }),
    () => ({ text: '[[]]', codes: ['BAR_MALFORMED'] }),
    () => ({ text: '"bar"', codes: ['BAR_MALFORMED'] }),
  ];
  return kinds[rng.integer(kinds.length)]!();
}

/** A revision: the same minute with a different close. */
export function revisionOf(bar: Bar): Bar {
  const close = bar.close === bar.high ? bar.low : bar.high;
  return {
    ...bar,
    close: close === bar.close ? bar.close * 1.0001 : close,
    high: Math.max(bar.high, close, bar.close * 1.0001),
  };
}
