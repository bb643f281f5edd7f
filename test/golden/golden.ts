import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { packageRoot } from '../../shared/root.ts';
import { keepHome } from './home/old_homes.ts';
import { PARTS } from './parts.ts';
import { leaveSettingsOut } from '../own_environment.ts';
import { dumpPart, refuseOldDump } from './dump.ts';
import { dumpHint, type GoldenPart } from './part.ts';
import { readRecord, writeRecord } from './record.ts';
import { differencesBetween, summaryOf, type Summary } from './summary.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

export interface GoldenOptions {
  /** Names of parts; empty = all. */
  readonly parts: readonly string[];
  /** Writes what was found, and says what changed. */
  readonly record: boolean;
  /** Folder for the values of the parts; null: they are not written. */
  readonly dump: string | null;
  /** Differences shown of each part. */
  readonly shown: number;
  print(line: string): void;
}

/**
 * Measures parts of the golden record and compares them with what was recorded.
 * @returns how many parts differ; when recording, 0
 * @throws RangeError for a name that no part has
 */
export async function runGolden(options: GoldenOptions): Promise<number> {
  const { print } = options;
  const parts = chosenParts(options.parts);
  // Commands of the record run without the settings of this shell.
  leaveSettingsOut(process.env);
  if (options.dump !== null) refuseOldDump(options.dump);
  const workshop = openWorkshop();
  let different = 0;
  try {
    print(`golden record on Node ${process.versions.node}`);
    for (const part of parts) {
      const skipped = part.skipped ?? null;
      if (skipped !== null) print(`${part.name.padEnd(NAME_WIDTH)} SKIPPED: ${skipped}`);
      else if (!(await runPart(part, workshop, options))) different++;
    }
  } finally {
    workshop.close();
  }
  return options.record ? 0 : different;
}

function chosenParts(names: readonly string[]): readonly GoldenPart[] {
  const unknown = names.filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0)
    throw new RangeError(`no such part: ${unknown.join(', ')}. Parts: ${PARTS.map(({ name }) => name).join(', ')}`);
  return names.length === 0 ? PARTS : PARTS.filter(({ name }) => names.includes(name));
}

const NAME_WIDTH = 18;
const ENTRIES_WIDTH = 4;

/** @returns whether the part is as it was recorded */
async function runPart(part: GoldenPart, workshop: Workshop, options: GoldenOptions): Promise<boolean> {
  const { print, record, shown, dump } = options;
  const startMs = performance.now();
  const whole = await part.measure(workshop);
  const found = summaryOf(part, whole);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const verdict = verdictOf(readRecord(part.name), found);
  const entries = String(Object.keys(found.entries).length).padStart(ENTRIES_WIDTH);
  print(`${part.name.padEnd(NAME_WIDTH)} ${entries} entries  ${verdict.text} (${seconds} s): ${part.what}`);
  for (const line of verdict.differences.slice(0, shown)) print(`    ${line}`);
  if (verdict.differences.length > shown) print(`    … and ${verdict.differences.length - shown} more`);
  if (dump === null && verdict.differences.length > 0) print(`    ${dumpHint(part)}`);
  if (dump !== null) dumpPart(dump, part, whole);
  if (record && verdict.text !== EQUAL) writeRecord(part.name, found);
  return verdict.text === EQUAL;
}

const EQUAL = 'equal';

/** Compares a part with its record; `differences` in the order of the record. */
export function verdictOf(recorded: Summary | null, found: Summary): { text: string; differences: readonly string[] } {
  if (recorded === null) return { text: 'NOT RECORDED', differences: [] };
  const differences = differencesBetween(recorded, found);
  return { text: differences.length === 0 ? EQUAL : 'DIFFERENT', differences };
}

/**
 * Makes the home of this version of minutehand and keeps it, so that later versions prove that they can read it.
 * @throws RangeError when this version has one already
 */
export async function keepOldHome(print: (line: string) => void): Promise<void> {
  const workshop = openWorkshop();
  try {
    const { path, bytes } = await keepHome(readVersion(), workshop.folder('home'));
    print(`${path}: ${bytes} bytes. Its parts have no record yet: npm run golden -- --record`);
  } finally {
    workshop.close();
  }
}

function readVersion(): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}
