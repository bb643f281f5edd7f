import { isDeepStrictEqual } from 'node:util';
import type { CacheOptions } from '../../dataset/cache_folder.ts';
import { openKeptFiles } from '../../league/kept_files.ts';
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
const FORMAT = 1;

/**
 * A file per way, named by its key. An unreadable file counts as absent; one that cannot be written costs time in the
 * next training.
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
      files.use(key);
      onRead?.(name);
      return found.meta.measured;
    },
    write(name, look, measured) {
      const key = keyOf(name, look);
      // What JSON does not hold is not kept.
      if (key === null || !isDeepStrictEqual(JSON.parse(JSON.stringify(measured)), measured)) return;
      if (files.write(key, { key, measured }, new Map())) onWritten?.(name);
    },
    remove: () => files.remove(),
    prune: () => files.prune(),
  };
}

/** What was written under this key is what this program measured: its hash is part of the key. */
function isOf(meta: unknown, key: string): meta is { readonly key: string; readonly measured: Measured } {
  return typeof meta === 'object' && meta !== null && 'measured' in meta && 'key' in meta && meta.key === key;
}
