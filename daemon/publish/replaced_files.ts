import { dirname } from 'node:path';
import { BLOCKED_PAUSES_MS, isBlocked } from '../../shared/durable_file.ts';
import type { FileSystem } from '../../shared/ports.ts';

/** A file that is to get a new text. */
export interface Replacement {
  readonly path: string;
  readonly temporaryPath: string;
  readonly text: string;
}

/**
 * Replaces files, each by a rename, so that a reader sees the old or the new text and never a part. Keeps a text that
 * could not be written, until a newer text replaces it.
 */
export class ReplacedFiles {
  /** Writes that failed since the start, retries not counted. */
  failures = 0;
  /** Number of retries of files that a reader blocked. */
  retries = 0;
  readonly #files: FileSystem;
  readonly #pause: ((ms: number) => void) | undefined;
  readonly #mayReplace: () => boolean;
  readonly #parent: string;
  #hadParent: boolean;
  /** By path. A batch without a pair does not change the entry of that pair. */
  readonly #failing = new Map<string, Replacement>();

  /**
   * @param parent folder above those of the files. One that is gone later, such as a home that was moved away, is not
   * made again: it could not be moved back
   * @param pause blocks this thread for a file that a reader blocks; without it, such a file is not written
   * @param mayReplace asked before each write and each rename; a text that may not be written is given up
   */
  constructor(
    files: FileSystem,
    parent: string,
    pause: ((ms: number) => void) | undefined,
    mayReplace = (): boolean => true,
  ) {
    this.#files = files;
    this.#parent = parent;
    this.#hadParent = files.stat(parent) !== null;
    this.#pause = pause;
    this.#mayReplace = mayReplace;
  }

  /** Files whose last write failed. */
  get failing(): number {
    return this.#failing.size;
  }

  /**
   * Writes these, and then what failed before and is not among them.
   * @returns the error of the first of these that could not be written, or null
   */
  writeAll(replacements: readonly Replacement[]): unknown {
    const others = [...this.#failing.values()].filter(({ path }) => !replacements.some((own) => own.path === path));
    const error = this.#writeThese(replacements);
    this.#retry(others);
    return error;
  }

  #writeThese(replacements: readonly Replacement[]): unknown {
    let left = replacements.map((replacement) => ({ replacement, error: this.#write(replacement) }));
    for (const pauseMs of this.#pause === undefined ? [] : BLOCKED_PAUSES_MS) {
      if (!left.some(({ error }) => isBlocked(error))) break;
      this.#pause!(pauseMs);
      left = left.map((one) => {
        if (!isBlocked(one.error)) return one;
        this.retries++;
        return { ...one, error: this.#write(one.replacement) };
      });
    }
    const failed = left.filter(({ error }) => error !== null);
    this.failures += failed.length;
    return failed[0]?.error ?? null;
  }

  /** Writes what failed once more. No further failure is counted. */
  retry(): void {
    this.#retry([...this.#failing.values()]);
  }

  #retry(failed: readonly Replacement[]): void {
    for (const replacement of failed) {
      this.retries++;
      this.#write(replacement);
    }
  }

  /** @returns the error, or null */
  #write(replacement: Replacement): unknown {
    const { path, temporaryPath } = replacement;
    try {
      this.#replace(replacement);
      this.#failing.delete(path);
      return null;
    } catch (error) {
      this.#failing.set(path, replacement);
      this.#files.remove(temporaryPath);
      return error;
    }
  }

  #replace({ path, temporaryPath, text }: Replacement): void {
    const files = this.#files;
    if (!this.#mayReplace()) return;
    try {
      files.write(temporaryPath, text);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      if (this.#hadParent && files.stat(this.#parent) === null) throw error;
      files.makeFolder(dirname(path));
      files.write(temporaryPath, text);
    }
    this.#hadParent = true;
    if (this.#mayReplace()) files.rename(temporaryPath, path);
    else files.remove(temporaryPath);
  }
}
