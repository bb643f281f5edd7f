import { MinutehandError } from '../../../../../shared/errors.ts';
import { createLoan } from '../../contract/loan.ts';
import { compileKernel, PAGE_BYTES } from '../../../../../shared/webassembly.ts';

/** Memory that threads share. Plain data for `postMessage`. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

interface GrowingMemory extends SharedMemory {
  /** Grows by this many pages. */
  grow(pages: number): number;
}

/**
 * The part of WebAssembly that is used here: TypeScript declares it only in its browser library, which would declare
 * everything else too.
 */
interface Wasm {
  readonly Memory: new (size: { initial: number; maximum: number; shared: true }) => GrowingMemory;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;

const KERNEL_FILE = 'dist/trainer/learning/learners/trees/kernel/kernel.wasm';
/** Limit of 32-bit addresses. */
const MAX_PAGES = 65536;

/** Exports of kernel.as.ts. */
export interface KernelCode {
  alone(kind: number, pieces: number): void;
  begin(kind: number, pieces: number): number;
  finish(): number;
  help(thread: number): void;
  partAlone(): number;
  collect(rows: number, count: number, to: number): void;
  resolveSplit(histogram: number, slot: number, node: number, position: number, start: number, rows: number): void;
}

let compiled: object | undefined;

/** The compiled kernel, made once per thread. @throws MinutehandError KERNEL_MISSING */
export function kernelModule(): object {
  compiled ??= compileKernel(KERNEL_FILE);
  return compiled;
}

/** Provides zeroed memory of this many bytes. */
export type Reserve = (bytes: number) => SharedMemory;

/**
 * Zeroed memory of this many bytes; pages use physical memory once touched.
 * @throws MinutehandError LEARNER_MEMORY
 */
export function reserveMemory(bytes: number): SharedMemory {
  const pages = pagesOf(bytes);
  return orRefused(bytes, () => new wasm.Memory({ initial: pages, maximum: pages, shared: true }));
}

/** This thread's reusable memory while unused. */
const ownMemory = createLoan<GrowingMemory>();

/**
 * Runs work in this thread's single reusable memory, cleared and grown as needed. Allocating memory for each of a
 * thousand small fits would exhaust it before garbage collection, which underestimates their size. Throws what the work
 * throws, and LEARNER_MEMORY from `reserve`.
 */
export function lendMemory<T>(work: (reserve: Reserve) => T): T {
  // Nested work gets a separate memory.
  let memory = ownMemory.take();
  try {
    return work((bytes) => {
      const pages = pagesOf(bytes);
      const lent = (memory ??= orRefused(
        bytes,
        () => new wasm.Memory({ initial: pages, maximum: MAX_PAGES, shared: true }),
      ));
      const missing = pages - lent.buffer.byteLength / PAGE_BYTES;
      if (missing > 0) orRefused(bytes, () => lent.grow(missing));
      new Uint8Array(lent.buffer, 0, bytes).fill(0);
      return lent;
    });
  } finally {
    ownMemory.giveBack(memory);
  }
}

function pagesOf(bytes: number): number {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  if (pages > MAX_PAGES)
    throw new MinutehandError('LEARNER_MEMORY', { seen: megabytes(bytes), expected: 'at most 4096 MB' });
  return pages;
}

function orRefused<T>(bytes: number, reserve: () => T): T {
  try {
    return reserve();
  } catch (cause) {
    throw new MinutehandError('LEARNER_MEMORY', { seen: `${megabytes(bytes)} were refused`, cause });
  }
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MB`;
}

/** The kernel on a memory. */
export function instantiate(module: object, memory: SharedMemory): KernelCode {
  return new wasm.Instance(module, { env: { memory } }).exports as KernelCode;
}
