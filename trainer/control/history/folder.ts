import { open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeSynced, renameFileAsync } from '../../../shared/durable_file.ts';
import { MinutehandError, type ErrorCode } from '../../../shared/errors.ts';
import { makeFolderAsync } from '../../../shared/folder.ts';
import type { ArchivePlace } from './archive_place.ts';
import { pathInside } from '../../../shared/path_name.ts';

export interface FolderOptions {
  readonly id: string;
  /** Absolute path. */
  readonly root: string;
  /** Whether to create the root if it is absent. */
  readonly isMade: boolean;
}

/** An operation that takes longer counts as hung. */
const TIMEOUT_MS = 120_000;

/** An archive in a folder, possibly on a network drive. Never blocks the event loop. */
export function openFolder({ id, root, isMade }: FolderOptions): ArchivePlace {
  async function attempt<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const text = `no answer within ${TIMEOUT_MS / 1000} s`;
      timer = setTimeout(
        () => reject(new MinutehandError('ARCHIVE_UNREACHABLE', { seen: `${path}: ${text}` })),
        TIMEOUT_MS,
      );
    });
    try {
      return await Promise.race([work(), late]);
    } catch (cause) {
      if (cause instanceof MinutehandError) throw cause;
      const { code = '', message } = cause as NodeJS.ErrnoException;
      throw new MinutehandError(codeOf(code), { seen: `${path} (${code === '' ? message : code})`, cause });
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * The root must exist before an absent name counts as absent: the mount point of a NAS is empty while it is not
   * mounted.
   */
  async function checkRoot(): Promise<void> {
    if (isMade) await attempt(root, () => makeFolderAsync(root));
    else await attempt(root, () => stat(root));
  }

  /** Names such as `signals/live/2026/…`: no part of one leaves the folder. @throws MinutehandError NAME_UNSAFE */
  const pathOf = (name: string): string => name.split('/').reduce(pathInside, root);

  return {
    id,
    async read(name) {
      await checkRoot();
      const path = pathOf(name);
      return attempt(path, async () => {
        try {
          return await readFile(path);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
          throw error;
        }
      });
    },
    async write(name, bytes) {
      await checkRoot();
      const path = pathOf(name);
      await attempt(path, async () => {
        const made = await makeFolderAsync(dirname(path));
        const temporary = `${path}.tmp`;
        await writeSynced(temporary, bytes, 'w');
        await renameFileAsync(temporary, path);
        await syncFolder(dirname(path));
        // A new folder's entry is in its parent.
        if (made !== undefined)
          for (let at = dirname(path); at !== dirname(made);) await syncFolder((at = dirname(at)));
      });
    },
    close: () => undefined,
  };
}

async function syncFolder(path: string): Promise<void> {
  // Windows makes names durable by itself and has no fsync of folders.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Some network shares do not support fsync of folders, and make names durable by themselves.
    if (!['EINVAL', 'ENOTSUP', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await folder.close();
  }
}

function codeOf(code: string): ErrorCode {
  if (['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code)) return 'ARCHIVE_FULL';
  if (['EACCES', 'EPERM', 'EROFS'].includes(code)) return 'ARCHIVE_REFUSED';
  return 'ARCHIVE_UNREACHABLE';
}
