import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../shared/folder.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import { canonicalJson } from '../../shared/policy/policy_hash.ts';
import { readColumns, writeColumns, writerOf } from './column_file.ts';
import { codeFingerprint } from './code_fingerprint.ts';
import type { PairBuild, PairPolicy, PairTask } from './pair_build.ts';
import { buildOf, columnsOf } from './pair_columns.ts';

/** Location and size of the cache of builds. */
export interface CacheOptions {
  /** Such as `<home>/cache/dataset`; made when it is absent. */
  readonly folder: string;
  /**
   * The builds used longest ago are removed until the others are no larger. A pair of eight months takes about 40 MB.
   */
  readonly maxBytes: number;
}

export const DEFAULT_CACHE_BYTES = 2 * 1024 ** 3;

/** Outcome for the pairs of a build. */
export interface CacheReport {
  readonly hits: number;
  readonly built: number;
  /** Files that were there and could not be used: torn by a power cut, damaged, or of another kind. */
  readonly dropped: number;
  /**
   * Why the last build that was not stored could not be; null when all were. It costs the next training time and
   * nothing else.
   */
  readonly failure: string | null;
}

/** Raise it when a build's columns change their meaning. */
const FORMAT = 1;
const ENTRY = /^[0-9a-f]{64}$/;

/** Builds of pairs by the hash of all that decides about them. */
export interface PairCache {
  /** The stored build of this task, or null. */
  read(key: string, task: PairTask): PairBuild | null;
  /** Stores a build that was just made. */
  write(key: string, build: PairBuild): void;
  /** Removes what dead processes left half written, then the entries used longest ago until the others fit. */
  prune(): void;
  report(): CacheReport;
}

/**
 * An entry is a file named by its key. Writers of the same key write the same bytes, each by temporary file and rename,
 * so nothing is locked. What cannot be read or written is as if it were not there.
 */
export function openPairCache({ folder, maxBytes }: CacheOptions): PairCache {
  let hits = 0;
  let built = 0;
  let dropped = 0;
  let failure: string | null = null;
  return {
    read(key, { pair }) {
      const path = join(folder, key);
      const found = readColumns(path);
      const meta = found?.meta as Partial<EntryMeta> | undefined;
      if (found !== null && meta?.key === key && typeof meta.rows === 'number') {
        hits++;
        touch(path);
        return buildOf(pair, found.columns, meta.rows);
      }
      if (existsSync(path)) {
        dropped++;
        rmSync(path, { recursive: true, force: true });
      }
      return null;
    },
    write(key, build) {
      built++;
      try {
        makeFolder(folder);
        writeColumns(join(folder, key), { key, rows: build.history.rows } satisfies EntryMeta, columnsOf(build));
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error);
      }
    },
    prune() {
      const entries: { path: string; bytes: number; usedMs: number }[] = [];
      for (const name of namesIn(folder)) {
        const path = join(folder, name);
        const writer = writerOf(name);
        if (writer !== null && !isRunning(writer)) rmSync(path, { force: true });
        const stat = statSync(path, { throwIfNoEntry: false });
        if (ENTRY.test(name) && stat !== undefined) entries.push({ path, bytes: stat.size, usedMs: stat.mtimeMs });
      }
      let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
      for (const entry of entries.sort((a, b) => a.usedMs - b.usedMs)) {
        if (bytes <= maxBytes) break;
        rmSync(entry.path, { force: true });
        bytes -= entry.bytes;
      }
    },
    report: () => ({ hits, built, dropped, failure }),
  };
}

interface EntryMeta {
  readonly key: string;
  readonly rows: number;
}

/**
 * The keys of tasks: SHA-256 over the legs' bars, the feature schema, the policy of features and labels, and the code's
 * output for fixed bars, so that a changed formula misses. The key includes the engine's version because Math.log may
 * differ in its last bit.
 */
export function pairKeys(tasks: readonly PairTask[]): string[] {
  const hashes = new Map<BarColumns, string>();
  const hashOf = (bars: BarColumns): string => {
    const known = hashes.get(bars) ?? barsHash(bars);
    hashes.set(bars, known);
    return known;
  };
  // Windows are the same for all pairs; costs, which are not, only shift a limit.
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
    const identity = { format: FORMAT, engine: process.versions.v8, ...fingerprintOf(policy), policy };
    return createHash('sha256')
      .update(canonicalJson({ ...identity, pair: pair.id, a: hashOf(a), b: hashOf(b) }))
      .digest('hex');
  });
}

/** SHA-256 over symbol and all columns. */
export function barsHash({ symbol, time, open, high, low, close, volume, spread }: BarColumns): string {
  const hash = createHash('sha256').update(`${symbol}:${spread === null ? 6 : 7}:${time.length}:`);
  for (const column of [time, open, high, low, close, volume, spread ?? new Float64Array()]) hash.update(column);
  return hash.digest('hex');
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // A folder that may only be read still gives what it has.
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it runs as another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
