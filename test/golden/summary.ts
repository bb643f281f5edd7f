import { canonicalJson } from '../../shared/policy/policy_hash.ts';
import type { GoldenPart } from './part.ts';
import { describeDifference, sha256, type Leaf, type Value } from './values.ts';

/** What the record keeps of a part: enough to say whether, and where, it differs. */
export interface Summary {
  /** Of the whole value; the order of names does not count. */
  readonly sha256: string;
  /** What a person compares first, by path. */
  readonly figures: Readonly<Record<string, Leaf>>;
  /** The start of the hash of each entry: a difference names its place. */
  readonly entries: Readonly<Record<string, string>>;
}

type Described = Pick<GoldenPart, 'name' | 'depth' | 'figures'>;

/** @throws RangeError for a figure that the value does not have */
export function summaryOf({ name, depth, figures = [] }: Described, whole: Value): Summary {
  return {
    sha256: hashOf(whole),
    figures: Object.fromEntries(figures.map((path) => [path, figureAt(whole, path, name)])),
    entries: Object.fromEntries([...entriesOf(whole, depth)].map(([path, own]) => [path, hashOf(own).slice(0, 8)])),
  };
}

/** Tells a value from any other one; the order of names does not count. */
export function hashOf(value: Value): string {
  return sha256(canonicalJson(value));
}

/** Members by path, such as `models/ai1.onnx` at depth 2. A list is one entry. */
export function entriesOf(whole: Value, depth = 1): Map<string, Value> {
  const entries = new Map<string, Value>();
  const walk = (own: Value, path: readonly string[]): void => {
    if (path.length === depth || !isRecord(own) || Object.keys(own).length === 0) entries.set(path.join('/'), own);
    else for (const [name, member] of Object.entries(own)) walk(member, [...path, name]);
  };
  walk(whole, []);
  return entries;
}

function isRecord(value: Value): value is { readonly [name: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A path may end with the `length` of a list. */
function figureAt(whole: Value, path: string, part: string): Leaf {
  let own: Value | undefined = whole;
  for (const name of path.split('/'))
    own = typeof own === 'object' && own !== null ? (own as unknown as Record<string, Value>)[name] : undefined;
  if (own === undefined || (typeof own === 'object' && own !== null))
    throw new RangeError(`the part ${part} has no figure ${path}`);
  return own;
}

/** A line for each figure and each entry that differs. Empty: equal. */
export function differencesBetween(recorded: Summary, found: Summary): string[] {
  if (recorded.sha256 === found.sha256) return [];
  const figures = namesOf(recorded.figures, found.figures).flatMap((path) => {
    const [before, after] = [recorded.figures[path], found.figures[path]];
    return before === after ? [] : [describeDifference({ path, recorded: before, found: after })];
  });
  const entries = namesOf(recorded.entries, found.entries).flatMap((path) => {
    const [before, after] = [recorded.entries[path], found.entries[path]];
    if (before === after) return [];
    return [`${path}: ${before === undefined ? 'new' : after === undefined ? 'gone' : 'differs'}`];
  });
  return [...figures, ...entries];
}

function namesOf(recorded: object, found: object): string[] {
  return [...new Set([...Object.keys(recorded), ...Object.keys(found)])];
}

const LINE = 120;

/** JSON with as many members to a line as fit, so that the record of 300 commands is not 300 lines. */
export function summaryText({ sha256: hash, figures, entries }: Summary): string {
  return [
    '{',
    ` "sha256": ${JSON.stringify(hash)},`,
    ` "figures": {${packed(figures)}},`,
    ` "entries": {${packed(entries)}}`,
    '}\n',
  ].join('\n');
}

function packed(members: Readonly<Record<string, Leaf>>): string {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(members)) {
    const text = `${JSON.stringify(name)}: ${JSON.stringify(value)}`;
    const last = lines.at(-1);
    if (last === undefined || last.length + text.length + 4 > LINE) lines.push(`  ${text}`);
    else lines[lines.length - 1] = `${last}, ${text}`;
  }
  return lines.length === 0 ? '' : `\n${lines.join(',\n')}\n `;
}
