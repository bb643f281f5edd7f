import { ADOPTION_GATES, BUNDLE_GATES, MODEL_GATES, type Gate } from '../../trainer/gate/gates.ts';
import { DIRECTION_GATES } from '../../trainer/direction/direction_gates.ts';
import { table } from './table.ts';

/** docs/reference/GATES.md: the list of gates. */
export function renderGatesDoc(): string {
  return `# Gates

Generated from \`trainer/gate/gates.ts\` by \`npm run docs\`. Do not edit. \`train --adopt\` and every retraining activate a bundle only
when all gates pass; \`models promote\` checks none.

A limit in code font is a key of \`config/retrain_policy.yaml\`; any other limit is fixed. Leakage tests:
[MODELS.md](MODELS.md#leakage-tests).

## Of a training run

### Of the bundle

${gateTable(BUNDLE_GATES)}

### Of each model

The full name of a result begins with its model: \`ai1 samples\`, \`ai2 fold borders\`.

${gateTable(MODEL_GATES)}

## Before adoption

${gateTable(ADOPTION_GATES)}

## Of a direction model

From \`trainer/direction/direction_gates.ts\`, over the evaluated blocks. Up ÷ (up + down) is of the probabilities; chance
counts days, since labels overlap. The buy ratio, over all calls and by hour, and the variance of 24 hours are warnings.

${table(
  ['gate', 'vetoes', 'limit', 'if it fails'],
  DIRECTION_GATES.map(({ name, vetoes, limit, next }) => [`\`${name}\``, vetoes, limit, next]),
)}
`;
}

function gateTable(gates: readonly Gate<never>[]): string {
  const rows = new Map<string, string[]>();
  for (const { name, models, vetoes, threshold, next } of gates) {
    const limit = 'key' in threshold ? `\`${threshold.key}\`` : threshold.fixed;
    const full = models === null ? `\`${name}\`` : `${models.map((model) => `\`${model}\``).join(', ')} \`${name}\``;
    const same = rows.get(vetoes);
    if (same === undefined) rows.set(vetoes, [full, vetoes, limit, next]);
    else same[0] += `, ${full}`;
  }
  return table(['gate', 'vetoes', 'limit', 'if it fails'], [...rows.values()]);
}
