import * as z from 'zod';
import { listVersions, readManifest } from '../../../shared/bundle/bundle.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import type { LookedTrade } from './period_edge.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { changeCounts, covers, holdoutOfKey, keyOf, readCounts, type CountsFile, type Holdout } from './counts_file.ts';

export type { Holdout } from './counts_file.ts';

const looksSchema = z.record(z.string(), z.array(z.strictObject({ trades: z.string(), look: z.int().positive() })));
type Looks = z.infer<typeof looksSchema>;

const FILE: CountsFile<Looks> = { name: 'holdout_looks.json', schema: looksSchema };

/** The number of an evaluation of a holdout, as every text names it. */
export const lookName = (look: number): string =>
  `evaluation ${look} of the holdout (trainings, backtests, searches and scans count)`;

export function looksPath(modelsFolder: string): string {
  return pathInside(modelsFolder, FILE.name);
}

/**
 * Counts an evaluation of a holdout, durably, before its result is known: by a training, a search of θ2, a scan or a
 * backtest, whether or not its bundle passes, is adopted or stays. Searching on until the holdout shows an edge then
 * finds one ever less easily (`lookLevel`). The same trades are the same evaluation: repeating a training is none.
 * Evaluations of holdouts that have nine tenths of this one's time count as well, or moving it by a day would begin
 * anew.
 * @param modelsFolder of the home: its bars were evaluated, wherever bundles are written
 * @param earlierFolder where bundles are written: counts there, of earlier versions, count as well
 * @returns the number of this evaluation, from 1
 * @throws MinutehandError LOOKS_FORMAT when the file cannot be read: a damaged file is not replaced, because its count
 * would be lost; HOME_LOCKED, HOME_UNUSABLE
 */
export function countLook(
  modelsFolder: string,
  holdout: Holdout,
  trades: readonly LookedTrade[],
  earlierFolder = modelsFolder,
): number {
  return countResult(modelsFolder, holdout, hashTrades(trades), earlierFolder);
}

/**
 * As `countLook`, for any result on a holdout.
 * @param own identity of the result, 64 hex digits
 */
export function countResult(modelsFolder: string, holdout: Holdout, own: string, earlierFolder = modelsFolder): number {
  const before = earlierFolder === modelsFolder ? {} : (readCounts(earlierFolder, FILE) ?? {});
  return changeCounts(modelsFolder, FILE, (counts) => {
    const looks = counts ?? {};
    const key = keyOf(holdout);
    const known = looks[key] ?? [];
    const repeated = known.find((look) => look.trades === own);
    if (repeated !== undefined) return { counts: null, result: repeated.look };
    const elsewhere = before[key] ?? [];
    const earlier = countedOf(looks, holdout) + countedOf(before, holdout);
    const highest = Math.max(0, ...[...known, ...elsewhere].map((one) => one.look));
    const look =
      elsewhere.find(({ trades }) => trades === own)?.look ??
      1 + Math.max(earlier, highest, ...looksOfBundles(modelsFolder, holdout));
    return { counts: { ...looks, [key]: [...known, { trades: own, look }] }, result: look };
  });
}

/** Evaluations of nearly this holdout. */
function countedOf(looks: Looks, holdout: Holdout): number {
  return Object.keys(looks)
    .filter((other) => covers(holdoutOfKey(other), holdout))
    .reduce((sum, other) => sum + looks[other]!.length, 0);
}

/**
 * Looks that bundles of this holdout have counted, and the number of different ones at nearly the same holdout: those
 * of an imported bundle, or when the file was removed.
 */
function looksOfBundles(modelsFolder: string, holdout: Holdout): number[] {
  const own = keyOf(holdout);
  const different = new Set<string>();
  const looks = listVersions(modelsFolder).flatMap((version) => {
    let manifest: Manifest;
    try {
      manifest = readManifest(pathInside(modelsFolder, version));
    } catch {
      return [];
    }
    const { market, period, holdout_look: counted } = manifest;
    const other = { market, from: period.holdout_from, to: period.to };
    const look = counted?.look ?? 1;
    if (covers(other, holdout)) different.add(`${keyOf(other)} ${look}`);
    return keyOf(other) === own ? [look] : [];
  });
  return [...looks, different.size];
}

function hashTrades(trades: readonly LookedTrade[]): string {
  const lines = trades.map(
    ({ pairId, side, entryTime, exitTime, netBps }) =>
      `${pairId} ${side} ${entryTime} ${exitTime} ${netBps.toFixed(6)}`,
  );
  return sha256Hex(lines.sort().join('\n'));
}
