import { isDeepStrictEqual } from 'node:util';
import type { CacheOptions } from '../../dataset/cache_folder.ts';
import type { Column, NamedColumns } from '../../dataset/column_file.ts';
import { openKeptFiles } from '../../league/kept_files.ts';
import type { ExaminedWay } from './examined_way.ts';
import type { Measured } from './measured_way.ts';

/** Measures of the ways that a training is compared with, which the same training takes over after an interruption. */
export interface KeptWays {
  /** @param look number of the look at the evaluated blocks, which an edge depends on */
  read(name: string, look: number | null): Measured | null;
  write(name: string, look: number | null, measured: Measured): void;
}

/** The same in files. */
export interface WayFiles extends KeptWays {
  /** Removes those of this training: it has ended with a result of every way. */
  remove(): void;
  /** Removes what was used least recently, until the rest fits. */
  prune(): void;
}

export interface KeptWaysOptions extends CacheOptions {
  /** JSON of all that the measures of a way depend on beside its name: program, bars, plan, seeds. */
  readonly training: unknown;
  /**
   * JSON of what the learners of a way use outside of this program: libraries and packages with their versions.
   * undefined: that is unknown, and the way is not kept.
   */
  surroundingsOf(name: string): unknown;
  /** @param name of a way whose measures are kept from now on */
  onWritten?(name: string): void;
  /** @param name of a way whose measures were kept by an earlier training */
  onRead?(name: string): void;
}

/** Increment when the meaning of a file changes. */
const FORMAT = 2;
/** Name of the column with the log loss of each evaluated row. */
const LOSSES = 'losses';

/**
 * A file per way, named by its key: its measures as JSON, and the log losses of its rows. An unreadable file counts as
 * absent; one that cannot be written costs time in the next training.
 */
export function openKeptWays(options: KeptWaysOptions): WayFiles {
  const { training, surroundingsOf, onWritten, onRead } = options;
  const files = openKeptFiles(options, { kind: 'direction way', format: FORMAT, training });
  const keyOf = (name: string, look: number | null): string | null => {
    const surroundings = surroundingsOf(name);
    return surroundings === undefined ? null : files.keyOf([name, look, surroundings]);
  };
  return {
    read(name, look) {
      const key = keyOf(name, look);
      const found = key === null ? null : files.read(key);
      if (key === null || found === null || !isOf(found.meta, key)) return null;
      const measured = withLosses(found.meta.measured, found.columns.get(LOSSES));
      if (measured === null) return null;
      files.use(key);
      onRead?.(name);
      return measured;
    },
    write(name, look, measured) {
      const key = keyOf(name, look);
      const { kept, columns } = apart(measured);
      // What JSON does not hold is not kept.
      if (key === null || !isDeepStrictEqual(JSON.parse(JSON.stringify(kept)), kept)) return;
      if (files.write(key, { key, measured: kept }, columns)) onWritten?.(name);
    },
    remove: () => files.remove(),
    prune: () => files.prune(),
  };
}

/** Measures whose log losses of rows are in a column beside them. */
type KeptMeasured = Omit<Measured, 'examined'> & { readonly examined?: Omit<ExaminedWay, 'losses'> };

function apart({ examined, ...measured }: Measured): { readonly kept: KeptMeasured; readonly columns: NamedColumns } {
  if (examined === undefined) return { kept: measured, columns: new Map() };
  const { losses, ...others } = examined;
  return { kept: { ...measured, examined: others }, columns: new Map([[LOSSES, losses]]) };
}

/** null: losses are missing. */
function withLosses({ examined, ...measured }: KeptMeasured, losses: Column | undefined): Measured | null {
  if (examined === undefined) return measured;
  return losses instanceof Float64Array ? { ...measured, examined: { ...examined, losses } } : null;
}

/** What was written under this key is what this program measured: its hash is part of the key. */
function isOf(meta: unknown, key: string): meta is { readonly key: string; readonly measured: KeptMeasured } {
  return typeof meta === 'object' && meta !== null && 'measured' in meta && 'key' in meta && meta.key === key;
}
