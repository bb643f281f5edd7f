import { MinutehandError } from '../../../shared/errors.ts';
import { COMMA, readText, type Cursor } from './cell.ts';

/** The requested columns of a file. */
export interface ColumnRequest {
  /** The column of labels. */
  readonly label: string;
  /** Whether the file may lack it. */
  readonly labelIsOptional: boolean;
  /** The column of row weights; null = none. */
  readonly weight: string | null;
  /** The feature columns and their order; null = every other column, in the order of the file. */
  readonly features: readonly string[] | null;
  /** Columns of texts, which come last among the features: their values, or null where the file defines them. */
  readonly categories?: ReadonlyMap<string, readonly string[] | null>;
}

/**
 * Destination of a column of the file: the index of a feature, or one of these; `category` minus the index of a column
 * of texts.
 */
export const TO = { nothing: -1, label: -2, weight: -3, category: -4 } as const;

export interface Header {
  readonly names: readonly string[];
  /** Destination of each column of the file. */
  readonly targets: Int32Array;
  readonly features: readonly string[];
  readonly ignored: readonly string[];
  readonly hasLabel: boolean;
}

/** @throws MinutehandError TABLE_FORMAT, DATA_MISSING as `readTable` */
export function readHeader(bytes: Uint8Array, cursor: Cursor, path: string, request: ColumnRequest): Header {
  const names: string[] = [];
  // Spreadsheets write a byte order mark.
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) cursor.at = 3;
  for (;;) {
    names.push(readText(bytes, cursor));
    if (cursor.isText) throw malformed(path, `the quotes of ${quote(names.at(-1)!)}`, 'quotes that close');
    if (bytes[cursor.at] !== COMMA) break;
    cursor.at++;
  }
  if (names.length === 1 && /[;\t|]/.test(names[0]!))
    throw malformed(path, `the header ${quote(names[0]!)}`, 'commas between cells');
  const unnamed = names.indexOf('');
  if (unnamed >= 0)
    throw malformed(
      path,
      `column ${unnamed + 1} without a name`,
      'a name for each column',
      'Name it, or write the table without it (an index that pandas saves has no name: use index=False).',
    );
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw malformed(path, `two columns named ${quote(twice)}`, 'different names');

  const { label, weight, categories } = request;
  const isText = (name: string): boolean => categories?.has(name) === true;
  const others = names.filter((name) => name !== label && name !== weight && !isText(name));
  const features = request.features ?? [...others, ...(categories?.keys() ?? [])];
  const hasLabel = !request.labelIsOptional || names.includes(label);
  const wanted = [...(hasLabel ? [label] : []), ...(weight === null ? [] : [weight]), ...features];
  const absent = wanted.filter((name) => !names.includes(name));
  if (absent.length > 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `${path} has no column ${absent.map(quote).join(', ')}`,
      expected: `columns ${names.slice(0, 30).map(quote).join(', ')}${names.length > 30 ? ' …' : ''} are there`,
      next: 'Correct the name, or add the column.',
    });
  if (features.length === 0) throw malformed(path, 'no feature column', 'at least one column beside the label');
  const places = new Map(features.map((name, place) => [name, place]));
  const targets = Int32Array.from(names, (name) =>
    name === label ? TO.label : name === weight ? TO.weight : featureTarget(places.get(name), isText(name)),
  );
  return { names, targets, features, ignored: names.filter((_, column) => targets[column] === TO.nothing), hasLabel };
}

function featureTarget(place: number | undefined, isText: boolean): number {
  if (place === undefined) return TO.nothing;
  return isText ? TO.category - place : place;
}

function malformed(path: string, seen: string, expected: string, next?: string): MinutehandError {
  return new MinutehandError('TABLE_FORMAT', {
    seen: `${path} line 1: ${seen}`,
    expected,
    ...(next === undefined ? {} : { next }),
  });
}

/** A name or cell in messages. */
export function quote(text: string): string {
  return `"${text.length > 60 ? `${text.slice(0, 60)}…` : text}"`;
}
