import type { Workshop } from './workshop.ts';
import type { Value } from './values.ts';

/** One part of the golden record: what a chain of the program gives for fixed input. */
export interface GoldenPart {
  /** Of the record's file, and of `--part`. */
  readonly name: string;
  /** For the table. */
  readonly what: string;
  /** Too long for `npm test`: part of `npm run golden` and `npm run test:long` only. */
  readonly isLong: boolean;
  /** Why it cannot be measured here; null: it can. */
  readonly skipped?: string | null;
  measure(workshop: Workshop): Promise<Value>;
}
