import type { OpenTime } from '../../shared/bar.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { emptyColumns, viewBars } from '../../shared/bar_file/bar_file.ts';
import type { ConflictingRow } from '../../shared/bar_file/bar_merge.ts';
import { conflictOf, CONFLICTS_SHOWN, isSameBar, joinBars, widened } from '../../shared/bar_file/bar_merge.ts';
import type { Market, PutCounts } from '../../shared/bar_file/bar_sink.ts';
import type { Kysely } from 'kysely';
import type { Cell, Engine } from './engine.ts';
import { removeBars } from './import_runs.ts';
import type { StorePeriod } from './store_period.ts';
import type { Tables } from './schema/schema.ts';

export type { StorePeriod } from './store_period.ts';

export interface PutBars extends PutCounts {
  /** The first 20. */
  readonly conflicting: readonly ConflictingRow[];
}

export interface StoredSymbol {
  readonly symbol: string;
  readonly bars: number;
  readonly first: OpenTime;
  readonly last: OpenTime;
}

export interface BarStore {
  /**
   * Adds bars, ascending in time without duplicates. Stored minutes stay unchanged: equal numbers count as a duplicate,
   * others as a conflict. Committed in parts of 20,000 bars, so that a crash loses at most the
   * last part.
   */
  put(market: Market, columns: BarColumns, importNumber?: number): Promise<PutBars>;
  /**
   * As `put`, but bars of other numbers take the place of stored ones, which are kept under the number of the import
   * until it is undone. Each part of 20,000 bars is one transaction.
   */
  replace(market: Market, columns: BarColumns, importNumber: number): Promise<PutBars>;
  /** All bars of a symbol in a period; none is no error. */
  read(market: Market, symbol: string, period?: StorePeriod): Promise<BarColumns>;
  /** The same in pages of at least one bar, in the memory of one page. */
  pages(market: Market, symbol: string, period?: StorePeriod, rowsPerPage?: number): AsyncGenerator<BarColumns, void>;
  /** Returns whether any bar of the period has a spread. */
  hasSpread(market: Market, symbol: string, period?: StorePeriod): Promise<boolean>;
  /** Open time of the newest bar of a symbol; null without any. Reads nothing else. */
  last(market: Market, symbol: string): Promise<OpenTime | null>;
  /** Open times of the newest bars of a symbol, at most `count`, from the newest on. */
  newest(market: Market, symbol: string, count: number): Promise<OpenTime[]>;
  /** Stored symbols, in order of the symbol. */
  symbols(market: Market): Promise<readonly StoredSymbol[]>;
}

const PUT_ROWS = 20_000;
const PAGE_ROWS = 16_384;
const NAMES = ['time', 'open', 'high', 'low', 'close', 'volume', 'spread'] as const;

export function openBarStore(engine: Engine): BarStore {
  return new EngineBarStore(engine);
}

class EngineBarStore implements BarStore {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async put(market: Market, columns: BarColumns, importNumber?: number): Promise<PutBars> {
    const conflicting: ConflictingRow[] = [];
    let added = 0;
    let conflicts = 0;
    for (let first = 0; first < columns.length; first += PUT_ROWS) {
      const part = viewBars(columns, first, Math.min(first + PUT_ROWS, columns.length));
      const { symbol, length, time, open, high, low, close, volume, spread } = part;
      const given = { time, open, high, low, close, volume, ...(spread === null ? {} : { spread }) };
      const inserted = await this.#engine.insert({
        table: 'core.bars',
        constants: { market, symbol, ...(importNumber !== undefined && { import_number: importNumber }) },
        columns: given,
        length,
      });
      added += inserted;
      if (inserted < length) conflicts += await this.#compare(market, part, conflicting);
    }
    return { added, duplicates: columns.length - added - conflicts, conflicts, conflicting };
  }

  async replace(market: Market, columns: BarColumns, importNumber: number): Promise<PutBars> {
    let replaced = 0;
    let period: [number, number] | null = null;
    const conflicting: ConflictingRow[] = [];
    for (let first = 0; first < columns.length; first += PUT_ROWS) {
      const part = viewBars(columns, first, Math.min(first + PUT_ROWS, columns.length));
      const changed: number[] = [];
      await this.#compare(market, part, conflicting, (i) => changed.push(i));
      if (changed.length > 0) await this.#engine.transaction((db) => exchange(db, market, part, changed, importNumber));
      replaced += changed.length;
      for (const i of changed) period = widened(period, part.time[i]!);
    }
    const put = await this.put(market, columns, importNumber);
    return {
      ...put,
      duplicates: put.duplicates - replaced,
      conflicts: put.conflicts + replaced,
      replaced,
      conflicting,
      ...(period !== null && { replaced_period: period }),
    };
  }

  async read(market: Market, symbol: string, period?: StorePeriod): Promise<BarColumns> {
    const read: BarColumns[] = [];
    for await (const page of this.pages(market, symbol, period)) read.push(page);
    return joinBars(symbol, read);
  }

  async *pages(
    market: Market,
    symbol: string,
    { from, to }: StorePeriod = {},
    rowsPerPage = PAGE_ROWS,
  ): AsyncGenerator<BarColumns, void> {
    // Each page begins after the last time of the previous one: no cursor stays open, and writers do not wait.
    for (let since: number = from ?? -Infinity; ;) {
      let query = this.#bars(market, symbol).select(NAMES).orderBy('time').limit(rowsPerPage);
      if (since !== -Infinity) query = query.where('time', '>=', since);
      if (to !== undefined) query = query.where('time', '<', to);
      const rows = await this.#engine.rows(query.compile());
      if (rows.length === 0) return;
      const page = columnsOfRows(symbol, rows);
      yield page;
      if (rows.length < rowsPerPage) return;
      since = page.time[page.length - 1]! + 1;
    }
  }

  async hasSpread(market: Market, symbol: string, { from, to }: StorePeriod = {}): Promise<boolean> {
    let query = this.#bars(market, symbol).select('time').where('spread', 'is not', null).limit(1);
    if (from !== undefined) query = query.where('time', '>=', from);
    if (to !== undefined) query = query.where('time', '<', to);
    return (await query.executeTakeFirst()) !== undefined;
  }

  async last(market: Market, symbol: string): Promise<OpenTime | null> {
    const row = await this.#bars(market, symbol)
      .select(({ fn }) => fn.max('time').as('last'))
      .executeTakeFirst();
    return (row?.last ?? null) === null ? null : (Number(row!.last) as OpenTime);
  }

  async newest(market: Market, symbol: string, count: number): Promise<OpenTime[]> {
    const query = this.#bars(market, symbol).select('time').orderBy('time', 'desc').limit(count);
    return (await this.#engine.rows(query.compile())).map(([time]) => Number(time) as OpenTime);
  }

  async symbols(market: Market): Promise<readonly StoredSymbol[]> {
    const rows = await this.#engine.db
      .selectFrom('core.bars')
      .select(({ fn }) => [
        'symbol',
        fn.countAll<number>().as('bars'),
        fn.min('time').as('first'),
        fn.max('time').as('last'),
      ])
      .where('market', '=', market)
      .groupBy('symbol')
      .execute();
    return rows
      .map(({ symbol, bars, first, last }) => ({
        symbol,
        bars: Number(bars),
        first: Number(first) as OpenTime,
        last: Number(last) as OpenTime,
      }))
      .sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  }

  #bars(market: Market, symbol: string) {
    return this.#engine.db.selectFrom('core.bars').where('market', '=', market).where('symbol', '=', symbol);
  }

  /** Compares bars that could not be added with the stored ones. */
  async #compare(
    market: Market,
    part: BarColumns,
    conflicting: ConflictingRow[],
    onConflict: (row: number) => void = () => undefined,
  ): Promise<number> {
    const period = { from: part.time[0]! as OpenTime, to: (part.time[part.length - 1]! + 1) as OpenTime };
    let conflicts = 0;
    let i = 0;
    for await (const page of this.pages(market, part.symbol, period)) {
      for (let j = 0; j < page.length; j++) {
        while (i < part.length && part.time[i]! < page.time[j]!) i++;
        if (i === part.length) return conflicts;
        if (part.time[i] !== page.time[j] || isSameBar(page, j, part, i)) continue;
        conflicts++;
        onConflict(i);
        if (conflicting.length < CONFLICTS_SHOWN) conflicting.push(conflictOf(page, j, part, i));
      }
    }
    return conflicts;
  }
}

/** Rows of one statement: SQLite takes at most 32,766 values. */
const CHANGED_ROWS = 500;

/** Moves the stored bars of some rows aside, and stores the rows. */
async function exchange(
  db: Kysely<Tables>,
  market: Market,
  part: BarColumns,
  rows: readonly number[],
  importNumber: number,
): Promise<void> {
  const { symbol } = part;
  for (let first = 0; first < rows.length; first += CHANGED_ROWS) {
    const some = rows.slice(first, first + CHANGED_ROWS);
    const times = some.map((i) => part.time[i]!);
    await removeBars(db, { market, symbol, times }, importNumber);
    await db
      .insertInto('core.bars')
      .values(
        some.map((i) => {
          const spread = part.spread?.[i] ?? NaN;
          return {
            market,
            symbol,
            time: part.time[i]!,
            open: part.open[i]!,
            high: part.high[i]!,
            low: part.low[i]!,
            close: part.close[i]!,
            volume: part.volume[i]!,
            spread: Number.isNaN(spread) ? null : spread,
            import_number: importNumber,
          };
        }),
      )
      .execute();
  }
}

function columnsOfRows(symbol: string, rows: readonly (readonly Cell[])[]): BarColumns {
  const columns = emptyColumns(rows.length);
  let hasSpread = false;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    for (let c = 0; c < NAMES.length; c++) columns[NAMES[c]!][i] = row[c] ?? NaN;
    hasSpread ||= row[6] !== null;
  }
  const { spread, ...own } = columns;
  return { symbol, length: rows.length, ...own, spread: hasSpread ? spread : null };
}
