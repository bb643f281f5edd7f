import { createHash } from 'node:crypto';

/** What a part of the golden record holds: nested, so that the record is readable and its first difference is named. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [name: string]: Value };

type Leaf = string | number | boolean | null;

/** One value that is no longer what was recorded; undefined: it is absent. */
export interface Difference {
  /** Such as `ai1.trees.3`. */
  readonly path: string;
  readonly recorded: Leaf | undefined;
  readonly found: Leaf | undefined;
}

/** SHA-256, 64 hex digits, of texts or bytes in this order. */
export function sha256(...parts: readonly (string | NodeJS.ArrayBufferView)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** The first 12 hex digits of `sha256`: enough to tell a line of a record from another. */
export function shortHash(...parts: readonly (string | NodeJS.ArrayBufferView)[]): string {
  return sha256(...parts).slice(0, 12);
}

/** As a file keeps it: objects without absent members, NaN and infinities as text. */
export function asValue(value: unknown): Value {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value as ArrayLike<unknown>, asValue);
  if (typeof value !== 'object') throw new TypeError(`no value of a record: ${typeof value}`);
  const members = Object.entries(value).filter(([, own]) => own !== undefined);
  return Object.fromEntries(members.map(([name, own]) => [name, asValue(own)]));
}

/** All differences, in the order of the recorded values; what is new comes last. */
export function differencesOf(recorded: Value, found: Value): Difference[] {
  const before = leavesOf(recorded);
  const after = leavesOf(found);
  const differences: Difference[] = [];
  for (const [path, value] of before)
    if (after.get(path) !== value) differences.push({ path, recorded: value, found: after.get(path) });
  for (const [path, value] of after)
    if (!before.has(path)) differences.push({ path, recorded: undefined, found: value });
  return differences;
}

export function countValues(value: Value): number {
  return leavesOf(value).size;
}

/** A list or object without members is a value too: a record of no trades differs from none at all. */
function leavesOf(value: Value): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  const walk = (own: Value, path: string): void => {
    if (typeof own !== 'object' || own === null) return void leaves.set(path, own);
    const members = Object.entries(own);
    if (members.length === 0) return void leaves.set(path, Array.isArray(own) ? '[]' : '{}');
    for (const [name, member] of members) walk(member as Value, path === '' ? name : `${path}.${name}`);
  };
  walk(value, '');
  return leaves;
}

const SHOWN = 160;

/** One line for people. */
export function describeDifference({ path, recorded, found }: Difference): string {
  const before = textOf(recorded);
  const after = textOf(found);
  const at = firstUnequal(before, after);
  return `${path}: recorded ${cutAround(before, at)}, now ${cutAround(after, at)}`;
}

function textOf(leaf: Leaf | undefined): string {
  return leaf === undefined ? 'nothing' : JSON.stringify(leaf);
}

function firstUnequal(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

/** The part of a long text that shows what differs. */
function cutAround(text: string, at: number): string {
  if (text.length <= SHOWN) return text;
  const start = Math.max(0, Math.min(at - SHOWN / 4, text.length - SHOWN));
  return `${start > 0 ? '…' : ''}${text.slice(start, start + SHOWN)}${start + SHOWN < text.length ? '…' : ''}`;
}
