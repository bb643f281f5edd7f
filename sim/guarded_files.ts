import type { FileSystem } from '../shared/ports.ts';
import type { SimulatedDisk } from './disk.ts';
import { diskPath } from './disk_path.ts';
import type { SimulatedProcess } from './process.ts';

/** File system port of one process; `onWrite` is called before a write, `onRename` after a rename. */
export function guardFiles(
  owner: SimulatedProcess,
  base: FileSystem,
  disk: SimulatedDisk,
  onWrite: (path: string, data: string | Uint8Array) => void = () => undefined,
  onRename: (to: string) => void = () => undefined,
): FileSystem {
  return {
    read: (path) => owner.call(() => base.read(path)),
    write(path, data) {
      onWrite(diskPath(path), data);
      owner.call(
        () => base.write(path, data),
        () => disk.tear(path, data),
      );
    },
    sync: (path) => owner.call(() => base.sync(path)),
    rename(from, to) {
      owner.call(() => base.rename(from, to));
      onRename(diskPath(to));
    },
    makeFolder: (path) => owner.call(() => base.makeFolder(path)),
    remove: (path) => owner.call(() => base.remove(path)),
    list: (path) => owner.call(() => base.list(path)),
    stat: (path) => owner.call(() => base.stat(path)),
  };
}
