import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../../shared/folder.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import type { EvolutionState } from '../../learning/evolve/evolution.ts';
import { readSearches, writeSearches } from '../../learning/evolve/evolution_file.ts';
import type { EvolveJob } from './evolve_job.ts';

/** Searches that were cut off and never continued: only the newest files stay. */
const KEPT_FILES = 20;
const NAME_DIGITS = 16;

/** Where the generations of a search are kept: every process of one search has the same file. */
export function generationsFile(
  { space, subject, window, source, direction, costs, holdout_from, seed, market, output }: Omit<EvolveJob, 'trigger'>,
  { home }: Pick<HomePaths, 'home'>,
): string {
  if (output.folder !== null) return join(output.folder, 'state.json');
  const search = { space, subject, window, source, direction, costs, holdout_from, seed, market };
  return pathInside(generationsFolder(home), `${sha256Hex(JSON.stringify(search)).slice(0, NAME_DIGITS)}.json`);
}

/** Generations of searches that have not ended. */
function generationsFolder(home: string): string {
  return join(home, 'cache', 'evolve');
}

/** The searches of a job by their blocks, and where they are kept. */
export interface KeptGenerations {
  readonly searches: Record<string, EvolutionState>;
  /** Replaces the file as a whole. */
  keep(): void;
  /** The search has ended: those of the installation are needed no longer. */
  end(): void;
}

/**
 * Reads the generations that an earlier process of this search has kept.
 * @param fingerprint of bars, costs, seed, period and space
 * @throws MinutehandError SEARCH_JOURNAL for a file of another search in a folder that was named. In the installation
 * such a file is of earlier bars, and the search begins anew
 */
export function openGenerations(job: EvolveJob, paths: Pick<HomePaths, 'home'>, fingerprint: string): KeptGenerations {
  const path = generationsFile(job, paths);
  const isOwn = job.output.folder === null;
  if (isOwn) {
    makeFolder(generationsFolder(paths.home));
    removeOld(generationsFolder(paths.home), path);
  }
  const searches = isOwn ? readOrBegin(path, fingerprint) : readSearches(path, fingerprint);
  return {
    searches,
    keep: () => writeSearches(path, fingerprint, searches),
    end() {
      if (isOwn) rmSync(path, { force: true });
    },
  };
}

function readOrBegin(path: string, fingerprint: string): Record<string, EvolutionState> {
  try {
    return readSearches(path, fingerprint);
  } catch (error) {
    if (error instanceof MinutehandError && error.code === 'SEARCH_JOURNAL') return {};
    throw error;
  }
}

function removeOld(folder: string, own: string): void {
  const files = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => path.endsWith('.json') && path !== own)
    .map((path) => ({ path, changed: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.changed - a.changed);
  for (const { path } of files.slice(KEPT_FILES - 1)) rmSync(path, { force: true });
}
