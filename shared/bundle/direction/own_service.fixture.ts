import type { DirectionModel } from './direction_model.ts';

/** What a direction model of a test has beside its answers, which it gives at once. */
export const OWN_SERVICE: Pick<DirectionModel, 'engine' | 'engineNote' | 'failedClaim' | 'release'> = {
  engine: 'wasm-simd',
  engineNote: 'of a test',
  failedClaim: null,
  release: () => Promise.resolve(),
};
