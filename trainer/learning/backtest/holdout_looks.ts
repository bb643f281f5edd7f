import { join } from 'node:path';
import * as z from 'zod';
import { listVersions, readManifest } from '../../../shared/bundle/bundle.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { readModelsFile } from '../../../shared/bundle/models_file.ts';
import { replaceDurably } from '../../../shared/durable_file.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { makeFolder } from '../../../shared/folder.ts';
import { lockHome } from '../../../shared/process/home_lock.ts';
import type { Trade } from '../trades/backtest.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { sha256Hex } from '../../../shared/sha256.ts';

const looksSchema = z.record(z.string(), z.array(z.strictObject({ trades: z.string(), look: z.int().positive() })));
type Looks = z.infer<typeof looksSchema>;

const LOCK_WAIT_MS = 5000;

/** A holdout with a smaller share of time that an earlier one did not have is that one once more. */
const NEW_SHARE = 0.1;

/** A holdout: its market and the times of its bars, ISO 8601. */
export interface Holdout extends Pick<Manifest, 'market'> {
  readonly from: string;
  readonly to: string;
}

export function looksPath(modelsFolder: string): string {
  return join(modelsFolder, 'holdout_looks.json');
}

/**
 * Counts a look at a holdout, durably, before its result is known: by a training or a search of θ2, whether or not its
 * bundle passes, is adopted or stays. Searching on until the holdout shows an edge then finds one ever less easily
 * (`lookLevel`). The same trades are the same look: repeating a training is none. Looks at holdouts that have nine
 * tenths of this one's time count as well, or moving it by a day would begin anew.
 * @returns the number of this look, from 1
 * @throws MinutehandError LOOKS_FORMAT when the file cannot be read: a damaged file is not replaced, because its count
 * would be lost; HOME_LOCKED, HOME_UNUSABLE
 */
export function countLook(modelsFolder: string, holdout: Holdout, trades: readonly Trade[]): number {
  return countResult(modelsFolder, holdout, hashTrades(trades));
}

/**
 * As `countLook`, for any result on a holdout.
 * @param own identity of the result, 64 hex digits
 */
export function countResult(modelsFolder: string, holdout: Holdout, own: string): number {
  makeFolder(modelsFolder);
  const unlock = lockHome(`${looksPath(modelsFolder)}.lock`, LOCK_WAIT_MS);
  try {
    const looks = readLooks(modelsFolder);
    const key = keyOf(holdout);
    const known = looks[key] ?? [];
    const repeated = known.find((look) => look.trades === own);
    if (repeated !== undefined) return repeated.look;
    const overlapping = Object.keys(looks).filter((other) => covers(holdoutOfKey(other), holdout));
    const earlier = overlapping.reduce((sum, other) => sum + looks[other]!.length, 0);
    const look = 1 + Math.max(0, earlier, ...known.map((one) => one.look), ...looksOfBundles(modelsFolder, holdout));
    const counted: Looks = { ...looks, [key]: [...known, { trades: own, look }] };
    replaceDurably(MACHINE_FILES, looksPath(modelsFolder), `${JSON.stringify(counted, null, 1)}\n`);
    return look;
  } finally {
    unlock();
  }
}

function keyOf({ market, from, to }: Holdout): string {
  return `${market} ${from} ${to}`;
}

function holdoutOfKey(key: string): Holdout {
  const [market, from, to] = key.split(' ') as [Holdout['market'], string, string];
  return { market, from, to };
}

/** Whether an earlier holdout has all but `NEW_SHARE` of the time of another one. */
function covers(earlier: Holdout, holdout: Holdout): boolean {
  const begin = Math.max(Date.parse(earlier.from), Date.parse(holdout.from));
  const end = Math.min(Date.parse(earlier.to), Date.parse(holdout.to));
  const whole = Date.parse(holdout.to) - Date.parse(holdout.from);
  return earlier.market === holdout.market && end - begin > (1 - NEW_SHARE) * whole;
}

function readLooks(modelsFolder: string): Looks {
  const path = looksPath(modelsFolder);
  if (MACHINE_FILES.stat(path) === null) return {};
  let json: unknown;
  try {
    json = JSON.parse(readModelsFile(path, 'halts').toString('utf8'));
  } catch (cause) {
    throw new MinutehandError('LOOKS_FORMAT', { seen: `${path} cannot be read, or is not JSON`, cause });
  }
  const parsed = looksSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new MinutehandError('LOOKS_FORMAT', { seen: `${path}: ${issue.path.join('.')}: ${issue.message}` });
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

function hashTrades(trades: readonly Trade[]): string {
  const lines = trades.map(
    ({ pairId, side, entryTime, exitTime, netBps }) =>
      `${pairId} ${side} ${entryTime} ${exitTime} ${netBps.toFixed(6)}`,
  );
  return sha256Hex(lines.sort().join('\n'));
}
