import { EXPORTED_LINE } from '../../../shared/bundle/imported_model.ts';
import { lookName } from '../backtest/holdout_looks.ts';
import { hasPassed } from '../../../shared/bundle/recorded_gates.ts';
import {
  ownGroups,
  VALIDATION_FILE,
  type Manifest,
  type ModelMetrics,
  type ModelReport,
  type SearchReport,
} from '../../../shared/bundle/manifest.ts';
import { memberText } from './member_text.ts';
import { gateText } from '../../../shared/bundle/gates/gate_text.ts';
import { busiestHours, EXECUTABILITY_COLUMNS, executabilityCells } from '../backtest/executability.ts';
import { warningText } from '../../../shared/bundle/training_warning.ts';
import { MODEL_NAMES, type ModelName } from '../../../shared/core/features/feature.ts';

const ANSWERS: Readonly<Record<ModelName, string>> = {
  ai1: 'will the spread revert within the horizon before its stop?',
  ai2: 'is this a time of high risk?',
  ai3: 'how much of the full size?',
};

/**
 * Renders CARD.md of a bundle: purpose, origin and quality of its models, failures first. Uses only the manifest; a
 * dash marks a missing value.
 */
export function renderCard(manifest: Manifest): string {
  const { metrics } = manifest;
  const measured = (name: ModelName, of: ModelMetrics | undefined, aucs: string[] = []): string[] =>
    of === undefined ? [] : [tableRow([title(name), ...figures(of), ...aucs])];
  const split = (part: 'cross_validation' | 'walk_forward'): string[] =>
    MODEL_NAMES.flatMap((name) => {
      const found = metrics[name][part];
      return measured(name, found?.mean, [rangeOfAuc(found?.folds ?? [])]);
    });
  const walkForward = split('walk_forward');
  return [
    ...opening(manifest),
    '## Models',
    '',
    ...table(
      ['model', 'answers', 'rows learned from', 'worth independent rows', 'trees', 'calibration'],
      MODEL_NAMES.map((name) => learning(name, metrics[name])),
    ),
    '## Measured on the holdout',
    '',
    ...table(MEASURES, [
      ...MODEL_NAMES.flatMap((name) => measured(name, metrics[name].holdout)),
      ...holdoutOfGroups(manifest),
    ]),
    'A model whose Brier score is not below that of the baseline (the mean label) has learned nothing that lasts.',
    '',
    '## Purged cross-validation inside the training period, mean of the folds',
    '',
    ...table([...MEASURES, 'AUC of the folds'], split('cross_validation')),
    ...(walkForward.length === 0
      ? []
      : [
          '## Walk-forward inside the training period, mean of the blocks',
          '',
          'Each block is answered by models of what came before it, which are not calibrated.',
          '',
          ...table([...MEASURES, 'AUC of the blocks'], walkForward),
        ]),
    ...skillOfReturns(manifest),
    ...resultModel(manifest),
    ...riskParts(manifest),
    ...groupTable(manifest),
    ...search(manifest),
    ...edge(manifest),
    ...executabilityTable(manifest),
    ...gates(manifest),
    ...parameters(manifest),
  ].join('\n');
}

function opening(manifest: Manifest): string[] {
  const {
    version,
    created,
    market,
    engine,
    seed,
    feature_schema,
    git_commit,
    period,
    gates = [],
    warm_start_from,
    imported = {},
  } = manifest;
  const simulated = market === 'simulated';
  const failed = gates.filter((gate) => !hasPassed(gate)).map((gate) => gateText(gate).name);
  return [
    `# Models ${version}${market === 'live' ? '' : `: ${market.toUpperCase()} MARKET`}`,
    '',
    ...(simulated
      ? [
          '**Trained on a simulated market.** Their results there do not apply to a real one. A live daemon refuses them.',
          '',
        ]
      : []),
    ...(market === 'replay' ? ['**Trained for a replay of history.** A live daemon refuses them.', ''] : []),
    ...(manifest.warnings ?? []).flatMap((warning) => [`**${warningText(warning)}**`, '']),
    ...(failed.length > 0 ? [`**Failed tests: ${failed.join(', ')}.** See below.`, ''] : []),
    `Trained ${created} with ${engine.name}, seed ${seed}, features ${feature_schema}, code ${git_commit ?? 'unknown'}.`,
    ...(warm_start_from === undefined
      ? []
      : [
          `It is warm-started from ${warm_start_from.version}, learned in full from bars before ${warm_start_from.learned_until}: warm start ${warm_start_from.times} since then${warm_start_from.update === 'calibration' ? ', of its calibration alone: its trees are those of the full training' : ''}.`,
        ]),
    ...memberLine(manifest),
    ...MODEL_NAMES.flatMap((role) => broughtLine(role, imported[role])),
    `Bars from ${period.from} to ${period.to}; nothing from ${period.holdout_from} on was used for any choice.`,
    `Everything that was measured, by fold, hour, pair, regime and scenario, with the importance of the features: ${VALIDATION_FILE}.`,
    '',
  ];
}

/** What the ensembles consist of. */
function memberLine({ metrics }: Manifest): string[] {
  const own = MODEL_NAMES.flatMap((role) => {
    const { members } = metrics[role];
    return members === undefined ? [] : [`${title(role)} ${memberText(members)}`];
  });
  return own.length === 0 ? [] : [`Members and their weights: ${own.join('; ')}.`];
}

function broughtLine(role: ModelName, imported: NonNullable<Manifest['imported']>[ModelName]): string[] {
  if (imported === undefined) return [];
  const { producer, sha256, learned_until, preprocess, exported_holdout } = imported;
  const prepared = preprocess === null ? '' : `, columns prepared by ${preprocess.slice(0, 12)}`;
  return [
    `${title(role)} was not trained here: it is an ONNX model of ${producer ?? 'an unnamed program'} (SHA-256 ${sha256.slice(0, 12)}${prepared}), learned, as its owner says, from labels known before ${learned_until}, and calibrated on later rows. That it learned from nothing else cannot be tested here.`,
    ...(exported_holdout ? [EXPORTED_LINE] : []),
  ];
}

const MEASURES = [
  'model',
  'rows',
  'label mean',
  'AUC',
  'Brier',
  'Baseline Brier',
  'log loss',
  'calibration error',
] as const;

function figures({ rows, label_mean, auc, brier, brier_baseline, log_loss, ece }: ModelMetrics): string[] {
  return [
    String(rows),
    digits(label_mean, 3),
    ...[auc, brier, brier_baseline, log_loss, ece].map((value) => digits(value, 4)),
  ];
}

/** Each group's own models on its pairs, and the pooled ones beside them on the others. */
function holdoutOfGroups(manifest: Manifest): string[] {
  const row = (name: ModelName, pairs: string, of: ModelMetrics | undefined): string[] =>
    of === undefined ? [] : [tableRow([`${title(name)}, ${pairs}`, ...figures(of)])];
  return MODEL_NAMES.flatMap((name) => [
    ...row(name, 'pairs that it serves', manifest.metrics[name].holdout_served),
    ...ownGroups(manifest).flatMap((group) => row(name, `group ${group.name}`, group.own.metrics[name]?.holdout)),
  ]);
}

function resultModel({ metrics: { net } }: Manifest): string[] {
  if (net === undefined) return [];
  return [
    '## Model of the result, walk-forward inside the training period',
    '',
    `It supplies expected_net_bps: result before costs in standard deviations of the spread, ${net.rows} rows worth ${digits(net.effective_rows, 0)} independent ones, ${net.trees} trees, ${digits(100 * net.clipped, 1)} % of the results clipped. Entries where it expects more than the costs; net bps per trade with a 90 % interval (test of the mean of trading days).`,
    '',
    ...table(
      ['costs', 'no_entry_windows', 'trades', 'gross', 'net', '5 %', '95 %', 'verdict'],
      net.walk_forward.map((row) =>
        tableRow([
          row.costs,
          row.windows ? 'as configured' : 'none',
          String(row.trades),
          ...[row.gross_bps, row.net_bps, row.lower_5_net_bps, row.upper_95_net_bps].map((value) => digits(value, 2)),
          row.no_edge ? 'NO_EDGE' : 'edge',
        ]),
      ),
    ),
  ];
}

function rangeOfAuc(folds: readonly ModelMetrics[]): string {
  const aucs = folds.map(({ auc }) => auc).filter((auc) => auc !== null);
  return aucs.length === 0 ? '–' : `${Math.min(...aucs).toFixed(4)} to ${Math.max(...aucs).toFixed(4)}`;
}

function learning(name: ModelName, { rows, effective_rows, trees, calibration }: ModelReport): string {
  return tableRow([
    title(name),
    ANSWERS[name],
    digits(rows ?? null, 0),
    digits(effective_rows ?? null, 0),
    digits(trees ?? null, 0),
    calibration === undefined || calibration === null
      ? 'none: it did not help out of fold'
      : `logit × ${calibration.slope.toFixed(3)} ${calibration.intercept < 0 ? '−' : '+'} ${Math.abs(calibration.intercept).toFixed(3)}`,
  ]);
}

/** AI2's label is 1 where any of its parts is. */
function riskParts({ metrics }: Manifest): string[] {
  const rows = Object.entries(metrics.ai2_parts).map(([part, share]) =>
    tableRow([part, digits(share, 3), digits(metrics.ai2_parts_auc?.[part] ?? null, 4)]),
  );
  return [
    '## The parts of AI2’s label, each alone',
    '',
    ...table(['part', 'share of the training rows', 'AUC of AI2’s answer for it, holdout'], rows),
  ];
}

/** AUC of AI1 beside that of placebo markets. */
function skillOfReturns(manifest: Manifest): string[] {
  const { skill, outside_columns: outside = [] } = manifest;
  if (skill === undefined) return [];
  const rows = [
    ['all pairs', skill] as const,
    ...ownGroups(manifest).flatMap(({ name, own }) => (own.skill === undefined ? [] : [[name, own.skill] as const])),
  ].map(([of, own]) =>
    tableRow([
      of,
      ...[own?.auc, own?.placebo_auc, own?.skill, own?.standard_error, own?.lower_95].map((value) =>
        digits(value ?? null, 4),
      ),
      String(own?.days ?? '–'),
    ]),
  );
  return [
    '## Skill of AI1 on the holdout: AUC minus placebo',
    '',
    'In a placebo market coins mirror the bars: volatility and the distances to the barriers stay, direction goes. What the same model reaches there is geometry. A bundle that claims an edge needs a lower bound above 0.',
    '',
    ...table(['of', 'AUC', 'placebo AUC', 'skill', 'standard error', 'at least, at 95 %', 'trading days'], rows),
    ...(outside.length === 0
      ? []
      : [`Columns of a feature table that the daemon does not compute to the same values: ${outside.join(', ')}.`, '']),
  ];
}

/** The error rate of the edge test. */
function lookText({ holdout_look: counted }: Manifest): string {
  if (counted === undefined) return '';
  const { look, level } = counted;
  return `This is ${lookName(look)}: a single false edge among all pairs has a probability of at most ${digits(100 * level, 2)} %, and of at most 5 % over all evaluations. `;
}

/** What was tried on the bars before the holdout. */
function trialsText({ trials }: Manifest): string {
  if (trials === undefined) return '';
  return `Configurations ever tried here on the bars before it: ${trials.total}, ${trials.own} of them by this training (trainings by hand, searches, leagues and automl count alike). `;
}

function edge(manifest: Manifest): string[] {
  const { edge, metrics, theta1, theta2 } = manifest;
  const withEdge = Object.values(edge).filter(({ no_edge }) => !no_edge).length;
  return [
    `## Edge after costs on the holdout: ${withEdge} of ${Object.keys(edge).length} pairs`,
    '',
    `Thresholds: return_prob > ${theta1}, risk_score < ${theta2}. ${lookText(manifest)}${trialsText(manifest)}A pair without a proven edge is published with HOLD NO_EDGE. At the break-even cost of a round trip the trades earn nothing.`,
    '',
    ...table(
      [
        'pair',
        'AUC of AI1',
        'trades',
        'gross bps',
        'net bps',
        'lower bound',
        'p, adjusted',
        'cost bps',
        'break-even cost bps',
        'verdict',
      ],
      Object.entries(edge).map(([pair, own]) =>
        tableRow([
          pair,
          digits(metrics.ai1.holdout_by_pair[pair]?.auc ?? null, 4),
          String(own.trades),
          ...[own.mean_gross_bps, own.mean_net_bps, own.lower_5_net_bps].map((bps) => digits(bps, 2)),
          digits(own.adjusted_p ?? null, 4),
          ...[own.mean_cost_bps, own.break_even_cost_bps].map((bps) => digits(bps ?? null, 2)),
          own.no_edge ? 'NO_EDGE' : 'edge',
        ]),
      ),
    ),
  ];
}

/** Table of the executability of the trades of the holdout. */
function executabilityTable({ executability }: Manifest): string[] {
  if (executability === undefined) return [];
  const { all_pairs, edge_pairs } = executability;
  return [
    '## Executability on the holdout, net bps per trade',
    '',
    ...table(
      ['view', ...EXECUTABILITY_COLUMNS],
      [['all pairs', all_pairs] as const, ['pairs with an edge', edge_pairs] as const].map(([name, figures]) =>
        tableRow([name, ...executabilityCells(figures)]),
      ),
    ),
    '',
    `Busiest hours of all pairs, New York: ${all_pairs.trades === 0 ? 'none' : busiestHours(all_pairs)}.`,
    '',
  ];
}

function searchVerdict({ adopted, forward_gain = null }: SearchReport): string {
  if (adopted) return 'Better in walk-forward as well: these models were learned by the best trial.';
  if (forward_gain === null) return 'That is no clear gain: the configured parameters were kept.';
  return `In walk-forward it was worse by ${(-forward_gain).toFixed(5)}: the configured parameters were kept.`;
}

/** Search results, and their probability by chance. */
function search({ search: found, theta1, theta2 }: Manifest): string[] {
  const { thresholds = null } = found ?? {};
  const lines: string[] = [];
  for (const name of MODEL_NAMES) {
    const report = found?.[name] ?? null;
    if (report === null) continue;
    const { trials, pruned, failed, configured_log_loss, best_log_loss, gain, gain_standard_error } = report;
    const { gain_required_errors: required } = report;
    lines.push(
      `${title(name)}: ${trials} trials, ${pruned} of them pruned, ${failed} failed. Log loss over purged folds ${best_log_loss.toFixed(5)} at best, ${configured_log_loss.toFixed(5)} with the configured parameters: ` +
        `better by ${gain.toFixed(5)} ± ${gain_standard_error.toFixed(5)}${required === undefined ? '' : ` (${required.toFixed(1)} times that is beyond chance)`}. ${searchVerdict(report)}`,
      '',
    );
  }
  if (thresholds !== null) {
    const { tried, allowed, chosen, net_sharpe, trades, pass_rate } = thresholds;
    const { expected_max_sharpe, probabilistic_sharpe, deflated_sharpe } = thresholds;
    lines.push(
      `Thresholds: ${tried} pairs tried on out-of-fold answers, ${allowed} allowed. ${chosen ? 'Chosen' : 'None chosen, so the initial ones apply'}: θ1 ${theta1}, θ2 ${theta2}, ` +
        `which let ${digits(pass_rate * 100, 1)} % of the candidates pass AI2 and make ${trades} trades.`,
      '',
      ...table(
        [
          'net Sharpe ratio there',
          'expected maximum of all trials',
          'probability it is above 0',
          'above the expected maximum (deflated)',
        ],
        [
          tableRow(
            [net_sharpe, expected_max_sharpe, probabilistic_sharpe, deflated_sharpe].map((value) => digits(value, 2)),
          ),
        ],
      ),
    );
  }
  return lines.length === 0 ? [] : ['## Search, inside the training period', '', ...lines];
}

/** Own models of groups against the pooled ones. */
function groupTable({ groups = [] }: Manifest): string[] {
  if (groups.length === 0) return [];
  const rows = groups.flatMap(({ name, pairs, comparison }) =>
    MODEL_NAMES.flatMap((model) => {
      const found = comparison?.[model];
      if (found === undefined) return [];
      const losses = [found.pooled_log_loss, found.own_log_loss, found.gain, found.standard_error];
      const figures = [...losses.map((value) => digits(value, 5)), digits(found.required, 2)];
      const row = [name, String(pairs.length), title(model), String(found.rows), String(found.days), ...figures];
      return [tableRow([...row, found.chosen ? 'own' : 'pooled'])];
    }),
  );
  return [
    '## Groups of pairs, out of fold inside the training period',
    '',
    'A model of the group’s rows alone is chosen where its log loss is lower by more standard errors (of days) than required; the gates then check the group on its holdout.',
    '',
    ...table(
      ['group', 'pairs', 'model', 'rows', 'days', 'pooled', 'own', 'gain', 'standard error', 'required', 'better'],
      rows,
    ),
    ...groups.map(({ name, pairs, verdict, own }) => {
      const thresholds = own === undefined ? '' : ` θ1 ${own.theta1}, θ2 ${own.theta2}.`;
      return `- ${name} (${pairs.join(', ')}): ${verdict}.${thresholds}`;
    }),
    '',
  ];
}

function gates({ gates = [] }: Manifest): string[] {
  if (gates.length === 0) return [];
  const failed = gates.filter((gate) => !hasPassed(gate));
  const verdict = failed.length === 0 ? `all ${gates.length} passed` : `${failed.length} of ${gates.length} FAILED`;
  return [
    `## Quality and leakage tests: ${verdict}`,
    '',
    ...(failed.length === 0 ? [] : ['`train --adopt` does not activate these models.', '']),
    ...table(
      ['test', 'verdict', 'seen', 'limit'],
      [...failed, ...gates.filter(hasPassed)].map((gate) => {
        const { name, seen, limit } = gateText(gate);
        return tableRow([name, hasPassed(gate) ? 'passed' : '**FAILED**', seen, limit]);
      }),
    ),
  ];
}

/** Labels and parameters of learning; the manifest has them in one list each, `ai1_rounds` beside `folds`. */
function parameters({ label_policy, engine }: Manifest): string[] {
  const isOfModel = (key: string): boolean => MODEL_NAMES.some((name) => key.startsWith(`${name}_`));
  const listOf = (values: Readonly<Record<string, number>>, prefix: string): string =>
    Object.entries(values)
      .filter(([key]) => (prefix === '' ? !isOfModel(key) : key.startsWith(prefix)))
      .map(([key, value]) => `${key.slice(prefix.length)} ${value}`)
      .join(', ');
  return [
    '## Labels and parameters',
    '',
    ...table(
      ['model', 'label', engine.name],
      [
        ...MODEL_NAMES.map((name) =>
          tableRow([title(name), listOf(label_policy, `${name}_`), listOf(engine.parameters, `${name}_`)]),
        ),
        tableRow(['all', '', listOf(engine.parameters, '')]),
      ],
    ),
  ];
}

const title = (name: ModelName): string => name.toUpperCase();

const digits = (value: number | null, places: number): string => (value === null ? '–' : value.toFixed(places));

function tableRow(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function table(head: readonly string[], rows: readonly string[]): string[] {
  return [tableRow(head), `|${'---|'.repeat(head.length)}`, ...rows, ''];
}
