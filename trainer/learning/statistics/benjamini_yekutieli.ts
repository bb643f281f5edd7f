/**
 * Which of these null hypotheses are rejected so that the expected share of false ones among them is at most `level`,
 * however the tests depend on each other; with no true effect at all, the chance of any rejection is at most `level`
 * (Benjamini & Yekutieli 2001, Annals of Statistics 29, theorem 1.3).
 * @param p of each hypothesis
 * @param tested number of hypotheses, those without a p value included
 */
export function benjaminiYekutieli(p: readonly number[], level: number, tested = p.length): boolean[] {
  let harmonic = 0;
  for (let k = 1; k <= tested; k++) harmonic += 1 / k;
  const order = [...p.keys()].sort((a, b) => p[a]! - p[b]!);
  let rejections = 0;
  for (const [rank, index] of order.entries())
    if (p[index]! <= ((rank + 1) * level) / (tested * harmonic)) rejections = rank + 1;
  const rejected = p.map(() => false);
  for (const index of order.slice(0, rejections)) rejected[index] = true;
  return rejected;
}
