import { COMPARISON_GATES, BUNDLE_GATES, MODEL_GATES, rolesOf } from '../../trainer/learning/gates/registry.ts';
import type { Gate } from '../../trainer/learning/gates/gate.ts';
import { DIRECTION_GATES } from '../../trainer/learning/strategies/direction/gates/registry.ts';
import { claimReason, gateKey, type GateIdentity, type RuleGateCode } from '../../shared/bundle/gates/gate_codes.ts';
import { EDGE_LEVEL, MIN_TRADES } from '../../trainer/learning/backtest/edge.ts';
import { MAX_OVERFITTING, MAX_SPA_P, MIN_DEFLATED_SHARPE } from '../../trainer/learning/formula_rules/rule_checks.ts';
import { stepAfter } from '../../shared/bundle/gates/gate_steps.ts';
import { table } from './table.ts';

/** What each gate of a rule refuses, and by which limit. */
const RULE_ROWS: readonly (readonly [RuleGateCode, string, string])[] = [
  ['rule_trades', 'Fewer trades before the holdout.', `${MIN_TRADES} trades`],
  ['rule_deflated_sharpe', 'A Sharpe ratio that the best of as many rules without skill reaches.', `at least ${MIN_DEFLATED_SHARPE}`],
  ['rule_overfitting', 'A search whose best rule on half of the blocks is below the median on the others.', `at most ${MAX_OVERFITTING}`],
  ['rule_spa', 'Days that the best of all rules without skill would have.', `p at most ${MAX_SPA_P}`],
  ['rule_walk_forward', 'Proposals of earlier searches that earn nothing afterwards.', `p below ${EDGE_LEVEL}`],
  ['rule_holdout', 'No edge on bars that nothing was chosen on.', 'p below the level of the evaluation of the holdout: 0.04 at the first'],
  ['rule_one_bar_later', 'A result that is gone with both fills, or with each auxiliary series, one bar later.', 'above 0 bps'],
];

/** docs/reference/GATES.md: the list of gates. */
export function renderGatesDoc(): string {
  return `# Gates

Generated from \`trainer/learning/gates/registry.ts\` by \`npm run docs\`. Do not edit. \`train --adopt\` and every retraining check them; every way
to use a bundle reads their verdicts ([admission](#admission)).

What a failed gate vetoes is **serving**: the bundle is not adopted, except by a person who says why; or **entries**: it
is adopted, its probabilities are published, and each signal that would enter holds with the reason in the table
([ADR 54](../adr/0054-claims-veto-entries.md)). \`claims_veto: serving\` in \`config/retrain_policy.yaml\` makes every gate veto serving.

A limit in code font is a key of \`config/retrain_policy.yaml\`; any other limit is fixed. How often each of them is wrong:
[error rates](GATE_RATES.md). Leakage tests: [MODELS.md](MODELS.md#leakage-tests).

## Of a training run

### Of the bundle

${gateTable(BUNDLE_GATES)}

### Of each model

A result has the code of its gate and the role that it is about; together they name it: \`ai1.samples\`, \`ai2.fold_borders\`.

${gateTable(MODEL_GATES)}

## Before adoption

${gateTable(COMPARISON_GATES)}

## Of a direction model

From \`trainer/learning/strategies/direction/gates/registry.ts\`, over the evaluated blocks. Up ÷ (up + down) is of the probabilities; chance
counts days, since labels overlap. The buy ratio, over all calls and by hour, and the variance of 24 hours are warnings.

${table(
  ['gate', 'refuses', 'limit', 'vetoes', 'if it fails'],
  DIRECTION_GATES.map(({ code, vetoes, limit }) => [
    `\`${code}\``,
    vetoes,
    limit,
    vetoOf({ code, role: 'direction' }),
    stepAfter(code, 'direction'),
  ]),
)}

## Of a rule

\`minutehand strategy judge\` and \`minutehand evolve\` check them ([STRATEGIES.md](../guides/STRATEGIES.md) has the tests); a rule that a person
wrote has no search to judge, and so neither \`rule_overfitting\` nor \`rule_walk_forward\`.

${table(
  ['gate', 'refuses', 'limit', 'vetoes', 'if it fails'],
  RULE_ROWS.map(([code, vetoes, limit]) => [
    `\`${code}\``,
    vetoes,
    limit,
    vetoOf({ code, role: null }),
    stepAfter(code, null),
  ]),
)}

## Admission

\`train --adopt\`, \`models promote\` (also of a folder), \`models rollback\`, \`models recover\`, \`rollout start\`, the promotion at the end of
a rollout, and the same by API and dashboard, for pairs, direction models and rules, call one function (\`admit\` in \`shared/bundle/admission/\`). It verifies
a bundle as a daemon does, and then refuses:

|what|code|override|
|---|---|---|
|a bundle of another market|\`MODEL_SIMULATED\`, \`MODEL_MARKET\`|none|
|of none of the configured timeframes; a rule of an instrument that is not configured|\`MODEL_TIMEFRAME\`|none|
|of another feature schema|\`MODEL_SCHEMA\`|none|
|a manifest other than the registered one, or than that of the installed bundle of this version|\`MODEL_EXISTS\`|none|
|failed gates in its manifest that veto serving, gates above (but those before adoption) without a verdict in it, a rejection in the registry, or a registry that cannot be read|\`MODEL_GATES\`, with each gate’s code, value and limit|\`--despite-gates --reason <text>\`; by API the role approver with \`{"despite_gates": true, "reason": "…"}\`|

An override is part of the pointer (\`active.json\`, \`direction/<timeframe>.json\`, \`rule/<instrument>.json\`, \`rollout.json\`) and of the audit. Until another bundle
replaces it, every page of the dashboard, \`minutehand status\` (a problem), \`despite_gates\` in the trainer’s \`/healthz\` and in
\`/api/status\`, and \`minutehand_models_despite_gates\` show it; so do failed and missing gates, and rejections in the registry, of a bundle that a pointer written by hand names: a daemon follows it (unless
it has accepted a signed pointer before), and \`minutehand status\`, \`doctor\`, \`check models\` and \`golive\` end with 1. With a person’s reason, \`doctor\` warns and
\`check models\` ends with 0.

A bundle of an earlier version lacks verdicts of gates that were added since: it is refused at a new activation with their names, and
the next step is to train again. One that is active already keeps serving, and the same places show which gates have no verdict.

What was active before may be rolled back to without an override; one that it had applies again. A shadow is never published: its gates
do not count, market, timeframe and schema do. A verdict that says passed although its own value misses its limit counts as
failed; so do one without the limit that its gate always has, and one on the skill that judged no edge where a pair claims one. All
others are as trustworthy as the manifest that has them: without a key, whoever can write the files of this machine
can write them ([the key that signs bundles](../guides/OPERATE.md#the-key-that-signs-bundles)). Daemons check market, timeframe and schema themselves
([ADR 24](../adr/0024-one-lock-for-models.md)).
`;
}

function gateTable(gates: readonly Gate<never>[]): string {
  const rows = gates.map((gate) => {
    const { code, vetoes, threshold } = gate;
    const limit = 'key' in threshold ? `\`${threshold.key}\`` : threshold.fixed;
    const roles = rolesOf(gate).map((role) => role ?? 'bundle');
    return [`\`${code}\``, roles.join(', '), vetoes, limit, vetoOf({ code, role: null }), stepAfter(code, null)];
  });
  return table(['gate', 'of', 'refuses', 'limit', 'vetoes', 'if it fails'], rows);
}

function vetoOf(gate: GateIdentity): string {
  const claim = claimReason(gateKey(gate));
  return claim === null ? 'serving' : `entries (\`${claim}\`)`;
}
