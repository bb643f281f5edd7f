import { closeSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { renameFile } from '../../../shared/durable_file.ts';

/*
 * A file of named typed arrays:
 *
 *   8 bytes   MAGIC
 *   uint32    CRC-32 of all that follows
 *   uint32    length of the head in bytes, a multiple of 8
 *   head      JSON: {"meta", "columns": [[name, type, elements] …]}, spaces at its end
 * columns one after the other, each filled up with zeros to a multiple of 8 bytes, numbers in the machine's byte order
 */

export type Column = Float64Array | Float32Array | Int32Array | Uint8Array;
export type NamedColumns = ReadonlyMap<string, Column>;

const MAGIC = 'mhcols\u00001';
const CHECKSUM_AT = 8;
const CHECKED_FROM = 12;
const PREFIX_BYTES = 16;
const ALIGNMENT = 8;
const TYPES = { f8: Float64Array, f4: Float32Array, i4: Int32Array, u1: Uint8Array } as const;
type TypeName = keyof typeof TYPES;
/** A system call writes at most 2 GB, and older kernels fail on many buffers at once. */
const BYTES_PER_WRITE = 64 * 1024 * 1024;

interface Head {
  readonly meta: unknown;
  readonly columns: readonly (readonly [string, TypeName, number])[];
}

/**
 * Writes the columns atomically (temporary file, rename). The file is not synced: after a power cut it may be torn,
 * which `readColumns` detects.
 * @throws Error of the file system, after removing the temporary file
 */
export function writeColumns(path: string, meta: unknown, columns: NamedColumns): void {
  const head = encodeHead({
    meta,
    columns: Array.from(columns, ([name, column]) => [name, typeOf(column), column.length]),
  });
  const parts: Uint8Array[] = [head];
  for (const column of columns.values()) {
    const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
    parts.push(bytes, new Uint8Array(aligned(bytes.length) - bytes.length));
  }
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC, 'latin1');
  prefix.writeUInt32LE(head.length, CHECKED_FROM);
  prefix.writeUInt32LE(checksumOf([prefix.subarray(CHECKED_FROM), ...parts]), CHECKSUM_AT);
  const temporary = temporaryPath(path);
  try {
    writeParts(temporary, [prefix, ...parts]);
    renameFile(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Reads a file of `writeColumns`; null when it is absent, torn, damaged or of another kind. */
export function readColumns(path: string): { readonly meta: unknown; readonly columns: NamedColumns } | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return null;
  }
  if (bytes.length < PREFIX_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return null;
  if (crc32(bytes.subarray(CHECKED_FROM)) !== bytes.readUInt32LE(CHECKSUM_AT)) return null;
  const headEnd = PREFIX_BYTES + bytes.readUInt32LE(CHECKED_FROM);
  const { meta, columns } = JSON.parse(bytes.toString('utf8', PREFIX_BYTES, headEnd)) as Head;
  // Small files come from a shared pool at any offset, but typed arrays need alignment.
  const whole = bytes.byteOffset % ALIGNMENT === 0 ? bytes : new Uint8Array(bytes);
  const found = new Map<string, Column>();
  let at = whole.byteOffset + headEnd;
  for (const [name, type, length] of columns) {
    const column = new TYPES[type](whole.buffer as ArrayBuffer, at, length);
    found.set(name, column);
    at += aligned(column.byteLength);
  }
  return { meta, columns: found };
}

/** Memory, by the name of a column, that one file after the other is read into. */
export type ColumnSpace = Map<string, ArrayBuffer>;

/** An open file of `writeColumns`, of which columns are read when they are needed. It may be deleted meanwhile. */
export interface ColumnFile {
  readonly meta: unknown;
  readonly names: ReadonlySet<string>;
  /** Elements. @throws RangeError without such a column */
  lengthOf(name: string): number;
  /**
   * A copy, in memory of its own, or in that of `space`, which grows where it is too small.
   * @throws RangeError without such a column; Error of the file system
   */
  read(name: string, space?: ColumnSpace): Column;
  close(): void;
}

/** Opens a file and reads it once to its end; null as `readColumns`. */
export function openColumns(path: string): ColumnFile | null {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return null;
  }
  const opened = headOf(file);
  if (opened === null) {
    closeSync(file);
    return null;
  }
  const { meta, places } = opened;
  const placeOf = (name: string): ColumnPlace => {
    const place = places.get(name);
    if (place === undefined) throw new RangeError(`no column ${name} among ${[...places.keys()].join(', ')}`);
    return place;
  };
  return {
    meta,
    names: new Set(places.keys()),
    lengthOf: (name) => placeOf(name).length,
    read(name, space) {
      const { type, length, at } = placeOf(name);
      const bytes = length * TYPES[type].BYTES_PER_ELEMENT;
      let memory = space?.get(name);
      if (memory === undefined || memory.byteLength < bytes) {
        memory = new ArrayBuffer(bytes);
        space?.set(name, memory);
      }
      readExactly(file, new Uint8Array(memory, 0, bytes), at);
      return new TYPES[type](memory, 0, length);
    },
    close: () => closeSync(file),
  };
}

interface ColumnPlace {
  readonly type: TypeName;
  readonly length: number;
  /** In the file, bytes. */
  readonly at: number;
}

/** The head of a file whose checksum is right; null for others. */
function headOf(file: number): { meta: unknown; places: Map<string, ColumnPlace> } | null {
  try {
    const prefix = Buffer.alloc(PREFIX_BYTES);
    readExactly(file, prefix, 0);
    if (prefix.toString('latin1', 0, MAGIC.length) !== MAGIC) return null;
    if (checksumOfFile(file) !== prefix.readUInt32LE(CHECKSUM_AT)) return null;
    const head = Buffer.alloc(prefix.readUInt32LE(CHECKED_FROM));
    readExactly(file, head, PREFIX_BYTES);
    const { meta, columns } = JSON.parse(head.toString('utf8')) as Head;
    const places = new Map<string, ColumnPlace>();
    let at = PREFIX_BYTES + head.length;
    for (const [name, type, length] of columns) {
      places.set(name, { type, length, at });
      at += aligned(length * TYPES[type].BYTES_PER_ELEMENT);
    }
    return { meta, places };
  } catch {
    return null;
  }
}

/** Bytes that are read at a time for a checksum. */
const BYTES_PER_CHECK = 1024 * 1024;

function checksumOfFile(file: number): number {
  const part = Buffer.allocUnsafe(BYTES_PER_CHECK);
  let sum = 0;
  for (let at = CHECKED_FROM; ;) {
    const bytes = readSync(file, part, 0, part.length, at);
    if (bytes === 0) return sum;
    sum = crc32(part.subarray(0, bytes), sum);
    at += bytes;
  }
}

/** @throws RangeError when the file ends before */
function readExactly(file: number, into: Uint8Array, at: number): void {
  for (let done = 0; done < into.length;) {
    const bytes = readSync(file, into, done, Math.min(BYTES_PER_WRITE, into.length - done), at + done);
    if (bytes === 0) throw new RangeError(`a file of columns ends at byte ${at + done}`);
    done += bytes;
  }
}

/** `.<name>.<process id>.tmp` */
const TEMPORARY = /^\.(.+)\.(\d+)\.tmp$/;

/** A process writes a file only once at a time, so its id makes the name unique. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
}

/** Id of the process that writes, or wrote, the temporary file of this name; null for other names. */
export function writerOf(name: string): number | null {
  const id = TEMPORARY.exec(name)?.[2];
  return id === undefined ? null : Number(id);
}

function encodeHead(head: Head): Uint8Array {
  const text = Buffer.from(JSON.stringify(head), 'utf8');
  const bytes = new Uint8Array(aligned(text.length)).fill(0x20);
  bytes.set(text);
  return bytes;
}

function typeOf(column: Column): TypeName {
  if (column instanceof Float64Array) return 'f8';
  if (column instanceof Float32Array) return 'f4';
  return column instanceof Int32Array ? 'i4' : 'u1';
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function checksumOf(parts: readonly Uint8Array[]): number {
  // For empty input, zlib's crc32 returns 0 instead of the previous sum.
  return parts.reduce((sum, part) => (part.length === 0 ? sum : crc32(part, sum)), 0);
}

function writeParts(path: string, parts: readonly Uint8Array[]): void {
  const file = openSync(path, 'w');
  try {
    for (const part of parts) {
      for (let at = 0; at < part.length;) {
        at += writeSync(file, part, at, Math.min(BYTES_PER_WRITE, part.length - at));
      }
    }
  } finally {
    closeSync(file);
  }
}
