import { join } from 'node:path';
import { MACHINE_CLOCK } from '../../clock.ts';
import { replaceDurably } from '../../durable_file.ts';
import { MinutehandError } from '../../errors.ts';
import { MACHINE_FILES } from '../../files.ts';
import type { BarColumns } from '../bar_file.ts';
import { readFolderFile } from '../folder_file.ts';
import { VERDICTS, type VerdictCode } from './finding.ts';
import { barFindingText, faultsOf, NEVER_A_MARKET } from './judged_bars.ts';

/** Beside the bar files of a folder: verdicts that a person accepted, by symbol. */
const FILE = 'accepted.json';

export type AcceptedVerdicts = Readonly<Record<string, readonly VerdictCode[]>>;

/** @throws MinutehandError DATA_FORMAT */
export function acceptedVerdicts(folder: string): AcceptedVerdicts {
  const isCodes = (codes: unknown): boolean =>
    Array.isArray(codes) && codes.every((code) => (VERDICTS as readonly unknown[]).includes(code));
  const expected = `verdicts by symbol: {"EURUSD": ["${[...NEVER_A_MARKET].join('" | "')}"]}`;
  return readFolderFile<AcceptedVerdicts>(folder, FILE, (values) => values.every(isCodes), expected) ?? {};
}

export function acceptVerdicts(folder: string, symbol: string, codes: readonly VerdictCode[]): void {
  const known = acceptedVerdicts(folder);
  const own = [...new Set([...(known[symbol] ?? []), ...codes])];
  replaceDurably(MACHINE_FILES, join(folder, FILE), `${JSON.stringify({ ...known, [symbol]: own })}\n`);
}

/**
 * What a person has accepted of the bars of these symbols, a line each: whatever is said of them rests on it.
 * @throws MinutehandError DATA_FORMAT
 */
export function acceptedNotes(folder: string, symbols: Iterable<string>): string[] {
  const accepted = acceptedVerdicts(folder);
  return [...new Set(symbols)].flatMap((symbol) =>
    (accepted[symbol] ?? []).map(
      (code) => `${symbol}: its bars are taken although their verdict is ${code}: accepted in ${join(folder, FILE)}.`,
    ),
  );
}

/**
 * Judges the bars of a folder as an import of the same bars would, whatever learns from them or says what they earned:
 * a person may have written them without an import.
 * @param bars with the time of their last minute, without the suspect ones, which nothing reads
 * @throws MinutehandError BARS_REFUSED for a fault that no market explains and that nobody accepted; DATA_FORMAT
 */
export function refuseFaultyBars(folder: string, bars: Iterable<BarColumns>): void {
  const accepted = acceptedVerdicts(folder);
  const faults = Array.from(bars).flatMap((columns) =>
    faultsOf(columns, MACHINE_CLOCK.nowMs()).filter(
      ({ symbol, finding }) => accepted[symbol]?.includes(finding.code) !== true,
    ),
  );
  if (faults.length === 0) return;
  const [{ symbol, finding }] = faults as [(typeof faults)[number]];
  throw new MinutehandError('BARS_REFUSED', {
    seen: `${folder}: ${faults.map(barFindingText).join('; ')}`,
    next: `Import the files that they come from with \`minutehand bars import\`, which names what to state; or write {"${symbol}": ["${finding.code}"]} into ${FILE} of the folder to take them as they are.`,
  });
}
