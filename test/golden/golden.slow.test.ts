import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { skipNote } from '../skip_note.ts';
import { PARTS } from './parts.ts';
import { dumpHint, type GoldenPart } from './part.ts';
import { readRecord } from './record.ts';
import { differencesBetween, summaryOf } from './summary.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

/** Differences shown by a failing test. */
const SHOWN = 5;

let workshop: Workshop;
beforeAll(() => void (workshop = openWorkshop()));
afterAll(() => workshop.close());

const noteOf = ({ skipped = null }: GoldenPart): string => skipNote(skipped !== null, skipped ?? '');

describe('the golden record', () => {
  for (const part of PARTS) {
    const isSkipped = (part.skipped ?? null) !== null;
    it.skipIf(isSkipped)(`${part.name} is as recorded: ${part.what}${noteOf(part)}`, { timeout: 600_000 }, async () => {
      const recorded = readRecord(part.name);
      expect(recorded, 'a record of this part: npm run golden -- --record').not.toBeNull();
      const differences = differencesBetween(recorded!, summaryOf(part, await part.measure(workshop)));
      expect(differences.slice(0, SHOWN), dumpHint(part)).toEqual([]);
    });
  }
});
