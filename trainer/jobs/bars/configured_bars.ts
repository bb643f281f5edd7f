import { readBarFolder, shareBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { symbolsNeeded } from '../../../shared/bar_file/other_bars.ts';
import { acceptedNotes, refuseFaultyBars } from '../../../shared/bar_file/verdict/folder_verdicts.ts';
import { screenBars } from '../../../shared/bar_file/screened_bars.ts';
import { parsePair } from '../../../shared/pair.ts';
import { screenPolicy, type Settings } from '../../../shared/policy/policy.ts';
import type { OnNote } from './bar_notes.ts';
import { readInstallationBars } from './installation_bars.ts';
import type { KnownBarsOptions } from './known_bars.ts';
import { withFolderSeries } from './known_series.ts';

/**
 * Bars of all configured symbols, and of others that the formulas of these settings read, without suspect ones: of a
 * folder, or all of this installation. They are in memory that all threads read, so that none has a copy. Auxiliary
 * series come with them.
 * @param folder of SYMBOL.csv[.gz], with series in its folder `series`; null: the bars of this installation
 * @param symbols default: those of the configured pairs, and those that the formulas of these settings read
 * @throws MinutehandError DATA_MISSING, DATA_FORMAT, BARS_REFUSED
 */
export async function readConfiguredBars(
  folder: string | null,
  period: Pick<KnownBarsOptions, 'from' | 'to'>,
  settings: Settings,
  onProgress: (done: number, total: number) => void,
  symbols: readonly string[] = neededBy(settings),
  onNote?: OnNote,
): Promise<Map<string, BarColumns>> {
  if (folder === null) return shared(await readInstallationBars(settings, symbols, period, onProgress, onNote));
  const read = await readBarFolder(folder, symbols, {
    ...period,
    onProgress: ({ done, total }) => onProgress(done, total),
  });
  const screened = screenBars(read, screenPolicy(settings));
  refuseFaultyBars(folder, screened.values());
  for (const note of acceptedNotes(folder, symbols)) onNote?.(note);
  return shared(await withFolderSeries(screened, folder));
}

function neededBy({ minutehand: { pairs, windows } }: Settings): string[] {
  return symbolsNeeded(pairs.map(parsePair), windows);
}

/** Symbol by symbol: a copy lasts until the next one is made. Volumes that no source states are one column of 0. */
function shared(bars: Map<string, BarColumns>): Map<string, BarColumns> {
  const longest = Math.max(0, ...Array.from(bars.values(), ({ length }) => length));
  let zeros: Float64Array | null = null;
  for (const [symbol, columns] of bars) {
    const own = shareBars(columns);
    const isUnknown = own.volume.every((volume) => Object.is(volume, 0));
    if (isUnknown) zeros ??= new Float64Array(new SharedArrayBuffer(longest * Float64Array.BYTES_PER_ELEMENT));
    bars.set(symbol, isUnknown ? { ...own, volume: zeros!.subarray(0, own.length) } : own);
  }
  return bars;
}
