import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { createBoundedGunzip } from '../../../shared/bounded_gunzip.ts';
import { decodedParts } from '../../../shared/csv/text_encoding.ts';
import { cellsOf, delimiterOf, type Delimiter } from '../../../shared/csv/cells.ts';
import { spellSubject } from '../../../shared/symbol/symbol.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { openParquet, parquetCells } from '../../../shared/parquet_file.ts';
import { LABEL_COLUMNS, type ColumnIdentity, type FeatureSource, type TableRows } from './feature_table.ts';
import { checkColumns, featureColumns, RowBuilder } from './row_builder.ts';
import { isThere } from '../../../shared/files.ts';

/** Key of the Parquet metadata with the definitions of the features. */
export const SCHEMA_KEY = 'minutehand.feature_schema';

/**
 * A CSV file (plain or .gz) or a Parquet file with the columns pair_id and time (epoch seconds of the bar open), the
 * features by name, and all labels or none. Missing: an empty cell, null or NaN. Reads the whole table.
 * @param names the features, in the order of the rows' values
 * @throws MinutehandError DATA_MISSING, TABLE_FORMAT
 */
export async function fileSource(path: string, names: readonly string[]): Promise<FeatureSource> {
  if (!isThere(path))
    throw new MinutehandError('DATA_MISSING', { seen: `no file ${path}`, next: 'Name a CSV or Parquet file.' });
  return path.endsWith('.parquet') ? parquetSource(path, names) : csvSource(path, names);
}

/** Collects cells by column name. */
export class TableCollector {
  readonly #place: string;
  readonly #features: Int32Array;
  readonly #labels: Int32Array | null;
  readonly #pair: number;
  readonly #time: number;
  readonly #pairs = new Map<string, RowBuilder>();
  readonly #ids = new Map<string, string>();

  constructor(place: string, columns: readonly string[], names: readonly string[]) {
    checkColumns(place, columns);
    this.#place = place;
    this.#features = Int32Array.from(names, (name) => columns.indexOf(name));
    this.#labels = columns.includes(LABEL_COLUMNS[0])
      ? Int32Array.from(LABEL_COLUMNS, (name) => columns.indexOf(name))
      : null;
    this.#pair = columns.indexOf('pair_id');
    this.#time = columns.indexOf('time');
  }

  add(cells: readonly unknown[]): void {
    const pair = this.#spelled(String(cells[this.#pair]));
    let builder = this.#pairs.get(pair);
    if (builder === undefined) {
      builder = new RowBuilder(`${this.#place}, ${pair}`, this.#features.length, this.#labels !== null);
      this.#pairs.set(pair, builder);
    }
    const number = (column: number): number => (column < 0 ? NaN : this.#number(cells[column]));
    builder.add(
      number(this.#time),
      (place) => number(this.#features[place]!),
      (place) => number(this.#labels![place]!),
    );
  }

  #spelled(name: string): string {
    let id = this.#ids.get(name);
    if (id === undefined) this.#ids.set(name, (id = spellSubject(name)));
    return id;
  }

  finish(): Map<string, TableRows> {
    return new Map([...this.#pairs].map(([pair, builder]) => [pair, builder.finish()]));
  }

  #number(cell: unknown): number {
    if (cell === null || cell === undefined || cell === '' || cell === 'NaN' || cell === 'nan') return NaN;
    if (cell instanceof Date) return cell.getTime() / 1000;
    const value = Number(cell);
    if (!Number.isNaN(value) || typeof cell === 'number') return value;
    throw new MinutehandError('TABLE_FORMAT', {
      seen: `${this.#place}: the cell "${String(cell).slice(0, 60)}"`,
      expected: 'a number, or an empty cell',
    });
  }
}

function sourceOf(place: string, columns: readonly ColumnIdentity[], rows: Map<string, TableRows>): FeatureSource {
  return {
    place,
    columns,
    rows: (pairId) => Promise.resolve(rows.get(pairId) ?? null),
    newest: (pairId) => Promise.resolve(rows.get(pairId)?.time.at(-1) ?? null),
    close: () => Promise.resolve(),
  };
}

async function csvSource(path: string, names: readonly string[]): Promise<FeatureSource> {
  const file = createReadStream(path);
  const bytes: AsyncIterable<Buffer> = path.endsWith('.gz') ? file.pipe(createBoundedGunzip()) : file;
  const lines = createInterface({ input: Readable.from(decodedParts(bytes)), crlfDelay: Infinity });
  let header: string[] | null = null;
  let delimiter: Delimiter = ',';
  let collector: TableCollector | null = null;
  let line = 0;
  for await (const text of lines) {
    line++;
    if (text === '') continue;
    if (header === null) delimiter = delimiterOf(text);
    const cells = cellsOf(text, delimiter);
    if (cells === null)
      throw new MinutehandError('TABLE_FORMAT', {
        seen: `${path} line ${line}: ${text.slice(0, 80)}`,
        expected: 'quotes that close',
      });
    if (header === null) {
      header = cells;
      collector = new TableCollector(path, header, names);
      continue;
    }
    if (cells.length !== header.length)
      throw new MinutehandError('TABLE_FORMAT', {
        seen: `${path} line ${line}: ${cells.length} cells`,
        expected: `${header.length}, as in the header`,
      });
    collector!.add(cells);
  }
  if (header === null || collector === null)
    throw new MinutehandError('DATA_TOO_SHORT', { seen: `${path} has no header`, next: 'Give a table with rows.' });
  return sourceOf(path, featureColumns(header), collector.finish());
}

async function parquetSource(path: string, names: readonly string[]): Promise<FeatureSource> {
  try {
    const opened = await openParquet(path);
    const { metadata } = opened;
    const columns = opened.columns.map(({ name }) => name);
    const collector = new TableCollector(path, columns, names);
    let rowStart = 0;
    for (const { num_rows } of metadata.row_groups) {
      const rowEnd = rowStart + Number(num_rows);
      for (const row of await parquetCells(opened, rowStart, rowEnd)) collector.add(row);
      rowStart = rowEnd;
    }
    const text = metadata.key_value_metadata?.find(({ key }) => key === SCHEMA_KEY)?.value;
    const known = text === undefined ? featureColumns(columns) : (JSON.parse(text) as ColumnIdentity[]);
    return sourceOf(path, known, collector.finish());
  } catch (cause) {
    if (cause instanceof MinutehandError) throw cause;
    throw new MinutehandError('TABLE_FORMAT', {
      seen: `${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      expected: 'a Parquet file',
      cause,
    });
  }
}
