import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MinutehandError } from './errors.ts';
import { packageRoot } from './root.ts';

/**
 * The part of WebAssembly that is used here: TypeScript declares it only in its browser library, which would declare
 * everything else too.
 */
interface Wasm {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (size: { initial: number }) => WasmMemory;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
}

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** By so many pages. */
  grow(pages: number): number;
}

export const wasm = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;

export const PAGE_BYTES = 65_536;

/**
 * @param file below the package's root
 * @throws MinutehandError KERNEL_MISSING when there is no such file or it is no WebAssembly
 */
export function compileKernel(file: string): object {
  const path = join(packageRoot(), file);
  try {
    return new wasm.Module(readFileSync(path));
  } catch (cause) {
    throw new MinutehandError('KERNEL_MISSING', {
      seen: `${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}
