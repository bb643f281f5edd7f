import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MinutehandError } from '../../../shared/errors.ts';
import { packageRoot } from '../../../shared/root.ts';

/** Memory that threads share. Plain data for `postMessage`. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

/** The part of WebAssembly that is used here: TypeScript knows it from its browser library alone, which would let in all the rest. */
interface Wasm {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (size: { initial: number; maximum: number; shared: true }) => SharedMemory;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;

const KERNEL_FILE = 'dist/trainer/learn/kernel/kernel.wasm';
const PAGE_BYTES = 65536;
/** What 32-bit addresses reach. */
const MOST_PAGES = 65536;

/** What kernel.as.ts exports. */
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

/**
 * The compiled kernel, made once per thread.
 * @throws MinutehandError KERNEL_MISSING when there is no such file or it is no WebAssembly
 */
export function kernelModule(): object {
  const path = join(packageRoot(), KERNEL_FILE);
  try {
    compiled ??= new wasm.Module(readFileSync(path));
  } catch (cause) {
    throw new MinutehandError('KERNEL_MISSING', {
      seen: `${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      next: 'Build it: `npm run build`.',
      cause,
    });
  }
  return compiled;
}

/**
 * Memory of so many bytes, all zero; pages count when they are touched.
 * @throws MinutehandError LEARNER_MEMORY
 */
export function reserveMemory(bytes: number): SharedMemory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  const seen = `${Math.ceil(bytes / 2 ** 20)} MB`;
  if (pages > MOST_PAGES) throw new MinutehandError('LEARNER_MEMORY', { seen, expected: 'at most 4096 MB' });
  try {
    return new wasm.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new MinutehandError('LEARNER_MEMORY', { seen: `${seen} were refused`, cause });
  }
}

/** The kernel on a memory. */
export function instantiate(module: object, memory: SharedMemory): KernelCode {
  return new wasm.Instance(module, { env: { memory } }).exports as KernelCode;
}
