import type { OpenTime } from '../../shared/bar.ts';
import type { Market, PutCounts } from '../../shared/bar_file/bar_sink.ts';
import type { StorePeriod } from './bars.ts';
import type { Cell, Engine } from './engine.ts';

/** Values of one auxiliary series, ascending in time without duplicates. Both arrays have `length` elements. */
export interface SeriesColumns {
  readonly length: number;
  /** Epoch seconds at which the value became known, UTC; not necessarily whole minutes. */
  readonly time: Float64Array;
  readonly value: Float64Array;
}

export interface StoredSeries {
  readonly symbol: string;
  readonly name: string;
  readonly values: number;
  readonly first: number;
  readonly last: number;
}

export interface SeriesStore {
  /** Adds finite values at whole seconds, ascending without duplicates. Stored values stay unchanged. */
  put(market: Market, symbol: string, name: string, values: SeriesColumns, importNumber?: number): Promise<PutCounts>;
  /** `from` inclusive, `to` exclusive; none is no error. */
  read(market: Market, symbol: string, name: string, period?: StorePeriod): Promise<SeriesColumns>;
  /** The newest value known at a time; null when there was none. */
  lastAt(market: Market, symbol: string, name: string, time: number): Promise<{ time: number; value: number } | null>;
  /** Stored series, in order of symbol and name. */
  list(market: Market): Promise<readonly StoredSeries[]>;
}

const PUT_ROWS = 20_000;
const PAGE_ROWS = 16_384;

export function openSeriesStore(engine: Engine): SeriesStore {
  return new EngineSeriesStore(engine);
}

class EngineSeriesStore implements SeriesStore {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async put(
    market: Market,
    symbol: string,
    name: string,
    { length, time, value }: SeriesColumns,
    importNumber?: number,
  ): Promise<PutCounts> {
    let added = 0;
    let conflicts = 0;
    for (let first = 0; first < length; first += PUT_ROWS) {
      const end = Math.min(first + PUT_ROWS, length);
      const part = { time: time.subarray(first, end), value: value.subarray(first, end) };
      const numbered = importNumber === undefined ? {} : { import_number: importNumber };
      const constants = { market, symbol, name, ...numbered };
      const rows = { table: 'core.series', constants, columns: part, length: end - first } as const;
      const inserted = await this.#engine.insert(rows);
      added += inserted;
      if (inserted === end - first) continue;
      const period = { from: time[first]! as OpenTime, to: (time[end - 1]! + 1) as OpenTime };
      const there = await this.read(market, symbol, name, period);
      const valueAt = new Map(Array.from(there.time, (t, i) => [t, there.value[i]!]));
      for (let i = first; i < end; i++) if (valueAt.get(time[i]!) !== value[i]) conflicts++;
    }
    return { added, duplicates: length - added - conflicts, conflicts };
  }

  async read(market: Market, symbol: string, name: string, { from, to }: StorePeriod = {}): Promise<SeriesColumns> {
    const rows: (readonly Cell[])[] = [];
    for (let since: number = from ?? -Infinity; ;) {
      let query = this.#values(market, symbol, name).orderBy('time').limit(PAGE_ROWS);
      if (since !== -Infinity) query = query.where('time', '>=', since);
      if (to !== undefined) query = query.where('time', '<', to);
      const page = await this.#engine.rows(query.compile());
      for (const row of page) rows.push(row);
      if (page.length < PAGE_ROWS) break;
      since = page[page.length - 1]![0]! + 1;
    }
    const column = (index: number): Float64Array => Float64Array.from(rows, (row) => row[index]!);
    return { length: rows.length, time: column(0), value: column(1) };
  }

  async lastAt(
    market: Market,
    symbol: string,
    name: string,
    time: number,
  ): Promise<{ time: number; value: number } | null> {
    const row = await this.#values(market, symbol, name)
      .where('time', '<=', Math.floor(time))
      .orderBy('time', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row ?? null;
  }

  async list(market: Market): Promise<readonly StoredSeries[]> {
    const rows = await this.#engine.db
      .selectFrom('core.series')
      .select(({ fn }) => [
        'symbol',
        'name',
        fn.countAll<number>().as('values'),
        fn.min('time').as('first'),
        fn.max('time').as('last'),
      ])
      .where('market', '=', market)
      .groupBy(['symbol', 'name'])
      .execute();
    return rows
      .map(({ symbol, name, values, first, last }) => ({
        symbol,
        name,
        values: Number(values),
        first: Number(first),
        last: Number(last),
      }))
      .sort((a, b) => (`${a.symbol} ${a.name}` < `${b.symbol} ${b.name}` ? -1 : 1));
  }

  #values(market: Market, symbol: string, name: string) {
    return this.#engine.db
      .selectFrom('core.series')
      .select(['time', 'value'])
      .where('market', '=', market)
      .where('symbol', '=', symbol)
      .where('name', '=', name);
  }
}
