import type { ActiveFile } from '../../shared/bundle/active_file.ts';
import { describeError } from '../../shared/errors.ts';
import type { FileSystem } from '../../shared/ports.ts';
import type { Challenger } from '../queue/input.ts';
import { fingerprint, isUnread, waitsForJournal } from './file_mark.ts';
import { releaseChallenger } from './followed_rollout.ts';

/**
 * Versions that a start may use in place of a refused pointer or bundle, best first: of pointers that were accepted
 * before, then of the predecessors that they name. A predecessor that is newer was taken back by a rollback.
 * @param accepted pointers, newest first. A damaged mark, or a key that cannot be read, proves nothing
 * @param failed version of the bundle that is refused: only older ones serve. null = the pointer itself is refused
 */
export function provedVersions(accepted: () => readonly ActiveFile[], failed: string | null): string[] {
  const pointers = acceptedOrNone(accepted);
  const predecessors = pointers.filter(({ version, previous }) => previous !== null && previous < version);
  const versions = [...pointers.map(({ version }) => version), ...predecessors.map(({ previous }) => previous!)];
  return [...new Set(versions)].filter((version) => failed === null || version < failed);
}

function acceptedOrNone(accepted: () => readonly ActiveFile[]): readonly ActiveFile[] {
  try {
    return accepted();
  } catch {
    // The refusal of the pointer is reported.
    return [];
  }
}

/** Where a pointer and its bundles are read from, and what is called when they change or are refused. */
export interface FollowedPointerOptions<Model extends Challenger> {
  readonly files: FileSystem;
  /** For messages: `active.json`. */
  readonly name: string;
  readonly path: string;
  /** @returns the version that it names; null = none. @throws MinutehandError also as PointerMarks.check and raise */
  read(): Promise<string | null>;
  /** Identifies the bytes of a bundle. */
  markOf(version: string): string;
  /** Reads, verifies and loads a bundle. @throws MinutehandError also for models of another market or timeframe */
  load(version: string): Promise<Model>;
  /** Pointers that were accepted before, newest first; they serve while the first one since the start is refused. */
  proved(): readonly ActiveFile[];
  /**
   * A model that is verified and loaded. The sink releases it.
   * @param isProved by an earlier pointer; the present one, or its bundle, is refused
   */
  onReady(model: Model, version: string, isProved: boolean): void;
  /** null = the last model stays when the pointer names none. */
  readonly onNone: (() => void) | null;
  /** A bundle, or the pointer itself, was refused: the last model stays. Called once for the same bytes and reason. */
  onRefused(version: string, error: unknown): void;
  /** After a refusal: the pointer names the last model again, or none. */
  onWithdrawn(): void;
}

/** A program that writes a bad pointer again and again must not fill the memory. */
const MAX_REFUSED = 100;

/**
 * Follows one pointer file, and never tries refused bytes again. Bytes that could not be read are not refused for that:
 * they are tried again, in silence.
 */
export class FollowedPointer<Model extends Challenger> {
  readonly #options: FollowedPointerOptions<Model>;
  /** Fingerprint of the last delivered model; empty when there is none. */
  #current = '';
  /** By fingerprint: why its bytes are not tried again. */
  readonly #refused = new Map<string, unknown>();
  /** Fingerprint and code of what was refused last, until another model is delivered or the refusal is withdrawn. */
  #standing: string | null = null;
  #isStopped = false;

  constructor(options: FollowedPointerOptions<Model>) {
    this.#options = options;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Looks once; resolves when what was found is loaded or refused. */
  async look(): Promise<void> {
    if (this.#isStopped) return;
    const { files, name, path, markOf, onRefused } = this.#options;
    let version = `(${name})`;
    let seen = fingerprint(files, [path]);
    let named: string | null = null;
    try {
      named = await this.#options.read();
      if (named === null) return this.#none();
      version = named;
      seen = markOf(version);
      if (seen === this.#current) return this.#withdraw();
      if (this.#refused.has(seen)) throw this.#refused.get(seen);
      await this.#load(version, seen);
    } catch (error) {
      if (!isUnread(error, seen)) this.#keepRefusal(seen, error);
      const refusal = `${seen} ${describeError(error).code}`;
      if (this.#standing === refusal) return;
      this.#standing = refusal;
      if (this.#current === '' && !waitsForJournal(error)) await this.#loadProved(named);
      onRefused(version, error);
    }
  }

  #keepRefusal(seen: string, error: unknown): void {
    this.#refused.delete(seen);
    this.#refused.set(seen, error);
    const [oldest] = this.#refused.keys();
    if (this.#refused.size > MAX_REFUSED && oldest !== undefined) this.#refused.delete(oldest);
  }

  async #load(version: string, seen: string, isProved = false): Promise<void> {
    const model = await this.#options.load(version);
    if (this.#isStopped) return await releaseChallenger(model);
    this.#current = seen;
    if (!isProved) this.#standing = null;
    this.#options.onReady(model, version, isProved);
  }

  /** The first model that loads. @param failed as for provedVersions */
  async #loadProved(failed: string | null): Promise<void> {
    const { proved, markOf, onRefused } = this.#options;
    for (const version of provedVersions(proved, failed)) {
      try {
        return await this.#load(version, markOf(version), true);
      } catch (error) {
        onRefused(version, error);
      }
    }
  }

  /** A pointer that names none names nothing bad; a last model that stays is one that no pointer has taken back. */
  #none(): void {
    const { onNone } = this.#options;
    if (onNone === null) return;
    this.#withdraw();
    if (this.#current === '') return;
    this.#current = '';
    onNone();
  }

  #withdraw(): void {
    if (this.#standing !== null) this.#options.onWithdrawn();
    this.#standing = null;
  }
}
