/**
 * What scores a model, the fastest first; `own-graph`: trees in WASM and the arithmetic around them in our own code.
 */
export const SCORING_ENGINES = ['wasm-simd', 'own-graph', 'onnxruntime-node'] as const;
export type ScoringEngine = (typeof SCORING_ENGINES)[number];

/** Whether it answers at once and without a promise. */
export function isAtOnce(engine: ScoringEngine): boolean {
  return engine !== 'onnxruntime-node';
}

/** @param engines at least one */
export function slowestEngine(engines: readonly ScoringEngine[]): ScoringEngine {
  return engines.reduce((slowest, engine) =>
    SCORING_ENGINES.indexOf(engine) > SCORING_ENGINES.indexOf(slowest) ? engine : slowest,
  );
}
