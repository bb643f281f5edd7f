/** Compiles AssemblyScript to WebAssembly. What it gives is committed: a build needs no compiler. */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ROOT, SetupError } from './project.mjs';

const SOURCE_FOLDERS = ['shared', 'trainer'];
/**
 * AssemblyScript sources, which TypeScript's tools ignore. A folder's main file is a kernel; the others are parts of
 * it.
 */
const KERNEL_SOURCE = '.as.ts';
/** Compiled with shared memory, whose maximum must be declared; 4 GB is the limit of 32 bits. */
const SHARED_KERNEL = 'trainer/learning/learners/trees/kernel/kernel.as.ts';
const SHARED_MEMORY = ['--enable', 'threads', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'];
/** Memory is imported; there is no runtime, since the kernels allocate nothing. */
const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--enable', 'simd'];

/** @returns {string[]} paths of the kernels' sources from the root */
export function listKernels() {
  return SOURCE_FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name.replaceAll('\\', '/')}`,
    ),
  ).filter((path) => path.endsWith(KERNEL_SOURCE) && basename(path, KERNEL_SOURCE) === basename(dirname(path)));
}

/** The committed file of a kernel. @param {string} source of {@link listKernels} */
export const compiledName = (source) => `${source.slice(0, -KERNEL_SOURCE.length)}.wasm`;

/**
 * @param {string} source of {@link listKernels}
 * @returns {Promise<Uint8Array>} its WebAssembly: the same bytes on every machine
 * @throws {SetupError} what the compiler has said
 */
export async function compileKernel(source) {
  const { default: asc } = await import('assemblyscript/asc');
  /** @type {Uint8Array | undefined} */
  let compiled;
  const memory = source === SHARED_KERNEL ? SHARED_MEMORY : [];
  const args = [source, ...OPTIONS, ...memory, '--baseDir', ROOT, '--outFile', 'kernel.wasm'];
  const { error, stderr } = await asc.main(args, {
    writeFile: (_name, data) => void (compiled = /** @type {Uint8Array} */ (data)),
  });
  if (error !== null || compiled === undefined) throw new SetupError(`${stderr.toString()}\n${source} is not compiled`);
  return compiled;
}
