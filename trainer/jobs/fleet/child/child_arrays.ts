/*
 * What a worker sends to a child process. Fits share a few large arrays: each goes to a child once, and later messages
 * name it.
 */

type LargeArray = Float32Array | Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;

/** In place of an array that the other side has. */
interface ArrayName {
  readonly arrayName: number;
}

export interface PackedMessage {
  /** With names in place of large arrays. */
  readonly value: unknown;
  /** Arrays that the other side does not have yet, by name. */
  readonly given: ReadonlyMap<number, LargeArray>;
  /** Names of those that it need not keep any more. */
  readonly dropped: readonly number[];
}

/** In bytes. Smaller arrays, such as those of a tree, are part of their message. */
const LARGE = 4096;

/** The arrays that one child has, as its worker knows them. */
export class SentArrays {
  readonly #most: number;
  readonly #names = new WeakMap<object, number>();
  /** Bytes by name; the one that was used last is last. */
  readonly #kept = new Map<number, number>();
  #bytes = 0;
  #next = 0;

  /** @param most bytes to keep in the child; those of one message may be more */
  constructor(most: number) {
    this.#most = most;
  }

  /** Of the arrays that the child has. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param value of plain objects, arrays and typed arrays, which must not change later */
  pack(value: unknown): PackedMessage {
    const given = new Map<number, LargeArray>();
    const used = new Set<number>();
    const named = replaced(value, (array) => {
      const name = this.#names.get(array) ?? this.#next++;
      this.#names.set(array, name);
      used.add(name);
      if (this.#kept.delete(name)) this.#kept.set(name, array.byteLength);
      else {
        this.#kept.set(name, array.byteLength);
        this.#bytes += array.byteLength;
        given.set(name, array);
      }
      return { arrayName: name };
    });
    return { value: named, given, dropped: this.#drop(used) };
  }

  #drop(used: ReadonlySet<number>): number[] {
    const dropped: number[] = [];
    for (const [name, bytes] of this.#kept) {
      if (this.#bytes <= this.#most) break;
      if (used.has(name)) continue;
      this.#kept.delete(name);
      this.#bytes -= bytes;
      dropped.push(name);
    }
    return dropped;
  }
}

/** @param kept arrays of this child by name, which is brought up to date @returns what was packed */
export function unpackMessage({ value, given, dropped }: PackedMessage, kept: Map<number, LargeArray>): unknown {
  for (const name of dropped) kept.delete(name);
  for (const [name, array] of given) kept.set(name, array);
  const filled = (one: unknown): unknown => {
    if (typeof one !== 'object' || one === null || ArrayBuffer.isView(one)) return one;
    if (Array.isArray(one)) return one.map(filled);
    if ('arrayName' in one) return kept.get((one as ArrayName).arrayName);
    return Object.fromEntries(Object.entries(one).map(([key, part]) => [key, filled(part)]));
  };
  return filled(value);
}

function replaced(value: unknown, nameOf: (array: LargeArray) => ArrayName): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return value.byteLength < LARGE ? value : nameOf(value as LargeArray);
  if (Array.isArray(value)) return value.map((one) => replaced(one, nameOf));
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, replaced(part, nameOf)]));
}
