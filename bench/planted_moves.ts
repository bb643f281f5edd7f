const SECONDS_PER_DAY = 86_400;

export interface Prices {
  readonly time: Float64Array;
  readonly length: number;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
}

/** Whether a bar that opens at this time lies in every second stretch of so many days. */
export function isPlanted(time: number, days: number): boolean {
  return Math.floor(time / (days * SECONDS_PER_DAY)) % 2 === 0;
}

/** Larger or smaller moves in every second stretch of time. */
export interface PlantedMoves {
  readonly factor: number;
  /** Days of a stretch. */
  readonly days: number;
  /** Epoch seconds; bars before it stay. */
  readonly from: number;
}

/** The bars whose log returns within the planted stretches are multiplied. */
export function withPlantedMoves<Own extends Prices>(own: Own, { factor, days, from }: PlantedMoves): Own {
  const names = ['open', 'high', 'low', 'close'] as const;
  const moved = { ...own, ...Object.fromEntries(names.map((name) => [name, own[name].slice()])) };
  let level = Math.log(own.open[0]!);
  let before = level;
  for (let i = 0; i < own.length; i++) {
    const times = own.time[i]! >= from && isPlanted(own.time[i]!, days) ? factor : 1;
    for (const name of names) moved[name][i] = Math.exp(level + times * (Math.log(own[name][i]!) - before));
    before = Math.log(own.close[i]!);
    level = Math.log(moved.close[i]!);
  }
  return moved;
}

/** Microseconds a row, the fastest of several passes over all rows. */
export function fastestPass(pass: () => unknown, rows: number): number {
  let fastest = Infinity;
  for (let i = 0; i < 10; i++) {
    const began = process.hrtime.bigint();
    pass();
    fastest = Math.min(fastest, Number(process.hrtime.bigint() - began) / 1000 / rows);
  }
  return fastest;
}
