import { dirname } from 'node:path';
import type { FileEntry, FileStat, Rng } from '../shared/ports.ts';
import { diskPath } from './disk_path.ts';

interface FileNode {
  readonly kind: 'file';
  readonly inode: number;
  content: Buffer;
  /** Content that survives a power cut; null: never synced. */
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
  /** Renames and removals since the last sync, in order. */
  pending: NameChange[];
  modifiedMs: number;
}

type Node = FileNode | FolderNode;

/** An Error as Node's file functions throw it. */
export function failure(code: string, operation: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${operation} '${path}' (simulated)`), { code });
}

/**
 * Files in memory with a page cache. As in POSIX, content becomes durable by syncing the file, a name by syncing its
 * folder.
 */
export class FileTree {
  readonly #rng: Rng;
  readonly #wallMs: () => number;
  #inodes = 0;
  readonly #root: FolderNode;
  readonly #partsByPath = new Map<string, readonly string[]>();
  /** Cache of resolved paths, cleared when a name changes. */
  readonly #found = new Map<string, Node | null>();

  constructor(rng: Rng, wallMs: () => number) {
    this.#rng = rng;
    this.#wallMs = wallMs;
    this.#root = this.#newFolder();
  }

  /** @throws Error ENOENT, EISDIR */
  read(path: string): Buffer {
    const node = this.#existing(path);
    if (node.kind === 'folder') throw failure('EISDIR', 'read', path);
    return Buffer.from(node.content);
  }

  /** Content of a file; null when it is absent. */
  peek(path: string): Buffer | null {
    const node = this.#find(path);
    return node?.kind === 'file' ? Buffer.from(node.content) : null;
  }

  /** @throws Error as `#open` does */
  write(path: string, bytes: Buffer): void {
    this.#open(path).content = bytes;
  }

  /** As `write`, but only part of the bytes arrives. @throws Error as `#open` does */
  tear(path: string, bytes: Buffer): void {
    const file = this.#open(path);
    file.content = this.#part(bytes);
  }

  /** @throws Error ENOENT */
  sync(path: string): void {
    const node = this.#existing(path);
    if (node.kind === 'file') node.durable = node.content;
    else syncNames(node);
  }

  /** @throws Error ENOENT, EXDEV, ENOTEMPTY */
  rename(from: string, to: string): void {
    const source = this.#parentOf(from, 'rename');
    const target = this.#parentOf(to, 'rename');
    const node = source.folder.entries.get(source.name);
    if (node === undefined) throw failure('ENOENT', 'rename', from);
    if (source.folder !== target.folder) throw failure('EXDEV', 'rename', from);
    const replaced = target.folder.entries.get(target.name);
    if (replaced?.kind === 'folder' && replaced.entries.size > 0) throw failure('ENOTEMPTY', 'rename', to);
    this.#change(source.folder, source.name, target.name, node);
  }

  /** Creates the folder and its parents. @throws Error ENOTDIR */
  makeFolder(path: string): void {
    let folder = this.#root;
    for (const name of this.#partsOf(path)) {
      let next = folder.entries.get(name);
      if (next === undefined) {
        next = this.#newFolder();
        this.#change(folder, null, name, next);
      }
      if (next.kind !== 'folder') throw failure('ENOTDIR', 'mkdir', path);
      folder = next;
    }
  }

  remove(path: string): void {
    if (this.#find(path) === null) return;
    const { folder, name } = this.#parentOf(path, 'rm');
    this.#change(folder, name, null, null);
  }

  /** Empty when the path is not a folder. */
  list(path: string): readonly FileEntry[] {
    const node = this.#find(path);
    if (node?.kind !== 'folder') return [];
    return [...node.entries].map(([name, { kind }]) => ({ name, isFolder: kind === 'folder' }));
  }

  stat(path: string): FileStat | null {
    const node = this.#find(path);
    if (node === null) return null;
    const { inode, modifiedMs } = node;
    return { inode, modifiedMs, bytes: node.kind === 'file' ? node.content.length : 0 };
  }

  /**
   * Synced content is kept. An unsynced file keeps its old content, its new content, or part of the new; of a folder's
   * unsynced renames, a random prefix has happened.
   */
  cutPower(): void {
    this.#cut(this.#root);
    this.#found.clear();
  }

  /** Makes the current state durable. */
  settle(): void {
    settle(this.#root);
  }

  // ---- names ----

  #newFolder(): FolderNode {
    return {
      kind: 'folder',
      inode: ++this.#inodes,
      entries: new Map(),
      durable: new Map(),
      pending: [],
      modifiedMs: this.#wallMs(),
    };
  }

  #partsOf(path: string): readonly string[] {
    let parts = this.#partsByPath.get(path);
    if (parts === undefined) {
      parts = diskPath(path)
        .split('/')
        .filter((part) => part !== '');
      this.#partsByPath.set(path, parts);
    }
    return parts;
  }

  #find(path: string): Node | null {
    let node = this.#found.get(path);
    if (node !== undefined) return node;
    node = this.#walk(path);
    this.#found.set(path, node);
    return node;
  }

  #walk(path: string): Node | null {
    let node: Node = this.#root;
    for (const part of this.#partsOf(path)) {
      if (node.kind !== 'folder') return null;
      const next = node.entries.get(part);
      if (next === undefined) return null;
      node = next;
    }
    return node;
  }

  #existing(path: string): Node {
    const node = this.#find(path);
    if (node === null) throw failure('ENOENT', 'open', path);
    return node;
  }

  #parentOf(path: string, operation: string): { folder: FolderNode; name: string } {
    const name = this.#partsOf(path).at(-1);
    const folder = this.#find(dirname(path));
    if (name === undefined) throw failure('EISDIR', operation, path);
    if (folder === null) throw failure('ENOENT', operation, path);
    if (folder.kind !== 'folder') throw failure('ENOTDIR', operation, path);
    return { folder, name };
  }

  #change(folder: FolderNode, removed: string | null, added: string | null, node: Node | null): void {
    const change = { removed, added, node };
    folder.pending.push(change);
    folder.modifiedMs = this.#wallMs();
    this.#found.clear();
    applyChange(folder.entries, change);
  }

  // ---- contents ----

  /** Opens for writing, as O_CREAT | O_TRUNC does. @throws Error EISDIR, ENOENT, ENOTDIR */
  #open(path: string): FileNode {
    const { folder, name } = this.#parentOf(path, 'open');
    let file = folder.entries.get(name);
    if (file?.kind === 'folder') throw failure('EISDIR', 'open', path);
    if (file === undefined) {
      file = { kind: 'file', inode: ++this.#inodes, content: Buffer.alloc(0), durable: null, modifiedMs: 0 };
      this.#change(folder, null, name, file);
    }
    file.modifiedMs = this.#wallMs();
    return file;
  }

  #part(bytes: Buffer): Buffer {
    return bytes.subarray(0, this.#rng.integer(bytes.length + 1));
  }

  #cut(node: Node): void {
    if (node.kind === 'file') {
      if (node.durable !== node.content) node.content = this.#contentAfterCut(node);
      node.durable = node.content;
      return;
    }
    const happened = this.#rng.integer(node.pending.length + 1);
    for (const pending of node.pending.slice(0, happened)) applyChange(node.durable, pending);
    node.entries = new Map(node.durable);
    node.pending = [];
    for (const child of node.entries.values()) this.#cut(child);
  }

  #contentAfterCut({ content, durable }: FileNode): Buffer {
    const outcome = this.#rng.integer(3);
    if (outcome === 0) return content;
    return outcome === 1 ? this.#part(content) : (durable ?? Buffer.alloc(0));
  }
}

function settle(node: Node): void {
  if (node.kind === 'file') {
    node.durable = node.content;
    return;
  }
  syncNames(node);
  for (const child of node.entries.values()) settle(child);
}

function syncNames(folder: FolderNode): void {
  folder.durable = new Map(folder.entries);
  folder.pending = [];
}

function applyChange(names: Map<string, Node>, { removed, added, node }: NameChange): void {
  if (removed !== null) names.delete(removed);
  if (added !== null) names.set(added, node!);
}
