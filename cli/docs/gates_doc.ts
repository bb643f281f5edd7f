import { ADOPTION_GATES, BUNDLE_GATES, MODEL_GATES, type Gate } from '../../trainer/gate/gates.ts';

/** docs/GATES.md: the list of gates. */
export function renderGatesDoc(): string {
  return `# Gates

Generated from \`trainer/gate/gates.ts\` by \`minutehand docs\`. Do not edit. \`train --adopt\`, and every retraining, makes a bundle active only
when all gates pass. \`models promote\` does not check them: that is your decision, and the card of the bundle shows their results.

A limit in code font is a key of \`config/retrain_policy.yaml\`; any other limit is fixed. What the leakage tests do:
[MODELS.md](MODELS.md#leakage-tests).

## Of a training run

### Of the bundle

${table(BUNDLE_GATES)}

### Of each model

The full name of a result begins with its model: \`ai1 samples\`, \`ai2 fold borders\`.

${table(MODEL_GATES)}

## Before adoption

${table(ADOPTION_GATES)}
`;
}

function table(gates: readonly Gate<never>[]): string {
  const rows = gates.map(({ name, models, vetoes, threshold, next }) => {
    const limit = 'key' in threshold ? `\`${threshold.key}\`` : threshold.fixed;
    const full = models === null ? `\`${name}\`` : `${models.map((model) => `\`${model}\``).join(', ')} \`${name}\``;
    return `| ${full} | ${vetoes} | ${limit} | ${next} |`;
  });
  return ['| gate | vetoes | limit | if it fails |', '|---|---|---|---|', ...rows].join('\n');
}
