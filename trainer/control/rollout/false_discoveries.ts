/**
 * Level of the next candidate so that the false-discovery rate over all candidates, in any number and dependence, stays
 * below `rate`: e-LOND, rate · γ_t · (1 + promotions so far) with γ_t = 1 / (t (t + 1)); a candidate is promoted when
 * its e-value reaches 1 / level. Xu & Ramdas, Online multiple testing with e-values (AISTATS 2024).
 * @param history of earlier candidates: promoted or not
 */
export function candidateLevel(rate: number, history: readonly boolean[]): number {
  const t = history.length + 1;
  const promoted = history.filter((wasPromoted) => wasPromoted).length;
  return (rate * (1 + promoted)) / (t * (t + 1));
}
