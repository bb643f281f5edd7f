/** `lightgbm 0.310, xgboost 0.690`; members of the same learner and weight are counted: `10 × gbdt 0.100`. */
export function memberText(members: readonly { readonly learner: string; readonly weight: number }[]): string {
  const counts = new Map<string, number>();
  for (const { learner, weight } of members) {
    const text = `${learner} ${weight.toFixed(3)}`;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].map(([text, count]) => (count === 1 ? text : `${count} × ${text}`)).join(', ');
}
