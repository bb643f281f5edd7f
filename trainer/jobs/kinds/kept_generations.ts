import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../../shared/folder.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import type { EvolutionState } from '../../learning/evolve/evolution.ts';
import { readSearches, writeSearches } from '../../learning/evolve/evolution_file.ts';
import { codeHash } from '../fleet/own_code.ts';
import type { EvolveJob } from './evolve_job.ts';

/** Only the newest files stay. */
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

function generationsFolder(home: string): string {
  return join(home, 'cache', 'evolve');
}

/** The different rules of all searches, while they grow. */
export class TriedRules {
  readonly #searches: Readonly<Record<string, EvolutionState>>;
  readonly #keys = new Set<string>();
  /** How many rules of each search are among the keys. */
  readonly #seen = new Map<string, number>();

  constructor(searches: Readonly<Record<string, EvolutionState>>) {
    this.#searches = searches;
  }

  /** Keys of the rules that were evaluated since the last call. */
  fresh(): string[] {
    const found: string[] = [];
    for (const [blocks, { evaluated }] of Object.entries(this.#searches)) {
      for (let i = this.#seen.get(blocks) ?? 0; i < evaluated.length; i++) {
        const { key } = evaluated[i]!;
        if (this.#keys.has(key)) continue;
        this.#keys.add(key);
        found.push(key);
      }
      this.#seen.set(blocks, evaluated.length);
    }
    return found;
  }

  get count(): number {
    return this.#keys.size;
  }
}

/** The searches of a job by their blocks, and where they are kept. */
export interface KeptGenerations {
  readonly searches: Record<string, EvolutionState>;
  /** Replaces the file as a whole. */
  keep(): void;
}

/**
 * Reads the generations that an earlier process of this search has kept.
 * @param fingerprint of bars, costs, seed, period and space
 * @throws MinutehandError SEARCH_JOURNAL for a file of another search in a folder that was named. In the installation
 * such a file is of earlier bars or of another build, and the search restarts from its first generation
 */
export function openGenerations(job: EvolveJob, paths: Pick<HomePaths, 'home'>, fingerprint: string): KeptGenerations {
  const path = generationsFile(job, paths);
  const isOwn = job.output.folder === null;
  if (isOwn) {
    makeFolder(generationsFolder(paths.home));
    removeOld(generationsFolder(paths.home), path);
  }
  // Another build may make other generations of the same seed.
  const whole = sha256Hex(`${codeHash()} ${fingerprint}`);
  if (job.cache === false) rmSync(path, { force: true });
  const searches = isOwn ? readOrBegin(path, whole) : readSearches(path, whole);
  return {
    searches,
    keep: () => writeSearches(path, whole, searches),
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
