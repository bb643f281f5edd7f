import { MinutehandError } from '../../shared/errors.ts';
import { createRng } from '../../shared/rng.ts';

/** Rows that are scored where a bundle is timed. */
export const TEST_ROWS = 1000;

/** Rows that a timed bundle scores: the same for each of its folders. */
export function randomRows(seed: string, columns: number): Float32Array {
  const rng = createRng(seed);
  return Float32Array.from({ length: TEST_ROWS * columns }, () => rng.normal());
}

/** @throws MinutehandError MODEL_OUTPUT */
export function refuseOutside(folder: string, answers: Float64Array): void {
  if (answers.some((value) => !(value >= 0 && value <= 1)))
    throw new MinutehandError('MODEL_OUTPUT', { seen: `${folder}: an answer outside 0 to 1` });
}

/** @param beganMs as of performance.now() */
export function perSecond(rows: number, beganMs: number): number {
  return (rows * 1000) / (performance.now() - beganMs);
}
