import { sql, type Kysely, type Selectable } from 'kysely';
import type { Market } from '../../shared/bar_file/bar_sink.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports.ts';
import type { StorePeriod } from './store_period.ts';
import type { Engine } from './engine.ts';
import type { ImportKind, ImportRunsTable } from './schema/bars.ts';
import type { Tables } from './schema/schema.ts';

export type ImportRun = Selectable<ImportRunsTable>;

export interface ListedRun extends ImportRun {
  /** Clocks on which its files were read, such as `UTC` and `+02:00/US`; empty without a file of bars. */
  readonly clocks: readonly string[];
}

export interface NewImportRun {
  readonly market: Market;
  readonly kind: ImportKind;
  readonly source: string;
  readonly by: string;
}

/** Bars of one symbol that a change touches. */
export interface TouchedBars {
  readonly symbol: string;
  readonly bars: number;
  /** Open of the first and the last of them, epoch seconds. */
  readonly first: number;
  readonly last: number;
}

/** What an undoing, or a deletion, would do. */
export interface ChangePreview {
  readonly market: Market;
  readonly removed: readonly TouchedBars[];
  /** Bars that come back, since the change had replaced or deleted them. */
  readonly restored: readonly TouchedBars[];
  readonly series: readonly { readonly symbol: string; readonly name: string; readonly values: number }[];
  /**
   * Files of symbols that lose bars, imported later: bars that they had as well belong to the change that brought them
   * first, and go with it.
   */
  readonly later_files: readonly string[];
}

/** Result of a finished import. */
export interface ImportFigures {
  readonly added: number;
  readonly removed: number;
  readonly rejected: number;
  readonly verdicts: string;
}

export interface ImportRuns {
  begin(run: NewImportRun): Promise<number>;
  finish(number: number, figures: ImportFigures): Promise<void>;
  /** Names the file and the person of an import that another process did for them. */
  attribute(number: number, of: Pick<NewImportRun, 'source' | 'by'>): Promise<void>;
  /** Removes the number of an import that brought nothing new. */
  discard(number: number): Promise<void>;
  /** Newest first. @param market null: of both */
  list(market: Market | null, limit?: number): Promise<readonly ListedRun[]>;
  /** Changes with each import, deletion and undo of a market. */
  revision(market: Market): Promise<string>;
  /** @throws MinutehandError IMPORT_UNKNOWN, IMPORT_UNDONE */
  previewUndo(number: number): Promise<ChangePreview>;
  /** Takes a change back, whole or not at all. @throws MinutehandError IMPORT_UNKNOWN, IMPORT_UNDONE */
  undo(number: number, by: string): Promise<ChangePreview>;
  previewDelete(market: Market, symbol: string, period: StorePeriod): Promise<ChangePreview>;
  /** Deletes bars of a period as a numbered change. @throws MinutehandError DATA_MISSING without one */
  delete(
    market: Market,
    symbol: string,
    period: StorePeriod,
    by: string,
  ): Promise<ChangePreview & { readonly number: number }>;
}

const LISTED = 100;
/** Parameters of a statement are limited. */
const NUMBERS_AT_ONCE = 500;
const BAR_COLUMNS = [
  'market',
  'symbol',
  'time',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'spread',
  'import_number',
] as const;

export function openImportRuns(engine: Engine, clock: Clock): ImportRuns {
  return new EngineImportRuns(engine, clock);
}

class EngineImportRuns implements ImportRuns {
  readonly #engine: Engine;
  readonly #clock: Clock;

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
  }

  async begin({ market, kind, source, by }: NewImportRun): Promise<number> {
    const figures = { added: 0, removed: 0, rejected: 0, verdicts: '{}' };
    const row = await this.#engine.db
      .insertInto('core.import_runs')
      .values({ market, kind, source, done_by: by, began_ms: this.#clock.nowMs(), ...figures })
      .returning('import_number')
      .executeTakeFirstOrThrow();
    return Number(row.import_number);
  }

  async finish(number: number, figures: ImportFigures): Promise<void> {
    await this.#engine.db
      .updateTable('core.import_runs')
      .set({ ...figures, finished_ms: this.#clock.nowMs() })
      .where('import_number', '=', number)
      .execute();
  }

  async attribute(number: number, { source, by }: Pick<NewImportRun, 'source' | 'by'>): Promise<void> {
    await this.#engine.db
      .updateTable('core.import_runs')
      .set({ source, done_by: by })
      .where('import_number', '=', number)
      .execute();
  }

  async discard(number: number): Promise<void> {
    await this.#engine.transaction(async (open) => {
      await open.updateTable('core.imports').set({ import_number: null }).where('import_number', '=', number).execute();
      await open.deleteFrom('core.import_runs').where('import_number', '=', number).execute();
    });
  }

  async revision(market: Market): Promise<string> {
    const { runs, newest, finished, undone } = await this.#engine.db
      .selectFrom('core.import_runs')
      .select(({ fn }) => [
        fn.countAll().as('runs'),
        fn.max('import_number').as('newest'),
        fn.max('finished_ms').as('finished'),
        fn.max('undone_ms').as('undone'),
      ])
      .where('market', '=', market)
      .executeTakeFirstOrThrow();
    return [runs, newest, finished, undone].join(' ');
  }

  async list(market: Market | null, limit = LISTED): Promise<readonly ListedRun[]> {
    let query = this.#engine.db.selectFrom('core.import_runs').selectAll();
    if (market !== null) query = query.where('market', '=', market);
    const rows = await query.orderBy('import_number', 'desc').limit(limit).execute();
    const runs = rows.map(runOf);
    const clocks = await this.#clocksOf(runs.map(({ import_number }) => import_number));
    const unfinished = runs.filter(({ finished_ms, undone_ms }) => finished_ms === null && undone_ms === null);
    const added = await this.#barsOf(unfinished.map(({ import_number }) => import_number));
    return runs.map((run) => ({
      ...run,
      added: added.get(run.import_number) ?? run.added,
      clocks: [...(clocks.get(run.import_number) ?? [])],
    }));
  }

  async #clocksOf(numbers: readonly number[]): Promise<ReadonlyMap<number, ReadonlySet<string>>> {
    const clocks = new Map<number, Set<string>>();
    for (let at = 0; at < numbers.length; at += NUMBERS_AT_ONCE) {
      const rows = await this.#engine.db
        .selectFrom('core.imports')
        .where('import_number', 'in', numbers.slice(at, at + NUMBERS_AT_ONCE))
        .where('timezone', 'is not', null)
        .select(['import_number', 'timezone'])
        .distinct()
        .orderBy('timezone')
        .execute();
      for (const { import_number, timezone } of rows) {
        const number = Number(import_number);
        clocks.set(number, (clocks.get(number) ?? new Set()).add(timezone!));
      }
    }
    return clocks;
  }

  /** Bars that imports have brought which run, or were killed: no figures of theirs are stored. */
  async #barsOf(numbers: readonly number[]): Promise<ReadonlyMap<number, number>> {
    if (numbers.length === 0) return new Map();
    const rows = await this.#engine.db
      .selectFrom('core.bars')
      .where('import_number', 'in', numbers)
      .groupBy('import_number')
      .select(['import_number', sql<number>`count(*)`.as('bars')])
      .execute();
    return new Map(rows.map(({ import_number, bars }) => [Number(import_number), Number(bars)]));
  }

  async previewUndo(number: number): Promise<ChangePreview> {
    return previewOf(this.#engine.db, await this.#find(number));
  }

  async undo(number: number, by: string): Promise<ChangePreview> {
    const run = await this.#find(number);
    return this.#engine.transaction(async (open) => {
      const marked = await open
        .updateTable('core.import_runs')
        .set({ undone_ms: this.#clock.nowMs(), undone_by: by })
        .where('import_number', '=', number)
        .where('undone_ms', 'is', null)
        .executeTakeFirst();
      // Another process was faster.
      if (Number(marked.numUpdatedRows) === 0) throw new MinutehandError('IMPORT_UNDONE', { seen: `import ${number}` });
      const preview = await previewOf(open, run);
      // A killed import has stored no figures.
      if (run.finished_ms === null)
        await open
          .updateTable('core.import_runs')
          .set({ added: preview.removed.reduce((sum, { bars }) => sum + bars, 0) })
          .where('import_number', '=', number)
          .execute();
      await open.deleteFrom('core.bars').where('market', '=', run.market).where('import_number', '=', number).execute();
      await open
        .deleteFrom('core.series')
        .where('market', '=', run.market)
        .where('import_number', '=', number)
        .execute();
      await bringBack(open, number);
      // What this import had brought must not come back when a later change is undone.
      await open
        .deleteFrom('core.removed_bars')
        .where((where) => where.or([where('removed_by', '=', number), where('import_number', '=', number)]))
        .execute();
      return preview;
    });
  }

  async previewDelete(market: Market, symbol: string, period: StorePeriod): Promise<ChangePreview> {
    return {
      market,
      removed: await touched(periodOf(this.#engine.db, market, symbol, period)),
      restored: [],
      series: [],
      later_files: [],
    };
  }

  async delete(
    market: Market,
    symbol: string,
    period: StorePeriod,
    by: string,
  ): Promise<ChangePreview & { readonly number: number }> {
    const { from, to } = period;
    const side = (time: number | undefined): string =>
      time === undefined ? '' : new Date(time * 1000).toISOString().slice(0, 16);
    const source = from === undefined && to === undefined ? symbol : `${symbol} ${side(from)}/${side(to)}`;
    return this.#engine.transaction(async (open) => {
      const removed = await touched(periodOf(open, market, symbol, period));
      if (removed.length === 0)
        throw new MinutehandError('DATA_MISSING', { seen: `no ${market} bars of ${source} in ${this.#engine.place}` });
      const nowMs = this.#clock.nowMs();
      const counts = { added: 0, removed: removed[0]!.bars, rejected: 0, verdicts: '{}' };
      const row = await open
        .insertInto('core.import_runs')
        .values({ market, kind: 'delete', source, done_by: by, began_ms: nowMs, finished_ms: nowMs, ...counts })
        .returning('import_number')
        .executeTakeFirstOrThrow();
      const number = Number(row.import_number);
      await removeBars(open, { market, symbol, ...period }, number);
      return { market, removed, restored: [], series: [], later_files: [], number };
    });
  }

  async #find(number: number): Promise<ImportRun> {
    const row = await this.#engine.db
      .selectFrom('core.import_runs')
      .selectAll()
      .where('import_number', '=', number)
      .executeTakeFirst();
    if (row === undefined) throw new MinutehandError('IMPORT_UNKNOWN', { seen: `import ${number}` });
    if (row.undone_ms !== null)
      throw new MinutehandError('IMPORT_UNDONE', {
        seen: `import ${number}, undone ${new Date(Number(row.undone_ms)).toISOString()}`,
      });
    return runOf(row);
  }
}

/**
 * Puts the bars that a change had set aside where they would be without it: back among the bars; where a later change
 * has set this one's bars aside in turn, or has added others, under that change, so that they return with its undoing.
 */
async function bringBack(open: Kysely<Tables>, number: number): Promise<void> {
  await open
    .insertInto('core.bars')
    .columns(BAR_COLUMNS)
    .expression(
      open
        .selectFrom('core.removed_bars as older')
        .select(BAR_COLUMNS.map((name) => `older.${name}` as const))
        .where('older.removed_by', '=', number)
        .where(isNotSetAside(open, number)),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await open
    .updateTable('core.removed_bars as older')
    .from('core.bars as present')
    .set((value) => ({ removed_by: value.ref('present.import_number').$notNull() }))
    .where('older.removed_by', '=', number)
    .where(sameMinute('present', 'older'))
    .where('present.import_number', 'is not', null)
    .where(
      sql<boolean>`(${sql.ref('older.import_number')} is null or ${sql.ref('older.import_number')} <> ${sql.ref('present.import_number')})`,
    )
    .where(isNotSetAside(open, number))
    .execute();
  await open
    .updateTable('core.removed_bars as newer')
    .from('core.removed_bars as older')
    .set((value) => ({
      open: value.ref('older.open'),
      high: value.ref('older.high'),
      low: value.ref('older.low'),
      close: value.ref('older.close'),
      volume: value.ref('older.volume'),
      spread: value.ref('older.spread'),
      import_number: value.ref('older.import_number'),
    }))
    .where('newer.import_number', '=', number)
    .where('older.removed_by', '=', number)
    .where(sameMinute('newer', 'older'))
    .execute();
}

/** The condition that no later change has set aside the bar that a change had brought for the minute of `older`. */
function isNotSetAside(db: Kysely<Tables>, number: number) {
  const setAside = db
    .selectFrom('core.removed_bars')
    .select(['market', 'symbol', 'time'])
    .where('import_number', '=', number);
  const minute = ['market', 'symbol', 'time'].map((name) => sql.ref(`older.${name}`));
  return sql<boolean>`(${sql.join(minute)}) not in (${setAside})`;
}

/** The condition that two tables have a bar of one minute. */
function sameMinute(one: string, other: string) {
  const equal = ['market', 'symbol', 'time'].map(
    (name) => sql`${sql.ref(`${one}.${name}`)} = ${sql.ref(`${other}.${name}`)}`,
  );
  return sql<boolean>`${sql.join(equal, sql` and `)}`;
}

interface RemovedBars extends StorePeriod {
  readonly market: Market;
  readonly symbol: string;
  /** These only. */
  readonly times?: readonly number[];
}

/** Moves bars aside, under the number of the change that does it. */
export async function removeBars(
  db: Kysely<Tables>,
  { market, symbol, from, to, times }: RemovedBars,
  number: number,
): Promise<void> {
  const condition = sql<boolean>`market = ${market} and symbol = ${symbol}${
    from === undefined ? sql`` : sql` and time >= ${from}`
  }${to === undefined ? sql`` : sql` and time < ${to}`}${
    times === undefined ? sql`` : sql` and time in (${sql.join([...times])})`
  }`;
  await db
    .insertInto('core.removed_bars')
    .columns(['removed_by', ...BAR_COLUMNS])
    .expression(
      db
        .selectFrom('core.bars')
        .select([sql<number>`${sql.lit(number)}`.as('removed_by'), ...BAR_COLUMNS])
        .where(condition),
    )
    .execute();
  await db.deleteFrom('core.bars').where(condition).execute();
}

function periodOf(db: Kysely<Tables>, market: Market, symbol: string, { from, to }: StorePeriod) {
  let query = db.selectFrom('core.bars').where('market', '=', market).where('symbol', '=', symbol);
  if (from !== undefined) query = query.where('time', '>=', from);
  if (to !== undefined) query = query.where('time', '<', to);
  return query.groupBy('symbol').select(['symbol', ...EXTENT]);
}

const EXTENT = [
  sql<number>`count(*)`.as('bars'),
  sql<number>`min(time)`.as('first'),
  sql<number>`max(time)`.as('last'),
] as const;

async function previewOf(db: Kysely<Tables>, run: ImportRun): Promise<ChangePreview> {
  const { import_number: number, market } = run;
  const removedBars = db
    .selectFrom('core.bars')
    .where('market', '=', market)
    .where('import_number', '=', number)
    .groupBy('symbol')
    .select(['symbol', ...EXTENT]);
  const others = db
    .selectFrom('core.bars as present')
    .select('present.time')
    .where(sameMinute('present', 'older'))
    .where(sql<boolean>`coalesce(${sql.ref('present.import_number')}, 0) <> ${number}`);
  const restored = db
    .selectFrom('core.removed_bars as older')
    .where('removed_by', '=', number)
    .where(isNotSetAside(db, number))
    .where(({ not, exists }) => not(exists(others)))
    .groupBy('symbol')
    .select(['symbol', ...EXTENT]);
  const series = await db
    .selectFrom('core.series')
    .where('market', '=', market)
    .where('import_number', '=', number)
    .groupBy(['symbol', 'name'])
    .select(['symbol', 'name', sql<number>`count(*)`.as('values')])
    .orderBy('symbol')
    .orderBy('name')
    .execute();
  const removed = await touched(removedBars);
  return {
    market,
    removed,
    restored: await touched(restored),
    series: series.map((row) => ({ ...row, values: Number(row.values) })),
    later_files: await laterFiles(db, run, [...removed, ...series]),
  };
}

/** Files that were imported after a change and are not taken back: of these symbols, each once. */
async function laterFiles(
  db: Kysely<Tables>,
  { import_number, market, began_ms }: ImportRun,
  removed: readonly { readonly symbol: string }[],
): Promise<readonly string[]> {
  if (removed.length === 0) return [];
  const rows = await db
    .selectFrom('core.imports as file')
    .leftJoin('core.import_runs as run', 'run.import_number', 'file.import_number')
    .where('file.market', '=', market)
    .where(
      'file.symbol',
      'in',
      removed.map(({ symbol }) => symbol),
    )
    // Files that brought nothing new have no number.
    .where(
      sql<boolean>`(${sql.ref('file.import_number')} > ${import_number} or (${sql.ref('file.import_number')} is null and ${sql.ref('file.finished_ms')} >= ${began_ms}))`,
    )
    .where('run.undone_ms', 'is', null)
    .select('file.file')
    .distinct()
    .orderBy('file.file')
    .execute();
  return rows.map(({ file }) => file);
}

async function touched(query: {
  execute(): Promise<readonly { symbol: string; bars: number; first: number; last: number }[]>;
}): Promise<TouchedBars[]> {
  const rows = await query.execute();
  return rows
    .map(({ symbol, bars, first, last }) => ({
      symbol,
      bars: Number(bars),
      first: Number(first),
      last: Number(last),
    }))
    .sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
}

/** PostgreSQL returns bigint as text. */
function runOf(row: ImportRun): ImportRun {
  const numberOf = (value: number | null): number | null => (value === null ? null : Number(value));
  return {
    ...row,
    import_number: Number(row.import_number),
    began_ms: Number(row.began_ms),
    finished_ms: numberOf(row.finished_ms),
    added: Number(row.added),
    removed: Number(row.removed),
    rejected: Number(row.rejected),
    undone_ms: numberOf(row.undone_ms),
  };
}
