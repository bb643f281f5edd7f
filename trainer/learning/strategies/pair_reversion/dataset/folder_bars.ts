import type { OpenTime } from '../../../../../shared/bar.ts';
import { readBarFolder, shareBars, type BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import { refuseFaultyBars } from '../../../../../shared/bar_file/verdict/folder_verdicts.ts';
import { withoutSuspects } from '../../../../../shared/bar_file/screened_bars.ts';
import type { ScreenPolicy } from '../../../../../shared/core/screen/bar_screen.ts';
import { openTaskThreads } from '../../../threads/thread_tasks.ts';

const PROGRAM = new URL('./folder_bars_worker.js', import.meta.url);

export interface SymbolTask {
  readonly folder: string;
  readonly symbol: string;
  readonly from?: OpenTime;
  readonly to?: OpenTime;
  /** null = all bars */
  readonly screening: ScreenPolicy | null;
}

export interface FolderOptions extends Omit<SymbolTask, 'folder' | 'symbol'> {
  /** Threads that each read a symbol; 0 = the calling one. */
  readonly workers: number;
  onProgress(done: number, total: number): void;
}

/**
 * Bars of `symbols` in a folder without suspect ones, in memory shared by threads, in the order of `symbols`. Symbols
 * without a file are left out.
 * @throws MinutehandError as `readBarFolder`, of the first symbol with an error
 */
export async function readFolderBars(
  folder: string,
  symbols: readonly string[],
  { workers, onProgress, ...task }: FolderOptions,
): Promise<Map<string, BarColumns>> {
  const threads = openTaskThreads(Math.min(workers, symbols.length), PROGRAM, readSymbol);
  let done = 0;
  try {
    const read = await Promise.allSettled(
      symbols.map(async (symbol) => {
        const bars = await threads.run(() => ({ ...task, folder, symbol }));
        onProgress(++done, symbols.length);
        return bars;
      }),
    );
    const failed = read.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    const found = read.flatMap((result) =>
      result.status === 'fulfilled' && result.value !== null ? [result.value] : [],
    );
    return new Map(withOneUnknownVolume(found).map((bars) => [bars.symbol, bars]));
  } finally {
    await threads.close();
  }
}

/** Volumes that a source does not state take 2 MB a symbol in eight months: they share one memory. */
function withOneUnknownVolume(all: readonly BarColumns[]): BarColumns[] {
  const isUnknown = all.map(({ volume }) => volume.every((own) => Object.is(own, 0)));
  const longest = Math.max(0, ...all.map(({ length }, i) => (isUnknown[i] ? length : 0)));
  const zeros = new Float64Array(new SharedArrayBuffer(8 * longest));
  return all.map((bars, i) => (isUnknown[i] ? { ...bars, volume: zeros.subarray(0, bars.length) } : bars));
}

/** null without a file */
export async function readSymbol({ folder, symbol, screening, ...period }: SymbolTask): Promise<BarColumns | null> {
  const bars = (await readBarFolder(folder, [symbol], period)).get(symbol);
  if (bars === undefined) return null;
  const screened = withoutSuspects(bars, screening);
  refuseFaultyBars(folder, [screened]);
  return shareBars(screened);
}
