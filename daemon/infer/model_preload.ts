import { join } from 'node:path';
import { readActive } from '../../shared/bundle/bundle.ts';
import type { PointerMarks } from '../../shared/bundle/pointer_marks.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import { release } from './model_slots.ts';
import { bundleMark } from './model_watch.ts';

export interface ModelPreloadOptions {
  readonly modelsFolder: string;
  /** High-water marks of `active.json`; without them, any is accepted. */
  readonly marks?: Pick<PointerMarks, 'check' | 'accepted'>;
  readonly pollMs: number;
  readonly files: FileSystem;
  readonly scheduler: Scheduler;
  /** Reads, verifies, loads and warms a bundle. @throws MinutehandError */
  load(folder: string): Promise<ModelSet>;
}

export interface ModelPreload {
  /** Looks now; resolves when the active bundle is loaded, or cannot be. */
  check(): Promise<void>;
  /**
   * The set of this folder, now owned by the caller; null when another one is held, or its files are not the same any
   * more.
   */
  take(folder: string): ModelSet | null;
  /** Lets go of what was not taken. */
  stop(): void;
}

/**
 * Keeps the active bundle loaded for a daemon that has not started yet, and follows `models/active.json` meanwhile. A
 * failed load is left to the daemon, which reports the reason; the same bytes are not tried again.
 */
export function preloadModels(options: ModelPreloadOptions): ModelPreload {
  const { modelsFolder, files, scheduler, load } = options;
  let held: { readonly folder: string; readonly mark: string; readonly set: ModelSet } | null = null;
  let tried = '';
  let isStopped = false;
  let checking: Promise<void> | null = null;

  const letGo = (): void => {
    if (held !== null) release(held.set);
    held = null;
  };

  async function look(): Promise<void> {
    try {
      const version = namedVersion(options);
      if (version === undefined) return;
      const folder = join(modelsFolder, version);
      const mark = bundleMark(folder, files);
      if (mark === tried) return;
      tried = mark;
      const set = await load(folder);
      if (isStopped) return await set.release();
      letGo();
      held = { folder, mark, set };
    } catch {
      // The daemon will meet it again, and has the words for it.
    }
  }

  const check = (): Promise<void> =>
    (checking ??= look().finally(() => {
      checking = null;
    }));
  const stopTimer = scheduler.every(options.pollMs, () => void check());
  return {
    check,
    take(folder) {
      if (held === null || held.folder !== folder || held.mark !== bundleMark(folder, files)) return null;
      const { set } = held;
      held = null;
      return set;
    },
    stop() {
      isStopped = true;
      stopTimer();
      letGo();
    },
  };
}

/** The version that a daemon would start with. @throws MinutehandError */
function namedVersion({ modelsFolder, files, marks }: ModelPreloadOptions): string | undefined {
  try {
    return readActive(modelsFolder, files, marks)?.version;
  } catch (error) {
    const [proved] = marks?.accepted() ?? [];
    if (proved === undefined) throw error;
    return proved.version;
  }
}
