import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { columnsOf } from '../shared/bar_file/bar_file.ts';
import type { Bar, OpenTime } from '../shared/bar.ts';
import type { Finding } from '../shared/bar_file/verdict/finding.ts';
import type { Rng } from '../shared/ports.ts';

/** A slip of a person or of another program with the bars of a symbol. */
export interface Carelessness {
  readonly name: string;
  /** Verdicts of which one is due. */
  readonly due: readonly Finding['code'][];
  /** An import refuses it; a folder of bars may hold such a market, made on purpose. */
  readonly isTakenOfFolder?: true;
  /** @param bars ascending, one a minute */
  spoil(bars: readonly Bar[], rng: Rng): Bar[];
}

/** Bars of a symbol of quotes, with the faults of a real source: minutes without a bar. */
export function barsOf({ symbol, length, time, open, high, low, close, volume }: BarColumns): Bar[] {
  return Array.from({ length }, (_, i) => ({
    symbol,
    time: time[i]! as OpenTime,
    open: open[i]!,
    high: high[i]!,
    low: low[i]!,
    close: close[i]!,
    volume: volume[i]!,
  }));
}

export function spoiled(bars: readonly Bar[], carelessness: Carelessness, rng: Rng): BarColumns {
  return columnsOf(bars[0]!.symbol, carelessness.spoil(bars, rng));
}

const PRICES = ['open', 'high', 'low', 'close'] as const;
/** Decimals of a quote. */
const DECIMALS = 5;

function withPrices(bar: Bar, change: (price: number) => number): Bar {
  const changed = { ...bar };
  for (const name of PRICES) changed[name] = change(bar[name]);
  return changed;
}

const quote = (price: number): number => Number(price.toFixed(DECIMALS));

/** A bar whose high and low include its open and close. */
function barWith(bar: Bar, { open = bar.open, close = bar.close }: Partial<Pick<Bar, 'open' | 'close'>>): Bar {
  return { ...bar, open, close, high: Math.max(bar.high, open, close), low: Math.min(bar.low, open, close) };
}

/** Somewhere in the middle half. */
const middleOf = (bars: readonly Bar[], rng: Rng): number => Math.floor((0.25 + 0.5 * rng.uniform()) * bars.length);

const pick = <Value>(values: readonly Value[], rng: Rng): Value => values[Math.floor(rng.uniform() * values.length)]!;

/** One price every so many minutes, and the minutes between made up of it and the next one. */
function refined(bars: readonly Bar[], minutes: number, between: (from: number, to: number, part: number) => number) {
  const longer = bars.filter(({ time }) => time % (60 * minutes) === 0);
  return longer.flatMap((bar, i) => {
    const next = longer[i + 1];
    if (next === undefined || next.time - bar.time !== 60 * minutes) return [];
    return Array.from({ length: minutes }, (_, k): Bar => {
      const open = quote(between(bar.open, next.open, k / minutes));
      const close = quote(between(bar.open, next.open, (k + 1) / minutes));
      const time = (bar.time + 60 * k) as OpenTime;
      return { ...bar, time, open, close, high: Math.max(open, close), low: Math.min(open, close) };
    });
  });
}

/** The first minute of each longer bar replaced by the longer bar itself, as where two downloads were joined. */
function withLongerBars(bars: readonly Bar[], seconds: number): Bar[] {
  const longer = new Map<number, Bar[]>();
  for (const bar of bars) {
    const group = Math.floor(bar.time / seconds);
    const own = longer.get(group);
    if (own === undefined) longer.set(group, [bar]);
    else own.push(bar);
  }
  return [...longer.values()].flatMap(([first, ...others]) => {
    const all = [first!, ...others];
    const high = Math.max(...all.map((bar) => bar.high));
    const low = Math.min(...all.map((bar) => bar.low));
    return first!.time % seconds === 0 ? [{ ...first!, high, low, close: all.at(-1)!.close }, ...others] : all;
  });
}

/** Slips that no market explains: whatever learns from such bars is to refuse them. */
export const CARELESS: readonly Carelessness[] = [
  {
    name: 'the clock of another zone',
    due: ['SHIFTED', 'CLOSE_STAMPED'],
    spoil: (bars, rng) => {
      const hours = pick([-8, -7, -5, -3, -2, -1, 1, 2, 3, 7, 9], rng);
      return bars.map((bar) => ({ ...bar, time: (bar.time + 3600 * hours) as OpenTime }));
    },
  },
  {
    name: 'a clock that is put forward in the middle',
    due: ['SHIFTED', 'CLOSE_STAMPED'],
    spoil: (bars, rng) => {
      const from = Math.floor((0.2 + 0.2 * rng.uniform()) * bars.length);
      return bars.map((bar, i) => (i < from ? bar : { ...bar, time: (bar.time + 3600) as OpenTime }));
    },
  },
  {
    name: 'stamps of the close',
    due: ['CLOSE_STAMPED'],
    spoil: (bars) => bars.map((bar) => ({ ...bar, time: (bar.time + 60) as OpenTime })),
  },
  {
    name: 'high and low exchanged',
    due: ['SWAPPED'],
    spoil: (bars) => bars.map((bar) => ({ ...bar, high: bar.low, low: bar.high })),
  },
  {
    name: 'open and close exchanged',
    due: ['SWAPPED'],
    spoil: (bars) => bars.map((bar) => ({ ...bar, open: bar.close, close: bar.open })),
  },
  {
    name: 'prices in other units',
    isTakenOfFolder: true,
    due: ['SCALED'],
    spoil: (bars, rng) => {
      const factor = pick([0.01, 0.1, 10, 100, 1000, 1e5], rng);
      return bars.map((bar) => withPrices(bar, (price) => price * factor));
    },
  },
  {
    name: 'prices in other units from the middle on',
    due: ['SCALED'],
    spoil: (bars, rng) => {
      const from = middleOf(bars, rng);
      const factor = pick([0.01, 0.1, 10, 100, 1000], rng);
      return bars.map((bar, i) => (i < from ? bar : withPrices(bar, (price) => price * factor)));
    },
  },
  {
    name: 'prices of half a day in other units',
    due: ['SCALED'],
    spoil: (bars, rng) => {
      const from = middleOf(bars, rng);
      return bars.map((bar, i) => (i < from || i >= from + 720 ? bar : withPrices(bar, (price) => price * 100)));
    },
  },
  {
    name: 'highs and lows that include the next bars',
    due: ['DERIVED'],
    spoil: (bars, rng) => {
      const ahead = pick([3, 5, 10], rng);
      return bars.map((bar, i) => {
        const own = bars.slice(i, i + ahead);
        return {
          ...bar,
          high: Math.max(...own.map(({ high }) => high)),
          low: Math.min(...own.map(({ low }) => low)),
        };
      });
    },
  },
  {
    name: 'closes of the next bar',
    due: ['DERIVED'],
    spoil: (bars) => bars.map((bar, i) => barWith(bar, { close: (bars[i + 1] ?? bar).close })),
  },
  {
    name: 'closes averaged with those before and after',
    due: ['DERIVED'],
    spoil: (bars, rng) => {
      const reach = pick([1, 2, 4], rng);
      return bars.map((bar, i) => {
        const own = bars.slice(Math.max(0, i - reach), i + reach + 1);
        return barWith(bar, { close: quote(own.reduce((sum, { close }) => sum + close, 0) / own.length) });
      });
    },
  },
  {
    name: 'longer bars that were interpolated',
    due: ['DERIVED'],
    spoil: (bars, rng) => refined(bars, pick([5, 10, 15, 30, 60], rng), (from, to, part) => from + (to - from) * part),
  },
  {
    name: 'longer bars that were filled in',
    due: ['DERIVED'],
    spoil: (bars, rng) => refined(bars, pick([5, 15, 30], rng), (from, to, part) => (part < 1 ? from : to)),
  },
  {
    name: 'daily bars among those of a minute',
    due: ['DERIVED'],
    spoil: (bars) => withLongerBars(bars, 86_400),
  },
  {
    name: 'hourly bars among those of a minute',
    due: ['DERIVED'],
    spoil: (bars) => withLongerBars(bars, 3600),
  },
  {
    name: 'bars of next year',
    due: ['FUTURE'],
    spoil: (bars) => bars.map((bar) => ({ ...bar, time: (bar.time + 104 * 7 * 86_400) as OpenTime })),
  },
  {
    name: 'a feed that is stuck from some day on',
    due: ['FROZEN'],
    spoil: (bars, rng) => {
      const from = middleOf(bars, rng);
      const last = bars[from]!.close;
      return bars.map((bar, i) => (i <= from ? bar : withPrices(bar, () => last)));
    },
  },
  {
    name: 'two sources that take turns',
    due: ['DERIVED'],
    spoil: (bars) => bars.map((bar, i) => (i % 2 === 0 ? bar : withPrices(bar, (price) => quote(price * 1.0008)))),
  },
  {
    name: 'two sources that take turns by the day',
    due: ['DERIVED'],
    spoil: (bars, rng) => {
      const factor = pick([1.002, 1.004, 1.01], rng);
      const isOther = ({ time }: Bar): boolean => Math.floor(time / 86_400) % 2 === 0;
      return bars.map((bar) => (isOther(bar) ? withPrices(bar, (price) => quote(price * factor)) : bar));
    },
  },
  {
    name: 'a part that was adjusted, joined with one that was not',
    due: ['SUSPECT'],
    isTakenOfFolder: true,
    spoil: (bars, rng) => {
      const factor = pick([0.98, 1.01, 1.02], rng);
      // Not at a rest of the market.
      const isInside = (i: number): boolean =>
        Array.from({ length: 24 }, (_, k) => i - 12 + k).every((k) => bars[k + 1]!.time - bars[k]!.time <= 300);
      let from = middleOf(bars, rng);
      while (!isInside(from)) from++;
      return bars.map((bar, i) => (i < from ? bar : withPrices(bar, (price) => quote(price * factor))));
    },
  },
];

/** What sources do that is no fault: none of it is to be refused. */
export const HONEST: readonly Carelessness[] = [
  { name: 'nothing', due: [], spoil: (bars) => [...bars] },
  {
    name: 'minutes without a bar',
    due: [],
    spoil: (bars, rng) => bars.filter(() => rng.uniform() < 0.7),
  },
  {
    name: 'volumes of another unit, or none',
    due: [],
    spoil: (bars, rng) => {
      const factor = pick([0, 0.01, 1000], rng);
      return bars.map((bar) => ({ ...bar, volume: bar.volume * factor }));
    },
  },
  { name: 'a spread of 0', due: [], spoil: (bars) => bars.map((bar) => ({ ...bar, spread: 0 })) },
  {
    name: 'the other side of the quotes',
    due: [],
    spoil: (bars) => bars.map((bar) => withPrices(bar, (price) => quote(price + 0.00012))),
  },
  {
    name: 'a later beginning',
    due: [],
    spoil: (bars, rng) => bars.slice(Math.floor(rng.uniform() * 0.3 * bars.length)),
  },
];
