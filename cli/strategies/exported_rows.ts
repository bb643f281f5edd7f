import { lookName } from '../../trainer/learning/backtest/holdout_looks.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Timeframe } from '../../shared/pair.ts';
import type { DirectionBalance } from '../../shared/policy/balances.ts';

/** Options of `dataset export`. */
export interface ExportFlags {
  readonly out: string;
  readonly data?: string;
  readonly from?: string;
  readonly to?: string;
  readonly role?: string;
  readonly symbols?: string;
  readonly timeframe?: Timeframe;
  readonly series?: string;
  readonly parts?: string;
  readonly balance?: DirectionBalance;
  readonly holdoutFrom?: string;
  readonly seed?: string;
}

/**
 * Options that only rows of instruments have.
 * @throws MinutehandError USAGE for the first one that is given
 */
export function refuseOfInstruments({ symbols, timeframe, series }: ExportFlags): void {
  const given = { '--symbols': symbols, '--timeframe': timeframe, '--series': series };
  refuseGiven(given, { seen: 'without --role direction', expected: '--role direction' });
}

/** @throws MinutehandError USAGE for the first option that has a value */
export function refuseGiven(
  options: Readonly<Record<string, string | undefined>>,
  { seen, ...others }: { readonly seen: string; readonly expected: string; readonly next?: string },
): void {
  for (const [name, value] of Object.entries(options))
    if (value !== undefined) throw new MinutehandError('USAGE', { seen: `${name} ${seen}`, ...others });
}

/** @throws MinutehandError USAGE */
export function refuseStoreOfRole({ out }: ExportFlags): void {
  if (out === 'store')
    throw new MinutehandError('USAGE', {
      seen: '--out store with --role',
      expected: 'a .csv, .csv.gz or .parquet file',
    });
}

/** @throws MinutehandError USAGE */
export function parseParts<Part extends string>(text: string, known: readonly Part[]): Part[] {
  const names = text.split(',').map((name) => name.trim());
  const isKnown = (name: string): boolean => known.some((part) => part === name);
  if (!names.every(isKnown))
    throw new MinutehandError('USAGE', { seen: `--parts ${text}`, expected: `of ${known.join(', ')}` });
  return known.filter((part) => names.includes(part));
}

export const syntheticText = (synthetic: number): string => (synthetic === 0 ? '' : ` (${synthetic} synthetic)`);

export const lookText = (look: number): string =>
  `The holdout was written: ${lookName(look)}, for which later edge tests allow.`;
