import type { FileSystem, Rng } from '../shared/ports.ts';
import { diskPath } from './disk_path.ts';
import { failure, FileTree } from './file_tree.ts';

/** Kinds of operation that a fault can apply to. */
export type Operation = 'read' | 'write' | 'sync' | 'rename' | 'makeFolder' | 'remove';

export interface DiskFault {
  readonly code: 'ENOSPC' | 'EIO' | 'EACCES' | 'EROFS';
  /** Path prefix: the fault applies to this path and everything below it. */
  readonly under: string;
  readonly operations: readonly Operation[];
  /** Number of matching operations that succeed first. */
  after: number;
  /** Number of operations that then fail. */
  times: number;
}

export interface SimulatedDisk extends FileSystem {
  /** As `write`, but only part of the data arrives, as after a kill in mid-write. */
  tear(path: string, data: string | Uint8Array): void;
  /**
   * Power loss: synced data is kept. An unsynced file keeps its old content, its new content, or part of the new; of a
   * folder's unsynced renames, a random prefix has happened.
   */
  cutPower(): void;
  /** The content of a file, regardless of faults; null when it is absent. */
  peek(path: string): Buffer | null;
  /** Makes the current state durable. */
  settle(): void;
  fault(fault: DiskFault): void;
  /** Faults that are still pending. */
  readonly faults: readonly DiskFault[];
  clearFaults(): void;
  /** Duration of every operation. */
  slowness: { ms: number; under: string } | null;
  /** Operations that have failed through a fault. */
  readonly failures: number;
  /** Called for each operation that fails through a fault. */
  onFailure: ((operation: Operation, path: string, code: string) => void) | null;
}

export interface DiskOptions {
  readonly rng: Rng;
  wallMs(): number;
  spend(ms: number): void;
}

/** Injected faults, which fail operations before they reach the files. */
class Faults {
  readonly #spend: (ms: number) => void;
  pending: DiskFault[] = [];
  struck = 0;
  slowness: SimulatedDisk['slowness'] = null;
  onFailure: SimulatedDisk['onFailure'] = null;

  constructor(spend: (ms: number) => void) {
    this.#spend = spend;
  }

  clear(): void {
    this.pending = [];
    this.slowness = null;
  }

  /** @returns the error code of the fault that applies to this operation, or null */
  strike(operation: Operation, given: string): string | null {
    const path = diskPath(given);
    if (this.slowness !== null && isUnder(path, this.slowness.under)) this.#spend(this.slowness.ms);
    for (const fault of this.pending) {
      if (!fault.operations.includes(operation) || !isUnder(path, fault.under)) continue;
      if (fault.after-- > 0) continue;
      if (--fault.times <= 0) this.pending = this.pending.filter((other) => other !== fault);
      this.struck++;
      this.onFailure?.(operation, path, fault.code);
      return fault.code;
    }
    return null;
  }

  /** @throws Error with the code of the fault that applies */
  check(operation: Operation, path: string): void {
    const code = this.strike(operation, path);
    if (code !== null) throw failure(code, operation, path);
  }
}

/** A disk with faults. A killed process loses nothing from its page cache. */
export function createDisk(options: DiskOptions): SimulatedDisk {
  const tree = new FileTree(options.rng, () => options.wallMs());
  const faults = new Faults((ms) => options.spend(ms));
  return {
    get slowness() {
      return faults.slowness;
    },
    set slowness(slowness) {
      faults.slowness = slowness;
    },
    get onFailure() {
      return faults.onFailure;
    },
    set onFailure(listener) {
      faults.onFailure = listener;
    },
    get failures() {
      return faults.struck;
    },
    get faults() {
      return faults.pending;
    },
    fault: (fault) => void faults.pending.push(fault),
    clearFaults: () => faults.clear(),
    read(path) {
      faults.check('read', path);
      return tree.read(path);
    },
    peek: (path) => tree.peek(path),
    write(path, data) {
      const code = faults.strike('write', path);
      if (code === null) return tree.write(path, bytesOf(data));
      // A full disk is detected after the file was opened and truncated.
      if (code === 'ENOSPC' || code === 'EIO') tree.tear(path, bytesOf(data));
      throw failure(code, 'write', path);
    },
    tear: (path, data) => tree.tear(path, bytesOf(data)),
    sync(path) {
      faults.check('sync', path);
      tree.sync(path);
    },
    rename(from, to) {
      faults.check('rename', from);
      tree.rename(from, to);
    },
    makeFolder(path) {
      faults.check('makeFolder', path);
      tree.makeFolder(path);
    },
    remove(path) {
      if (faults.strike('remove', path) === null) tree.remove(path);
    },
    list: (path) => (faults.strike('read', path) === null ? tree.list(path) : []),
    stat: (path) => tree.stat(path),
    cutPower: () => tree.cutPower(),
    settle: () => tree.settle(),
  };
}

const bytesOf = (data: string | Uint8Array): Buffer =>
  typeof data === 'string' ? Buffer.from(data) : Buffer.from(data);

function isUnder(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
