import { ADOPTION_GATES, BUNDLE_GATES, MODEL_GATES, type Gate } from '../../trainer/gate/gates.ts';
import { DIRECTION_GATES } from '../../trainer/direction/direction_gates.ts';
import { table } from './table.ts';

/** docs/reference/GATES.md: the list of gates. */
export function renderGatesDoc(): string {
  return `# Gates

Generated from \`trainer/gate/gates.ts\` by \`npm run docs\`. Do not edit. \`train --adopt\` and every retraining check them; every way
to use a bundle reads their verdicts ([admission](#admission)).

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

## Admission

\`train --adopt\`, \`models promote\` (also of a folder), \`models rollback\`, \`models recover\`, \`rollout start\`, the promotion at the end of
a rollout, and the same by API and dashboard, for pairs and for direction models, call one function (\`trainer/admission/\`). It verifies
a bundle as a daemon does, and then refuses:

|what|code|override|
|---|---|---|
|a bundle of another market|\`MODEL_SIMULATED\`, \`MODEL_MARKET\`|none|
|of none of the configured timeframes|\`MODEL_TIMEFRAME\`|none|
|of another feature schema|\`MODEL_SCHEMA\`|none|
|failed gates in its manifest, a rejection in the registry, missing verdicts, or a registry that cannot be read|\`MODEL_GATES\`, with each gate’s code, value and limit|\`--despite-gates --reason <text>\`; by API the role approver with \`{"despite_gates": true, "reason": "…"}\`|

An override is part of the pointer (\`active.json\`, \`direction/<timeframe>.json\`, \`rollout.json\`) and of the audit. Until another bundle
replaces it, every page of the dashboard, \`minutehand status\` (a problem), \`despite_gates\` in the trainer’s \`/healthz\` and in
\`/api/status\`, and \`minutehand_models_despite_gates\` show it; so do failed gates of a bundle that a pointer written by hand names.

What was active before may be rolled back to without an override; one that it had applies again. A shadow is never published: its gates
do not count, market, timeframe and schema do. Daemons check market, timeframe and schema themselves
([ADR 24](../adr/0024-one-lock-for-models.md)).
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
