import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

interface KernelCompiler {
  compiledName(source: string): string;
  compileKernel(source: string): Promise<Uint8Array>;
  listKernels(): string[];
}

const path = join(packageRoot(), 'bin', 'kernel_compiler.mjs');
const { compiledName, compileKernel, listKernels } = (await import(pathToFileURL(path).href)) as KernelCompiler;

it.each(listKernels())('%s gives the WebAssembly that is committed: else `npm run kernels`', async (source) => {
  const committed = readFileSync(join(packageRoot(), compiledName(source)));
  expect(Buffer.from(await compileKernel(source)).equals(committed)).toBe(true);
});

it('three kernels are compiled', () => {
  expect(listKernels()).toHaveLength(3);
});
