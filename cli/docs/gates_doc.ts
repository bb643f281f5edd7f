import { COMPARISON_GATES, BUNDLE_GATES, MODEL_GATES, rolesOf } from '../../trainer/learning/gates/registry.ts';
import type { Gate } from '../../trainer/learning/gates/gate.ts';
import { DIRECTION_GATES } from '../../trainer/learning/strategies/direction/gates/registry.ts';
import type { RuleGateCode } from '../../shared/bundle/gates/gate_codes.ts';
import { EDGE_LEVEL, MIN_TRADES } from '../../trainer/learning/backtest/edge.ts';
import { MAX_OVERFITTING, MAX_SPA_P, MIN_DEFLATED_SHARPE } from '../../trainer/learning/formula_rules/rule_checks.ts';
import { stepAfter } from '../../shared/bundle/gates/gate_steps.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GateRate } from '../../bench/gates/cases/gate_case.ts';
import type { GateRun, GateSimulation } from '../../bench/gates/gates.ts';
import type { DirectionRate } from '../../bench/gates/direction_rates.ts';
import type { GapWorld, LateWorld, LeadLagRate } from '../../bench/gates/lead_lag_rates.ts';
import type { EdgeRate } from '../../bench/gates/edge_rates.ts';
import type { Rates } from '../../bench/gates/rates.ts';
import { packageRoot } from '../../shared/root.ts';
import { table } from './table.ts';

/** What each gate of a rule refuses, and by which limit. */
const RULE_ROWS: readonly (readonly [RuleGateCode, string, string])[] = [
  ['rule_trades', 'Fewer trades before the holdout.', `${MIN_TRADES} trades`],
  ['rule_deflated_sharpe', 'A Sharpe ratio that the best of as many rules without skill reaches.', `at least ${MIN_DEFLATED_SHARPE}`],
  ['rule_overfitting', 'A search whose best rule on half of the blocks is below the median on the others.', `at most ${MAX_OVERFITTING}`],
  ['rule_spa', 'Days that the best of all rules without skill would have.', `p at most ${MAX_SPA_P}`],
  ['rule_walk_forward', 'Proposals of earlier searches that earn nothing afterwards.', `p below ${EDGE_LEVEL}`],
  ['rule_holdout', 'No edge on bars that nothing was chosen on.', 'p below the level of the look: 0.04 at the first'],
  ['rule_one_bar_later', 'A result that is gone with both fills, or with each auxiliary series, one bar later.', 'above 0 bps'],
];

/** docs/reference/GATES.md: the list of gates. */
export function renderGatesDoc(): string {
  return `# Gates

Generated from \`trainer/learning/gates/registry.ts\` by \`npm run docs\`. Do not edit. \`train --adopt\` and every retraining check them; every way
to use a bundle reads their verdicts ([admission](#admission)).

A limit in code font is a key of \`config/retrain_policy.yaml\`; any other limit is fixed. Leakage tests:
[MODELS.md](MODELS.md#leakage-tests).

## Of a training run

### Of the bundle

${gateTable(BUNDLE_GATES)}

### Of each model

A result has the code of its gate and the role that it is about; together they name it: \`ai1.samples\`, \`ai2.fold_borders\`.

${gateTable(MODEL_GATES)}

${errorRates()}

${singleGates()}

## Before adoption

${gateTable(COMPARISON_GATES)}

## Of a direction model

From \`trainer/learning/strategies/direction/gates/registry.ts\`, over the evaluated blocks. Up ÷ (up + down) is of the probabilities; chance
counts days, since labels overlap. The buy ratio, over all calls and by hour, and the variance of 24 hours are warnings.

${table(
  ['gate', 'vetoes', 'limit', 'if it fails'],
  DIRECTION_GATES.map(({ code, vetoes, limit }) => [`\`${code}\``, vetoes, limit, stepAfter(code, 'direction')]),
)}

## Of a rule

\`minutehand strategy judge\` and \`minutehand evolve\` check them ([STRATEGIES.md](../guides/STRATEGIES.md) has the tests); a rule that a person
wrote has no search to judge, and so neither \`rule_overfitting\` nor \`rule_walk_forward\`.

${table(
  ['gate', 'vetoes', 'limit', 'if it fails'],
  RULE_ROWS.map(([code, vetoes, limit]) => [`\`${code}\``, vetoes, limit, stepAfter(code, null)]),
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
|failed gates in its manifest, gates above (but those before adoption) without a verdict in it, a rejection in the registry, or a registry that cannot be read|\`MODEL_GATES\`, with each gate’s code, value and limit|\`--despite-gates --reason <text>\`; by API the role approver with \`{"despite_gates": true, "reason": "…"}\`|

An override is part of the pointer (\`active.json\`, \`direction/<timeframe>.json\`, \`rule/<instrument>.json\`, \`rollout.json\`) and of the audit. Until another bundle
replaces it, every page of the dashboard, \`minutehand status\` (a problem), \`despite_gates\` in the trainer’s \`/healthz\` and in
\`/api/status\`, and \`minutehand_models_despite_gates\` show it; so do failed and missing gates of a bundle that a pointer written by hand names: a daemon follows it (unless
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
    return [`\`${code}\``, roles.join(', '), vetoes, limit, stepAfter(code, null)];
  });
  return table(['gate', 'of', 'vetoes', 'limit', 'if it fails'], rows);
}

/** How often each gate is wrong, from the recorded simulation. */
function errorRates(): string {
  const file = join(packageRoot(), 'bench', 'results', 'gates.json');
  const { weeks, half_life_minutes: halfLife, chance, runs } = JSON.parse(readFileSync(file, 'utf8')) as GateSimulation;
  const edges = [...new Set(runs.map((run) => run.edge_bps))].filter((edge) => edge > 0).sort((a, b) => a - b);
  const of = (edge: number): GateRun[] => runs.filter((run) => run.edge_bps === edge);
  const shareOf = (own: readonly GateRun[], isMet: (run: GateRun) => boolean): string =>
    `${((100 * own.filter(isMet).length) / own.length).toFixed(0)} %`;
  const named = new Set([...Object.keys(chance?.accepted ?? {}), ...runs.flatMap(({ vetoes }) => vetoes)]);
  const byChance = (gate: string): string => {
    const accepted = chance?.accepted[gate];
    return accepted === undefined || chance === null ? '' : `${((100 * accepted) / chance.cases).toFixed(1)} %`;
  };
  const rows = [...named].sort().map((gate) => [
    `\`${gate}\``,
    byChance(gate),
    ...edges.map((edge) => shareOf(of(edge), ({ vetoes }) => !vetoes.includes(gate))),
  ]);
  const without = of(0);
  const falseEdges = shareOf(without, ({ has_edge }) => has_edge);
  const whole = (name: string, chanceOf: string, isMet: (run: GateRun) => boolean): string[] => [
    name,
    chanceOf,
    ...edges.map((edge) => shareOf(of(edge), isMet)),
  ];
  const missed = runs.filter((run) => run.edge_bps > 0 && !run.has_edge).map(({ trades }) => trades);
  const shuffles = runs.reduce((count, { shuffled }) => count + shuffled.length, 0);
  const beyond = runs.reduce((count, run) => count + run.shuffled.filter((share) => Math.abs(share ?? 0) > 1).length, 0);
  return `## Error rates

Simulated by \`npm run bench -- --parts gates\` (\`--share 0.05\`: thinned; figures: \`bench/results/gates.json\`): ${runs.length} trainings by the whole
pipeline, with fewer trees, of ${weeks} weeks of EURUSD_GBPUSD whose spread reverts with a half-life of ${halfLife.active} minutes in
active hours and ${halfLife.quiet} in quiet ones; ${new Set(runs.map(({ world }) => world)).size} worlds, up to ${new Set(runs.map(({ seed }) => seed)).size} seeds. The planted edge is what entering every candidate earns after costs.
Simulation error (95 %): at most ±${(100 * 1.96 * Math.sqrt(0.25 / of(edges[0]!).length)).toFixed(0)} points of a share, ±${chance === null ? '–' : (100 * 1.96 * Math.sqrt((0.02 * 0.98) / chance.cases)).toFixed(1)} of "by chance".

"By chance": the share of models that pass although labels, shuffled in blocks, know nothing of their answers. Tests are
at 2 %; \`ai1.auc\` is a limit and no test. Gates that are not named never vetoed. The ${missed.length} missing edges rest on ${Math.min(...missed)} to
${Math.max(...missed)} trades, where 20 are the least: wider spreads have fewer entries that θ1 and θ2 admit.

${table(
  ['gate passes', 'by chance', ...edges.map((edge) => `${edge} bps`)],
  [
    ...rows,
    whole('all gates of a training', shareOf(without, ({ vetoes }) => vetoes.length === 0), ({ vetoes }) => vetoes.length === 0),
    whole('the holdout shows the edge', falseEdges, ({ has_edge }) => has_edge),
    whole('both', shareOf(without, (run) => run.has_edge && run.vetoes.length === 0), (run) => run.has_edge && run.vetoes.length === 0),
  ],
)}

In the last three rows "by chance" is a spread without reversion (${without.length} trainings). Of ${shuffles} shuffles of labels, ${beyond} of
correct pipelines remained beyond the error after the second one.`;
}

/** Rates that need no training: of each gate on simulated evidence, of the search, and of drift. */
function singleGates(): string {
  const file = join(packageRoot(), 'bench', 'results', 'gate_rates.json');
  const { gates, search, drift, edge, direction, lead_lag } = JSON.parse(readFileSync(file, 'utf8')) as Rates;
  const percent = (count: number, of: number): string => `${((100 * count) / of).toFixed(1)} %`;
  const gains = [...new Set(search.map(({ gain }) => gain))];
  const plans = [...new Set(search.map(({ folds, trials }) => `${folds} folds, ${trials} trials`))];
  const refused = ({ refused: count, worlds }: GateRate): string => percent(count, worlds);
  return `### On simulated evidence

By the same command (figures: \`bench/results/gate_rates.json\`): worlds in which a gate should pass, where a refusal is a
false alarm, and worlds with the defect that it is for. \`samples\` counts rows, \`direction.f1\` compares with a limit: they are no tests.

${table(
  ['gate', 'world', 'worlds', 'false alarms', 'power'],
  gates.map((own) => [
    `\`${own.gate}\``,
    own.world,
    String(own.worlds),
    own.measures === 'false alarms' ? refused(own) : '',
    own.measures === 'power' ? refused(own) : '',
  ]),
)}

**Search.** Share of ${search[0]!.searches} searches that adopt a set, where one trial is better by so many standard
deviations between folds, before walk-forward is asked. With fewer than 3 folds none is ever adopted.

${table(
  ['search', ...gains.map((gain) => (gain === 0 ? 'no gain' : String(gain)))],
  plans.map((plan) => [
    plan,
    ...search
      .filter(({ folds, trials }) => `${folds} folds, ${trials} trials` === plan)
      .map(({ adopted, searches }) => percent(adopted, searches)),
  ]),
)}

**Drift.** ${drift[0]!.looks} looks at a simulated feature of 30 days against 180 days of training: population stability
index above chance, without drift, and where the mean has moved by one standard deviation. The level is 1 %. Not judged:
training expects too few independent rows in 30 days.

${table(
  ['feature', 'without drift', 'moved', 'not judged', `above \`drift_psi_max\` without drift`],
  drift
    .filter(({ shift }) => shift === 0)
    .map((own) => {
      const moved = drift.find(({ feature, shift }) => feature === own.feature && shift === 1)!;
      return [
        own.feature,
        percent(own.above_chance, own.looks),
        percent(moved.above_chance, moved.looks),
        percent(own.not_judged, own.looks),
        percent(own.above_limit, own.looks),
      ];
    }),
)}

${edgeRates(edge)}

${directionRates(direction)}

${leadLagRates(lead_lag)}`;
}

/** What the shapes of simulated trades are called. */
const SHAPES: Readonly<Record<EdgeRate['shape'], string>> = {
  normal: 'normal',
  heavy: 'Student’s t, 3 degrees of freedom',
  skewed: 'skewness −1',
  exponential: 'skewness −2',
  lognormal: 'log-normal losses',
  stops: 'four gains of 1 for a loss of 4',
  rare: 'nine gains of 1 for a loss of 9',
};

/** False edges and the power of the test of an edge. */
function edgeRates(edge: readonly EdgeRate[]): string {
  const percent = ({ found, worlds }: EdgeRate): string => `${((100 * found) / worlds).toFixed(1)} %`;
  const chance = edge.filter((own) => own.edge === 0);
  const planted = edge.filter((own) => own.edge > 0);
  const trades = [...new Set(chance.map((own) => own.trades))];
  const kinds = trades.flatMap((count) => [true, false].map((stops) => ({ count, stops })));
  const rows = [...new Set(chance.map(({ shape, memory }) => `${shape} ${memory}`))];
  const plans = [...new Set(planted.map((own) => `${own.trades} ${own.edge}`))];
  return `**Edge.** Share of ${chance[0]!.worlds} worlds of ten pairs without an edge in which any of them shows one; the level is
5 %. "Stop": the loss at the stop is known. The test: [MODELS.md](MODELS.md#edge).

${table(
  ['results of trades', ...kinds.map(({ count, stops }) => `${count} trades, ${stops ? 'stop' : 'none'}`)],
  rows.map((row) => {
    const own = chance.filter(({ shape, memory }) => `${shape} ${memory}` === row);
    const { shape, memory } = own[0]!;
    return [
      SHAPES[shape] + (memory === 0 ? '' : `, autocorrelation ${memory}`),
      ...kinds.map(({ count, stops }) => percent(own.find((one) => one.trades === count && one.stops === stops)!)),
    ];
  }),
)}

Share of worlds in which the edge of one of the ten pairs is found at a first look, 4 %; in standard deviations of
independent normal results, a stop being one of them.

${table(
  ['trades', 'edge', 'found, stop', 'found, none'],
  plans.map((plan) => {
    const own = planted.filter((one) => `${one.trades} ${one.edge}` === plan);
    const { trades: count, edge: size } = own[0]!;
    return [String(count), String(size), ...[true, false].map((stops) => percent(own.find((one) => one.stops === stops)!))];
  }),
)}`;
}

/** False edges and the power of the claims of a direction model. */
function directionRates(direction: readonly DirectionRate[]): string {
  const percent = ({ found, worlds }: DirectionRate): string => `${((100 * found) / worlds).toFixed(1)} %`;
  const chance = direction.filter((own) => own.edge === 0);
  const planted = direction.filter((own) => own.edge > 0);
  const kindOf = ({ answers, changing }: DirectionRate): string =>
    `${answers === 'own' ? 'of the model alone' : 'that follow the last day’s move'}${changing ? ', changing volatility' : ''}`;
  const sizeOf = ({ instruments, days }: DirectionRate): string =>
    `${instruments === 1 ? '1 instrument' : `${instruments} instruments`}, ${days} days`;
  const kinds = [...new Set(chance.map(kindOf))];
  const sizes = [...new Set(chance.map(sizeOf))];
  const edges = [...new Set(planted.map((own) => own.edge))];
  const cell = (own: DirectionRate): string => `${percent(own)} (${own.trades})`;
  return `**Edge of a direction model.** Share of ${chance[0]!.worlds} worlds without an edge in which the trades of any instrument, or of all
together, show one; the level is 5 %. Hourly prices that no model can foresee, 60 % of their variance in common, before
costs, so that the mean result is 0; in brackets trades of an instrument. A price with a trend is no such world: a model
that buys while it rises earns the trend, which \`direction.bias\` is for.

${table(
  ['answers', ...sizes],
  kinds.map((kind) => [
    kind,
    ...sizes.map((size) => cell(chance.find((own) => kindOf(own) === kind && sizeOf(own) === size)!)),
  ]),
)}

Share of worlds in which the edge of the first instrument is found at a first look, 4 %, by the mean result of its
trades, of which one has a standard deviation of about 200 bps; answers of the model alone, changing volatility.

${table(
  ['', ...edges.map((edge) => `${edge} bps`)],
  [...new Set(planted.map(sizeOf))].map((size) => [
    size,
    ...edges.map((edge) => percent(planted.find((own) => own.edge === edge && sizeOf(own) === size)!)),
  ]),
)}`;
}

const CLOSINGS: Readonly<Record<GapWorld['closing'], string>> = {
  one: 'one leg leaves the other and comes back',
  both: 'both leave, and both come back',
  follows: 'both leave, one alone comes back',
};
const QUOTES: Readonly<Record<GapWorld['quotes'], string>> = {
  exact: '',
  noisy: ', closes at bid or ask',
  asynchronous: ', every eighth close of a leg a minute old',
};

/** Pairs refused for a leg that comes late: honest ones, and copies. */
function leadLagRates(rates: readonly LeadLagRate[]): string {
  const honest = rates.filter((own) => own.measures === 'false alarms');
  const late = rates.filter((own) => own.measures === 'power');
  const percent = (own: readonly LeadLagRate[]): string => {
    const worlds = own.reduce((sum, one) => sum + one.worlds, 0);
    return `${((100 * own.reduce((sum, one) => sum + one.refused, 0)) / worlds).toFixed(0)} % of ${worlds}`;
  };
  const gapOf = ({ closing, quotes }: GapWorld): string => `${CLOSINGS[closing]}${QUOTES[quotes]}`;
  const copyOf = ({ share, noise }: LateWorld): string =>
    `${share === 1 ? 'all' : `${100 * share} %`} of its moves late, own moves of ${noise} × the variance`;
  const shocks = [...new Set(honest.map(({ shock }) => shock))];
  const halfLives = [...new Set(honest.map(({ halfLife }) => halfLife))];
  const minutes = [...new Set(late.map((own) => own.minutes))];
  return `**Legs that come late** (\`LEG_LAGS\` of import, scan and train). Share of pairs of four weeks of one-minute bars that are refused.
Honest pairs: a gap between the legs whose changes are so large, in standard deviations of the move that both make, and
that closes with a half-life of ${halfLives.join(', ')} minutes, all together. Simulation error: of 40 pairs without a refusal up to 7 %
may be refused (95 %), of 10 copies that all are refused at least 74 %.

${table(
  ['gap', ...shocks.map(String)],
  [...new Set(honest.map(gapOf))].map((gap) => [
    gap,
    ...shocks.map((shock) => percent(honest.filter((own) => gapOf(own) === gap && own.shock === shock))),
  ]),
)}

The last row is refused because prices cannot distinguish it from a late copy: one leg moves independently, the other
follows minutes later, and never the other way round. A copy whose delay varies shows the same cross-correlation, so
a test that accepted this pair would accept the copy too. Such a pair needs both legs from one source with the same
clock, or longer bars. Where both legs close the gap, each follows the other and takes back part of its own moves: the
test recognizes that.

Leg B as leg A of some minutes ago:

${table(
  ['copy', ...minutes.map((own) => `${own} min`)],
  [...new Set(late.map(copyOf))].map((copy) => [
    copy,
    ...minutes.map((own) => percent(late.filter((one) => copyOf(one) === copy && one.minutes === own))),
  ]),
)}`;
}
