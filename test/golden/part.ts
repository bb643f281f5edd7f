import type { Workshop } from './workshop.ts';
import type { Value } from './values.ts';

/** One part of the golden record: what a chain of the program gives for fixed input. */
export interface GoldenPart {
  /** Of the record's file, and of `--part`. */
  readonly name: string;
  /** For the table. */
  readonly what: string;
  /** Why it cannot be measured here; null: it can. */
  readonly skipped?: string | null;
  /** What `--dump` writes whole. */
  measure(workshop: Workshop): Promise<Value>;
  /** Of a bulky value: what the record keeps, and comparisons see. Absent: all of it. */
  condense?(whole: Value): Value;
}

/** What the record keeps of a part's value. */
export function condensed(part: GoldenPart, whole: Value): Value {
  return part.condense?.(whole) ?? whole;
}

/** How a person gets from a condensed difference to the values themselves. */
export function dumpHint({ name }: GoldenPart): string {
  return `whole values, to compare with another commit's: npm run golden -- --part ${JSON.stringify(name)} --dump <folder>, then diff -r`;
}
