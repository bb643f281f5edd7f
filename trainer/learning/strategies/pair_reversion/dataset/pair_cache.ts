import { createHash, type Hash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SECONDS_PER_BAR } from '../../../../../shared/bar.ts';
import { makeFolder } from '../../../../../shared/folder.ts';
import type { BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import { SERIES_NAMES } from '../../../../../shared/core/series/series_names.ts';
import { readsSeries } from '../../../../../shared/core/features/features.ts';
import { featureSchema } from '../../../../../shared/bundle/feature_schema.ts';
import type { Windows } from '../../../../../shared/core/features/windows.ts';
import { canonicalJson } from '../../../../../shared/policy/policy_hash.ts';
import type { Pair } from '../../../../../shared/pair.ts';
import { pruneFolder, touch, type CacheOptions } from '../../../dataset/cache_folder.ts';
import { openColumns, readColumns, writeColumns } from '../../../dataset/column_file.ts';
import { codeFingerprint } from './code_fingerprint.ts';
import type { KeptBuild, PairBuild, PairPolicy, PairTask } from './pair_build.ts';
import { buildOf, columnsOf } from './pair_columns.ts';
import type { Scratch } from './scratch.ts';

/** A pair of eight months takes about 40 MB. */
export const DEFAULT_CACHE_BYTES = 2 * 1024 ** 3;

/** Cache statistics of a dataset. */
export interface CacheReport {
  readonly hits: number;
  readonly built: number;
  /** Unusable files: torn by a power cut, damaged, or of another kind. */
  readonly dropped: number;
  /** Why the last failed build could not be stored; null when all were. It only costs time in the next training. */
  readonly failure: string | null;
}

/** Increment when the meaning of a build's columns changes. */
const FORMAT = 1;

/** Pair builds by a hash of all their inputs. */
export interface PairCache {
  /** The cached build of this task, or null. @param scratch keeps its history in the file; null: in memory */
  read(key: string, task: PairTask, scratch: Scratch | null): KeptBuild | null;
  /** Caches a build. @returns the build with its history in the file, or itself as for `read` */
  write(key: string, build: PairBuild, scratch: Scratch | null): KeptBuild;
  /** Removes partial files of dead processes, then the least recently used entries until the rest fits. */
  prune(): void;
  report(): CacheReport;
}

/**
 * An entry is a file named by its key. Concurrent writers of a key write the same bytes, each through a temporary file
 * and a rename, so no locks are needed. Unreadable and unwritable entries count as absent.
 */
export function openPairCache({ folder, maxBytes }: CacheOptions): PairCache {
  let hits = 0;
  let built = 0;
  let dropped = 0;
  let failure: string | null = null;
  return {
    read(key, { pair }, scratch) {
      const path = join(folder, key);
      const found = findBuild(path, key, pair, scratch);
      if (found !== null) {
        hits++;
        touch(path);
        return found;
      }
      if (existsSync(path)) {
        dropped++;
        rmSync(path, { recursive: true, force: true });
      }
      return null;
    },
    write(key, build, scratch) {
      built++;
      const path = join(folder, key);
      try {
        makeFolder(folder);
        writeColumns(path, { key, rows: build.history.rows } satisfies EntryMeta, columnsOf(build));
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error);
        return build;
      }
      return scratch === null ? build : (findBuild(path, key, build.history.pair, scratch) ?? build);
    },
    prune: () => pruneFolder(folder, maxBytes),
    report: () => ({ hits, built, dropped, failure }),
  };
}

function findBuild(path: string, key: string, pair: Pair, scratch: Scratch | null): KeptBuild | null {
  if (scratch === null) {
    const found = readColumns(path);
    const rows = rowsOf(found?.meta, key);
    return found === null || rows === null ? null : buildOf(pair, found.columns, rows);
  }
  const file = openColumns(path);
  if (file === null) return null;
  const rows = rowsOf(file.meta, key);
  if (rows !== null) return scratch.keep(pair, file, rows);
  file.close();
  return null;
}

/** null where the file is not of this key. */
function rowsOf(meta: unknown, key: string): number | null {
  const known = meta as Partial<EntryMeta> | null | undefined;
  return known?.key === key && typeof known.rows === 'number' ? known.rows : null;
}

interface EntryMeta {
  readonly key: string;
  readonly rows: number;
}

/**
 * Keys of tasks: SHA-256 of the legs' bars, of their series and of other symbols where formulas read any, the feature
 * schema, the policy of features and labels, and the code's output for fixed bars, so that a changed formula misses.
 * Includes the engine's version, because Math.log may differ in its last bit.
 */
export function pairKeys(tasks: readonly PairTask[]): string[] {
  const hashes = new Map<BarColumns, string>();
  const hashOf = (bars: BarColumns, windows: Windows): string => {
    const known = hashes.get(bars) ?? barsHash(bars, readsSeries(windows));
    hashes.set(bars, known);
    return known;
  };
  // Windows are the same for all pairs; costs, which differ, only shift a limit.
  const fingerprints = new Map<Windows, { code: string; schema: string }>();
  const fingerprintOf = (policy: PairPolicy): { code: string; schema: string } => {
    const known = fingerprints.get(policy.windows) ?? {
      code: codeFingerprint(policy),
      schema: featureSchema(policy.windows).hash,
    };
    fingerprints.set(policy.windows, known);
    return known;
  };
  return tasks.map(({ pair, a, b, policy }) => {
    const others = [...(a.others ?? [])].map(([symbol, bars]) => [symbol, hashOf(bars, policy.windows)]);
    const ofOthers = others.length > 0 && { others };
    const identity = { format: FORMAT, engine: process.versions.v8, ...fingerprintOf(policy), policy, ...ofOthers };
    return createHash('sha256')
      .update(canonicalJson({ ...identity, pair: pair.id, a: hashOf(a, policy.windows), b: hashOf(b, policy.windows) }))
      .digest('hex');
  });
}

/** SHA-256 over symbol and all columns. @param withSeries also over the auxiliary series that its bars can see */
export function barsHash(bars: BarColumns, withSeries = false): string {
  const { symbol, time, open, high, low, close, volume, spread } = bars;
  const hash = createHash('sha256').update(`${symbol}:${spread === null ? 6 : 7}:${time.length}:`);
  for (const column of [time, open, high, low, close, volume, spread ?? new Float64Array()]) hash.update(column);
  if (withSeries) hashSeries(hash, bars);
  return hash.digest('hex');
}

/** Adds the series of a symbol, as far as they had arrived at the close of its last bar, to a hash. */
export function hashSeries(hash: Hash, { time, length, series = {} }: BarColumns): void {
  const lastClose = length === 0 ? -Infinity : time[length - 1]! + SECONDS_PER_BAR;
  for (const name of SERIES_NAMES) {
    const history = series[name];
    if (history === undefined) continue;
    const known = history.arrivalTime.findIndex((arrival) => arrival > lastClose);
    const count = known < 0 ? history.length : known;
    hash.update(`${name}:${count}:`);
    for (const column of [history.eventTime, history.arrivalTime, history.value])
      hash.update(column.subarray(0, count));
  }
}
