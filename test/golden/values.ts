import { createHash } from 'node:crypto';

/** What a part of the golden record measures: nested, so that a difference has a place. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [name: string]: Value };

export type Leaf = string | number | boolean | null;

/** A figure that is no longer what was recorded; undefined: it is absent. */
export interface Difference {
  /** Such as `manifest/theta1`. */
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
