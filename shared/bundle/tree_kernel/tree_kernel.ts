import { MinutehandError } from '../../errors.ts';
import { compileKernel, PAGE_BYTES, wasm } from '../../webassembly.ts';
import { PASS_ROWS, type PackedTrees } from './pack.ts';

const KERNEL_FILE = 'dist/shared/bundle/tree_kernel/tree_kernel.wasm';
const WORDS_PER_MODEL = 5;

/** Ensembles in the memory of one WebAssembly instance, which scores them all in one call. */
export interface TreeKernel {
  /**
   * Scores the first `rows` rows of `features` (row by row, as wide as the ensembles) by every ensemble, or by `only`
   * one. Nothing is allocated: answer i of ensemble m is in `answers[m][i]`, [maxRows], until the next call.
   * @throws RangeError more rows than there is room for
   */
  score(features: Float32Array, rows: number, only?: number): void;
  readonly answers: readonly Float32Array[];
}

type Score = (
  models: number,
  modelCount: number,
  features: number,
  columns: number,
  lanes: number,
  rows: number,
) => void;

/**
 * Puts ensembles of the same width into memory of their own, and frees it when the kernel is no longer referenced.
 * @throws MinutehandError KERNEL_MISSING
 */
export function openTreeKernel(ensembles: readonly PackedTrees[], maxRows: number): TreeKernel {
  const columns = ensembles[0]?.columns ?? 0;
  if (ensembles.some((ensemble) => ensemble.columns !== columns)) throw new RangeError('ensembles of several widths');
  // Lanes come first: a vector that crosses no cache line is loaded faster.
  const lanesAt = 0;
  const featuresAt = lanesAt + columns * 2 * PASS_ROWS * 4;
  const modelsAt = featuresAt + maxRows * columns * 4;
  const answersAt = modelsAt + ensembles.length * WORDS_PER_MODEL * 4;
  const answersBytes = Math.ceil(maxRows / PASS_ROWS) * PASS_ROWS * 4;
  const trees = ensembles.map(({ bytes }) => bytes);
  let end = answersAt + ensembles.length * answersBytes;
  const treesAt = trees.map(({ length }) => {
    const at = Math.ceil(end / 64) * 64;
    end = at + length;
    return at;
  });

  const memory = new wasm.Memory({ initial: Math.ceil(end / PAGE_BYTES) });
  const { exports } = new wasm.Instance(kernelModule(), { env: { memory } });
  const run = exports['score'] as Score;
  const view = new DataView(memory.buffer);
  ensembles.forEach((ensemble, i) => {
    const start = treesAt[i]!;
    new Uint8Array(memory.buffer).set(ensemble.bytes, start);
    const at = modelsAt + i * WORDS_PER_MODEL * 4;
    view.setUint32(at, ensemble.words, true);
    view.setUint32(at + 4, start, true);
    view.setFloat32(at + 8, ensemble.base, true);
    view.setUint32(at + 12, flagsOf(ensemble), true);
    view.setUint32(at + 16, answersAt + i * answersBytes, true);
  });

  const input = new Float32Array(memory.buffer, featuresAt, maxRows * columns);
  const answers = ensembles.map((_, i) => new Float32Array(memory.buffer, answersAt + i * answersBytes, maxRows));
  return {
    answers,
    score(features, rows, only) {
      if (rows > maxRows) throw new RangeError(`${rows} rows in a kernel for ${maxRows}`);
      const length = rows * columns;
      // A view would be garbage on the bar's way; up to some hundred numbers the loop is faster as well.
      if (features.length === length) input.set(features);
      else for (let i = 0; i < length; i++) input[i] = features[i]!;
      if (only === undefined) run(modelsAt, ensembles.length, featuresAt, columns, lanesAt, rows);
      else run(modelsAt + only * WORDS_PER_MODEL * 4, 1, featuresAt, columns, lanesAt, rows);
    },
  };
}

/** As tree_kernel.as.ts reads them. */
function flagsOf({ link, sums }: PackedTrees): number {
  return (link === 'sigmoid' ? 1 : 0) + (sums === 'float64' ? 2 : 0);
}

let compiled: object | undefined;

/**
 * The compiled kernel, made once: all instances share its code, and what the engine has optimized stays so for the next
 * one.
 * @throws MinutehandError KERNEL_MISSING
 */
export function kernelModule(): object {
  compiled ??= compileKernel(KERNEL_FILE);
  return compiled;
}

/** Why trees cannot be scored by the kernel, and what to do; null where they can. */
export function kernelRefusal(): string | null {
  try {
    kernelModule();
    return null;
  } catch (error) {
    if (error instanceof MinutehandError) return `${error.message} ${error.next}`;
    throw error;
  }
}
