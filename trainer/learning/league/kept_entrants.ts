import * as z from 'zod';
import { skillSchema } from '../../../shared/bundle/manifest.ts';
import type { CacheOptions } from '../dataset/cache_folder.ts';
import { openKeptFiles, type KeptFiles } from './kept_files.ts';
import type { EntrantPlace, KeptEntrants, PlayedEntrant } from './league.ts';
import { generatedScenariosSchema, holdoutNetSchema, servingCostSchema } from './league_schema.ts';

/** An entrant of 200,000 rows takes 5 MB. */
export const DEFAULT_LEAGUE_BYTES = 256 * 1024 ** 2;

export interface KeptEntrantsOptions extends CacheOptions {
  /**
   * JSON of all that a result depends on beside the entrant and its place: the program, the rows, the placebo markets,
   * the settings, the seeds.
   */
  readonly league: unknown;
  /**
   * JSON of what the learners of an entrant use outside of this program: libraries and packages with their versions.
   * undefined: that is unknown, and the entrant is not kept.
   */
  surroundingsOf(name: string): unknown;
  /** @param entrant whose measures are kept from now on */
  onWritten?(entrant: string): void;
}

/** Measures of entrants in files, which the same league takes over after an interruption. */
export interface EntrantFiles extends KeptEntrants {
  /** Removes those of this league: it has ended with a result of every entrant. */
  remove(): void;
  /** Removes what was used least recently, until the rest fits. */
  prune(): void;
}

/** Increment when the meaning of a file changes. */
const FORMAT = 2;

const metaSchema = z.object({
  key: z.string(),
  skill: skillSchema.nullable(),
  others: z.object({
    log_loss_of_seeds: z.array(z.number()),
    generated: generatedScenariosSchema,
    net: holdoutNetSchema,
    serving: servingCostSchema,
    seconds: z.number(),
    memory_mb: z.number(),
  }),
});

/**
 * A file per entrant, named by its key. An unreadable file counts as absent; one that cannot be written costs time in
 * the next league.
 */
export function openKeptEntrants(options: KeptEntrantsOptions): EntrantFiles {
  const { league, surroundingsOf, onWritten } = options;
  const files = openKeptFiles(options, { format: FORMAT, league });
  const keyOf = ({ entrant, looksBefore }: EntrantPlace): string | null => {
    const surroundings = surroundingsOf(entrant.name);
    if (surroundings === undefined) return null;
    const { name, kind, columns, groups } = entrant;
    return files.keyOf([name, kind, columns, groups, looksBefore, surroundings]);
  };
  return {
    read(place) {
      const key = keyOf(place);
      return key === null ? null : readEntrant(files, key);
    },
    write(place, { folds, walkForward, holdout, skill, others }) {
      const key = keyOf(place);
      if (key === null) return;
      const columns = new Map([
        ['folds', folds],
        ['walk_forward', walkForward],
        ['holdout', holdout],
      ]);
      if (files.write(key, { key, skill, others }, columns)) onWritten?.(place.entrant.name);
    },
    remove: () => files.remove(),
    prune: () => files.prune(),
  };
}

function readEntrant(files: KeptFiles, key: string): PlayedEntrant | null {
  const found = files.read(key);
  const meta = metaSchema.safeParse(found?.meta);
  if (found === null || !meta.success || meta.data.key !== key) return null;
  const folds = found.columns.get('folds');
  const walkForward = found.columns.get('walk_forward');
  const holdout = found.columns.get('holdout');
  if (!(folds instanceof Float64Array && walkForward instanceof Float64Array && holdout instanceof Float64Array))
    return null;
  files.use(key);
  const { skill, others } = meta.data;
  return { folds, walkForward, holdout, skill, others };
}
