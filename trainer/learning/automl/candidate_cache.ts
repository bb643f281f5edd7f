import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { makeFolder } from '../../../shared/folder.ts';
import { canonicalJson } from '../../../shared/policy/policy_hash.ts';
import { pruneFolder, touch, type CacheOptions } from '../dataset/cache_folder.ts';
import { readColumns, writeColumns, type NamedColumns } from '../dataset/column_file.ts';
import { barsHash } from '../strategies/pair_reversion/dataset/pair_cache.ts';
import type { Candidate } from './candidates.ts';
import type { Unexplained } from './screen.ts';
import type { ScoredCandidate } from './select.ts';

export interface CandidateCacheOptions extends CacheOptions {
  /** SHA-256 of the program: another build computes its scores itself. */
  readonly code: string;
}

export const DEFAULT_CANDIDATE_BYTES = 1024 ** 3;

/** All that the score of a candidate depends on, beside the candidate. */
export interface Screening {
  /** Identity of the rows, with the policy of features and labels. */
  readonly datasetId: string;
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly unexplained: Unexplained;
  readonly parts: number;
  readonly seed: number;
  /** Candidates of a larger p have no values. */
  readonly level: number;
}

/** Scores of candidates that were tested before, on the same rows and by the same program. */
export interface CandidateCache {
  read(candidate: Candidate): ScoredCandidate | null;
  write(scored: ScoredCandidate): void;
  /** Removes what was used least recently, until the rest fits. */
  prune(): void;
}

/** Increment when the meaning of a score or of a file changes. */
const FORMAT = 1;
const VALUES = 'values';
const metaSchema = z.object({ key: z.string(), p: z.number(), gains: z.array(z.number()) });

/**
 * A file per candidate, named by its key, so that a search which was ended goes on there, and the same search asked
 * twice tests nothing. An unreadable file counts as absent; one that cannot be written costs time in the next search.
 */
export function openCandidateCache(
  { folder, maxBytes, code }: CandidateCacheOptions,
  screening: Screening,
): CandidateCache {
  const screened = screeningHash(screening, code);
  const keyOf = ({ name, text }: Candidate): string =>
    createHash('sha256')
      .update(canonicalJson([screened, name, text]))
      .digest('hex');
  return {
    read(candidate) {
      const key = keyOf(candidate);
      const path = join(folder, key);
      const found = readColumns(path);
      const meta = metaSchema.safeParse(found?.meta);
      if (found === null || !meta.success || meta.data.key !== key) return null;
      touch(path);
      const { p, gains } = meta.data;
      return {
        candidate,
        score: { p, gains },
        values: (found.columns.get(VALUES) as Float32Array | undefined) ?? null,
      };
    },
    write({ candidate, score, values }) {
      const key = keyOf(candidate);
      const columns: NamedColumns = new Map(values === null ? [] : [[VALUES, values]]);
      try {
        makeFolder(folder);
        writeColumns(join(folder, key), { key, ...score }, columns);
      } catch {
        // The disk is full, or the folder cannot be written: the score is used now and computed again next time.
      }
    },
    prune: () => pruneFolder(folder, maxBytes),
  };
}

function screeningHash({ datasetId, bars, unexplained, parts, seed, level }: Screening, code: string): string {
  const symbols = [...bars.keys()].sort();
  const identity = {
    format: FORMAT,
    engine: process.versions.v8,
    code,
    dataset: datasetId,
    bars: symbols.map((symbol) => barsHash(bars.get(symbol)!, true)),
    parts,
    seed,
    level,
  };
  const hash = createHash('sha256').update(canonicalJson(identity));
  for (const column of [unexplained.residual, unexplained.weights, unexplained.time])
    hash.update(`:${column.length}:`).update(column);
  return hash.digest('hex');
}
