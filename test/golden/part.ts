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
  /** Its value, which `--dump` writes. The record has a summary of it. */
  measure(workshop: Workshop): Promise<Value>;
  /** Entries are members of its value (1, the default), or members of those (2). */
  readonly depth?: number;
  /** Paths of figures that the record shows, such as `manifest/theta1`; of a list, `trades/length`. */
  readonly figures?: readonly string[];
}

/** How a person gets from an entry that differs to the values themselves. */
export function dumpHint({ name }: GoldenPart): string {
  return `values, to compare with another commit's: npm run golden -- --part ${JSON.stringify(name)} --dump <folder>, then diff -r`;
}
