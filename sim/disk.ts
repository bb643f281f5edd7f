import type { FileEntry, FileStat, FileSystem, Rng } from '../shared/ports.ts';

/** What can be done to a file or folder, as a fault names it. */
export type Operation = 'read' | 'write' | 'sync' | 'rename' | 'makeFolder' | 'remove';

export interface DiskFault {
  readonly code: 'ENOSPC' | 'EIO' | 'EACCES' | 'EROFS';
  /** The operations on this path and all below it. */
  readonly under: string;
  readonly operations: readonly Operation[];
  /** So many of them go well first. */
  after: number;
  /** Then so many fail. */
  times: number;
}

export interface SimulatedDisk extends FileSystem {
  /** As `write`, but only a part of the data arrives: what a kill in the middle of it leaves. */
  tear(path: string, data: string | Uint8Array): void;
  /**
   * The machine loses its power: what was synced is kept. Of what was not, every file keeps its old or its new content or a part of the new one,
   * and of the changes of names in a folder some first ones have happened.
   */
  cutPower(): void;
  /** The content of a file, whatever faults there are; null when it is absent. */
  peek(path: string): Buffer | null;
  /** Makes all there is durable, as an installation long ago is. */
  settle(): void;
  fault(fault: DiskFault): void;
  /** Faults that can still strike. */
  readonly faults: readonly DiskFault[];
  clearFaults(): void;
  /** How long every operation takes. */
  slowness: { ms: number; under: string } | null;
  /** Operations that failed through a fault so far. */
  readonly failures: number;
  /** Told of every operation that a fault struck. */
  onFailure: ((operation: Operation, path: string, code: string) => void) | null;
}

export interface DiskOptions {
  readonly rng: Rng;
  wallMs(): number;
  spend(ms: number): void;
}

interface FileNode {
  readonly kind: 'file';
  readonly inode: number;
  content: Buffer;
  /** What a power cut leaves at least; null: the file was never synced. */
  durable: Buffer | null;
  modifiedMs: number;
}

interface NameChange {
  readonly removed: string | null;
  readonly added: string | null;
  readonly node: Node | null;
}

interface FolderNode {
  readonly kind: 'folder';
  readonly inode: number;
  entries: Map<string, Node>;
  durable: Map<string, Node>;
  /** Changes of names since the last sync, in order. */
  pending: NameChange[];
  modifiedMs: number;
}

type Node = FileNode | FolderNode;

/** An Error as Node's file functions throw it. */
function failure(code: string, operation: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${operation} '${path}' (simulated)`), { code });
}

/**
 * Files in memory with a page cache: content becomes durable by `sync` of the file, a name by `sync` of its folder, as POSIX promises and
 * no more. A process that is killed loses nothing of the cache.
 */
export function createDisk(options: DiskOptions): SimulatedDisk {
  const { rng } = options;
  let inodes = 0;
  let failures = 0;
  let faults: DiskFault[] = [];

  const newFolder = (): FolderNode => ({
    kind: 'folder',
    inode: ++inodes,
    entries: new Map(),
    durable: new Map(),
    pending: [],
    modifiedMs: options.wallMs(),
  });
  const root = newFolder();

  const partsByPath = new Map<string, readonly string[]>();

  function partsOf(path: string): readonly string[] {
    let parts = partsByPath.get(path);
    if (parts === undefined) {
      parts = path.split('/').filter((part) => part !== '');
      partsByPath.set(path, parts);
    }
    return parts;
  }

  /** Where paths led to since a name last changed. */
  const found = new Map<string, Node | null>();

  function find(path: string): Node | null {
    let node = found.get(path);
    if (node !== undefined) return node;
    node = walk(path);
    found.set(path, node);
    return node;
  }

  function walk(path: string): Node | null {
    let node: Node = root;
    for (const part of partsOf(path)) {
      if (node.kind !== 'folder') return null;
      const next = node.entries.get(part);
      if (next === undefined) return null;
      node = next;
    }
    return node;
  }

  function parentOf(path: string, operation: string): { folder: FolderNode; name: string } {
    const name = partsOf(path).at(-1);
    const folder = find(path.slice(0, path.lastIndexOf('/')));
    if (name === undefined) throw failure('EISDIR', operation, path);
    if (folder === null) throw failure('ENOENT', operation, path);
    if (folder.kind !== 'folder') throw failure('ENOTDIR', operation, path);
    return { folder, name };
  }

  function change(folder: FolderNode, removed: string | null, added: string | null, node: Node | null): void {
    folder.pending.push({ removed, added, node });
    folder.modifiedMs = options.wallMs();
    found.clear();
    applyChange(folder.entries, folder.pending.at(-1)!);
  }

  function isUnder(path: string, folder: string): boolean {
    return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
  }

  /** @returns the code of the fault that strikes this operation, or null */
  function strike(operation: Operation, path: string): string | null {
    if (disk.slowness !== null && isUnder(path, disk.slowness.under)) options.spend(disk.slowness.ms);
    for (const fault of faults) {
      if (!fault.operations.includes(operation) || !isUnder(path, fault.under)) continue;
      if (fault.after-- > 0) continue;
      if (--fault.times <= 0) faults = faults.filter((other) => other !== fault);
      failures++;
      disk.onFailure?.(operation, path, fault.code);
      return fault.code;
    }
    return null;
  }

  function check(operation: Operation, path: string): void {
    const code = strike(operation, path);
    if (code !== null) throw failure(code, operation, path);
  }

  /** Opens for writing, as O_CREAT | O_TRUNC does. */
  function open(path: string): FileNode {
    const { folder, name } = parentOf(path, 'open');
    let file = folder.entries.get(name);
    if (file?.kind === 'folder') throw failure('EISDIR', 'open', path);
    if (file === undefined) {
      file = { kind: 'file', inode: ++inodes, content: Buffer.alloc(0), durable: null, modifiedMs: 0 };
      change(folder, null, name, file);
    }
    file.modifiedMs = options.wallMs();
    return file;
  }

  const part = (bytes: Buffer): Buffer => bytes.subarray(0, rng.integer(bytes.length + 1));
  const bytesOf = (data: string | Uint8Array): Buffer =>
    typeof data === 'string' ? Buffer.from(data) : Buffer.from(data);

  function settle(node: Node): void {
    if (node.kind === 'file') {
      node.durable = node.content;
      return;
    }
    node.durable = new Map(node.entries);
    node.pending = [];
    for (const child of node.entries.values()) settle(child);
  }

  function cut(node: Node): void {
    if (node.kind === 'file') {
      if (node.durable !== node.content) {
        const outcome = rng.integer(3);
        const kept =
          outcome === 0 ? node.content : outcome === 1 ? part(node.content) : (node.durable ?? Buffer.alloc(0));
        node.content = kept;
      }
      node.durable = node.content;
      return;
    }
    const happened = rng.integer(node.pending.length + 1);
    for (const pending of node.pending.slice(0, happened)) applyChange(node.durable, pending);
    node.entries = new Map(node.durable);
    node.pending = [];
    for (const child of node.entries.values()) cut(child);
  }

  const disk: SimulatedDisk = {
    slowness: null,
    onFailure: null,
    get failures() {
      return failures;
    },
    get faults() {
      return faults;
    },
    fault(fault) {
      faults.push(fault);
    },
    clearFaults() {
      faults = [];
      disk.slowness = null;
    },
    read(path) {
      check('read', path);
      const node = find(path);
      if (node === null) throw failure('ENOENT', 'open', path);
      if (node.kind === 'folder') throw failure('EISDIR', 'read', path);
      return Buffer.from(node.content);
    },
    peek(path) {
      const node = find(path);
      return node?.kind === 'file' ? Buffer.from(node.content) : null;
    },
    write(path, data) {
      const bytes = bytesOf(data);
      const code = strike('write', path);
      if (code === null) {
        open(path).content = bytes;
        return;
      }
      // A full disk is noticed after the file was opened and emptied.
      if (code === 'ENOSPC' || code === 'EIO') open(path).content = part(bytes);
      throw failure(code, 'write', path);
    },
    tear(path, data) {
      open(path).content = part(bytesOf(data));
    },
    sync(path) {
      check('sync', path);
      const node = find(path);
      if (node === null) throw failure('ENOENT', 'open', path);
      if (node.kind === 'file') {
        node.durable = node.content;
      } else {
        node.durable = new Map(node.entries);
        node.pending = [];
      }
    },
    rename(from, to) {
      check('rename', from);
      const source = parentOf(from, 'rename');
      const target = parentOf(to, 'rename');
      const node = source.folder.entries.get(source.name);
      if (node === undefined) throw failure('ENOENT', 'rename', from);
      if (source.folder !== target.folder) throw failure('EXDEV', 'rename', from);
      const replaced = target.folder.entries.get(target.name);
      if (replaced?.kind === 'folder' && replaced.entries.size > 0) throw failure('ENOTEMPTY', 'rename', to);
      change(source.folder, source.name, target.name, node);
    },
    makeFolder(path) {
      check('makeFolder', path);
      let folder = root;
      for (const name of partsOf(path)) {
        let next = folder.entries.get(name);
        if (next === undefined) {
          next = newFolder();
          change(folder, null, name, next);
        }
        if (next.kind !== 'folder') throw failure('ENOTDIR', 'mkdir', path);
        folder = next;
      }
    },
    remove(path) {
      if (strike('remove', path) !== null || find(path) === null) return;
      const { folder, name } = parentOf(path, 'rm');
      change(folder, name, null, null);
    },
    list(path): readonly FileEntry[] {
      if (strike('read', path) !== null) return [];
      const node = find(path);
      if (node?.kind !== 'folder') return [];
      return [...node.entries].map(([name, { kind }]) => ({ name, isFolder: kind === 'folder' }));
    },
    stat(path): FileStat | null {
      const node = find(path);
      if (node === null) return null;
      const { inode, modifiedMs } = node;
      return { inode, modifiedMs, bytes: node.kind === 'file' ? node.content.length : 0 };
    },
    cutPower() {
      cut(root);
      found.clear();
    },
    settle: () => settle(root),
  };
  return disk;
}

function applyChange(names: Map<string, Node>, { removed, added, node }: NameChange): void {
  if (removed !== null) names.delete(removed);
  if (added !== null) names.set(added, node!);
}
