import { join } from 'node:path';
import { activePath, readActive, readShadow, shadowPath } from '../../shared/bundle/bundle.ts';
import { MODEL_FILES } from '../../shared/bundle/manifest.ts';
import { SIGNATURE_FILE } from '../../shared/bundle/signature.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import type { MarketKind } from '../../shared/signal/signal.ts';

/** `active.json` names the active models, `shadow.json` those that score along. */
export type ModelSlot = 'active' | 'shadow';

export interface ModelWatchOptions {
  readonly modelsFolder: string;
  readonly market: MarketKind;
  readonly pollMs: number;
  readonly files: FileSystem;
  readonly scheduler: Scheduler;
  /** Reads, verifies, loads and warms a bundle. @throws MinutehandError */
  load(folder: string): Promise<ModelSet>;
  /** A set that is verified and warm: activate it between two bars. The sink releases it. */
  onReady(set: ModelSet): void;
  /** The set that scores along from now on, which the sink releases; null = none any more. */
  onShadow(set: ModelSet | null): void;
  /** A bundle was refused: what is active, or scores along, goes on. Said once for the same bytes. */
  onRefused(version: string, error: unknown, slot: ModelSlot): void;
  /** After a refusal: the pointer names the active set again. */
  onWithdrawn(slot: ModelSlot): void;
}

export interface ModelWatch {
  /** Looks now; resolves when what was found is loaded or refused. */
  check(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Follows `models/active.json` and `models/shadow.json`, and never tries refused bytes again. Bytes that could not be read are not
 * refused for that: they are tried again, in silence.
 */
export function watchModels(options: ModelWatchOptions): ModelWatch {
  const { modelsFolder, files, scheduler } = options;
  let isStopped = false;
  const active = follow({
    slot: 'active',
    pointer: activePath(modelsFolder),
    read: () => readActive(modelsFolder, files)?.version ?? null,
    onReady: (set) => options.onReady(set),
    // Without a pointer, or with a bad one, what is active stays.
    onNone: () => undefined,
  });
  const shadow = follow({
    slot: 'shadow',
    pointer: shadowPath(modelsFolder),
    read: () => readShadow(modelsFolder, files),
    onReady: (set) => options.onShadow(set),
    onNone: () => options.onShadow(null),
  });

  interface Followed {
    readonly slot: ModelSlot;
    readonly pointer: string;
    read(): string | null;
    onReady(set: ModelSet): void;
    onNone(): void;
  }

  /** @returns a function that looks once */
  function follow({ slot, pointer, read, onReady, onNone }: Followed): () => Promise<void> {
    /** Fingerprint of the set that was handed over last; empty when there is none. */
    let current = '';
    const refused = new Set<string>();
    const said = new Set<string>();
    let refusalStands = false;

    const none = (): void => {
      if (slot === 'active' || current === '') return;
      current = '';
      onNone();
    };
    const withdraw = (): void => {
      if (refusalStands) options.onWithdrawn(slot);
      refusalStands = false;
    };
    return async function look(): Promise<void> {
      if (isStopped) return;
      let version = `(${slot}.json)`;
      let seen = fingerprint(files, [pointer]);
      try {
        const named = read();
        if (named === null) {
          none();
          // No pointer names nothing bad; the active set is one that no pointer has taken back.
          if (slot === 'shadow') withdraw();
          return;
        }
        version = named;
        const folder = join(modelsFolder, version);
        seen = bundleMark(folder, files);
        if (seen === current) return withdraw();
        if (refused.has(seen)) return;
        const set = await options.load(folder);
        await refuseSimulatedModels(set, options.market);
        if (isStopped) return await set.release();
        current = seen;
        refusalStands = false;
        onReady(set);
      } catch (error) {
        if (!isUnread(error, seen)) refused.add(seen);
        if (said.has(seen)) return;
        said.add(seen);
        refusalStands = true;
        options.onRefused(version, error, slot);
      }
    };
  }

  let checking: Promise<void> | null = null;
  const check = async (): Promise<void> => {
    checking ??= (async () => {
      await active();
      await shadow();
    })().finally(() => {
      checking = null;
    });
    return checking;
  };
  const stopTimer = scheduler.every(options.pollMs, () => void check());
  return {
    check,
    async stop() {
      isStopped = true;
      stopTimer();
      await checking;
    },
  };
}

async function refuseSimulatedModels(set: ModelSet, market: MarketKind): Promise<void> {
  if (market !== 'live' || set.manifest.market !== 'simulated') return;
  await set.release();
  throw new MinutehandError('MODEL_SIMULATED', { seen: set.version });
}

/** Says which bytes a bundle has: the same for the same files that nobody has touched. */
export function bundleMark(folder: string, files: FileSystem): string {
  return fingerprint(files, bundleFiles(folder, files));
}

const ABSENT = 'absent';

/** A file that is there, or a key, could not be read: the disk's fault, not the bundle's. */
function isUnread(error: unknown, seen: string): boolean {
  if (!(error instanceof MinutehandError)) return false;
  return error.code === 'KEY_UNUSABLE' || (error.code === 'MODEL_MISSING' && !seen.split('|').includes(ABSENT));
}

/** The signature counts where there is one: most bundles have none. */
function bundleFiles(folder: string, files: FileSystem): string[] {
  const signature = join(folder, SIGNATURE_FILE);
  return [
    ...['manifest.json', ...Object.values(MODEL_FILES)].map((name) => join(folder, name)),
    ...(files.stat(signature) === null ? [] : [signature]),
  ];
}

/** Which bytes files have, without reading them: a file that is put right again is another fingerprint. */
function fingerprint(files: FileSystem, paths: readonly string[]): string {
  const stats = paths.map((path) => {
    const stat = files.stat(path);
    return stat === null ? ABSENT : `${path}:${stat.inode}:${stat.bytes}:${stat.modifiedMs}`;
  });
  return [paths[0], ...stats].join('|');
}
