import { isNetwork } from '../../../trainer/learning/learners/networks/network_parameters.ts';
import { lookName } from '../../../trainer/learning/backtest/holdout_looks.ts';
import { counted } from '../../../shared/counted.ts';
import { utcDay } from '../../../shared/utc_day.ts';
import type { BlockFigure, DirectionMetrics } from '../../../trainer/learning/strategies/direction/direction_report.ts';
import type { DirectionManifest, InstrumentEdge } from '../../../shared/bundle/direction/direction_manifest.ts';
import type { DirectionEvaluation } from '../../../trainer/learning/strategies/direction/evaluate_direction.ts';
import { gateLines } from '../../gate_lines.ts';
import type {
  ClassFigures,
  DirectionValidation,
} from '../../../trainer/learning/strategies/direction/direction_validation.ts';
import type { NetResult } from '../../../trainer/learning/strategies/direction/direction_net.ts';
import type {
  DirectionPlan,
  TrainedDirection,
} from '../../../trainer/learning/strategies/direction/train_direction.ts';
import type { ClassF1 } from '../../../trainer/learning/validate/class_f1.ts';
import { TIMEFRAMES, type Timeframe } from '../../../shared/pair.ts';
import { DIRECTIONS, evaluationLabel } from '../../../trainer/learning/strategies/direction/label/direction.ts';

const number = (value: number | null, digits: number): string => (value === null ? '–' : value.toFixed(digits));
const figure = ({ mean, standard_error }: BlockFigure, digits = 4): string =>
  `${number(mean, digits)} ± ${number(standard_error, digits)}`;

const listed = (name: string, all: readonly string[]): string =>
  `${name}: ${all.length === 0 ? 'none' : all.join(', ')}`;

/** The report of `direction train` for people. */
export function directionLines(trained: TrainedDirection, plan: DirectionPlan, timeframe: Timeframe): string[] {
  const { metrics, net, bias, priors, others, blocks, rows } = trained;
  const first = utcDay(blocks[0]!.split.from * 1000);
  return [
    `${rows.x.rows} labeled bars × ${rows.x.columns} features; evaluated from ${first}: ${metrics.rows} bars in ${blocks.length} blocks, balance ${plan.balance}`,
    `evaluation label: ${labelLine(TIMEFRAMES[timeframe])}`,
    `base rates ${DIRECTIONS.map((name, k) => `${name} ${number(metrics.base_rate[k]!, 3)}`).join(', ')}; mean probabilities ${metrics.mean_probability.map((p) => number(p, 3)).join(', ')}`,
    ...searchLines(trained),
    ...table(metrics),
    ...priors.map(
      ({ name, log_loss, difference }) =>
        `log loss ${number(metrics.log_loss, 4)} against ${name} ${number(log_loss, 4)}: difference ${number(difference.mean, 4)} (90 %: ${number(difference.lower_5, 4)} … ${number(difference.upper_95, 4)})`,
    ),
    netLine(net.result),
    ...edgeLines(net.edge),
    `bias: balance ${number(bias.overall_balance, 3)} (${number(bias.prediction_min, 3)} to ${number(bias.prediction_max, 3)}), buys ${number(bias.buy_sell_ratio, 3)}, std ${number(bias.distribution_std, 3)}, bull buys ${number(bias.bull_market_buy_ratio, 3)}, bear sells ${number(bias.bear_market_sell_ratio, 3)}, largest variance of 24 hours ${number(bias.largest_variance_24h, 3)}; ${listed('biased', bias.biased)}`,
    ...validationLines(trained.validation),
    ...gateLines(trained.gates),
    ...others.flatMap((own) => [
      `${own.name}: log loss ${figure(own.metrics.over_blocks.log_loss)}, difference ${number(own.against?.mean ?? null, 4)} (90 %: ${number(own.against?.lower_5 ?? null, 4)} … ${number(own.against?.upper_95 ?? null, 4)})`,
      `  AUC ${own.metrics.over_blocks.auc.map((auc) => figure(auc, 3)).join(', ')}, up or down ${number(own.metrics.up_or_down_auc, 3)}, Brier ${figure(own.metrics.over_blocks.brier)}, ECE ${figure(own.metrics.over_blocks.class_wise_ece)}`,
      `  ${netLine(own.net)}`,
    ]),
    `model of all rows: ${trained.trees === null ? '' : `${trained.trees} trees, `}theta ${trained.theta}, calibration ${trained.scaling.kind}`,
  ];
}

const IMPORTANT = 5;

/** Stability over the blocks, classes, scenarios and the most important columns. */
function validationLines({ pooled, stability, scenarios, importance }: DirectionValidation): string[] {
  const spread = (name: string): string => {
    const own = stability[name];
    if (own === undefined) return '–';
    return `mean ${number(own.mean, 3)}, variance ${number(own.var, 5)}, ${number(own.min, 3)} to ${number(own.max, 3)}, CV ${number(own.cv, 2)}`;
  };
  const rows = pooled.confusion.map((own, k) => `${DIRECTIONS[k]} ${own.join(' ')}`);
  const scenarioLine = (where: string, name: string, own: ClassFigures): string =>
    `  ${where} ${name.padEnd(15)} ${String(own.rows).padStart(7)} bars, up ${number(own.mean_probability[0]!, 3)}, down ${number(own.mean_probability[1]!, 3)}, log loss ${number(own.log_loss, 4)}, balanced accuracy ${number(own.balanced_accuracy, 3)}`;
  return [
    `balanced accuracy ${number(pooled.balanced_accuracy, 3)}, macro precision ${number(pooled.macro_precision, 3)}, recall ${number(pooled.macro_recall, 3)}, F1 ${number(pooled.macro_f1, 3)}; rows of a class, answered as ${DIRECTIONS.join(', ')}: ${rows.join('; ')}`,
    `over the blocks: balanced accuracy ${spread('balanced_accuracy')}`,
    `                 up or down AUC ${spread('up_or_down_auc')}`,
    'scenarios, mean probabilities:',
    ...Object.entries(scenarios.history).map(([name, own]) => scenarioLine('history  ', name, own)),
    ...Object.entries(scenarios.generated).map(([name, own]) => scenarioLine('generated', name, own)),
    `importance (log loss without it, ± of ${importance.resamples} resamples): ${importance.features
      .slice(0, IMPORTANT)
      .map(({ feature, drop, std }) => `${feature} ${number(drop, 4)} ± ${number(std, 4)}`)
      .join(', ')}`,
  ];
}

/** The report of `direction evaluate` for people. */
export function evaluationLines(
  { period, inSample, look, metrics, prior, net, edge, bias, gates }: DirectionEvaluation,
  manifest: DirectionManifest,
): string[] {
  const day = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 16);
  return [
    `${manifest.version}: ${metrics.rows} bars of ${Object.keys(edge).join(', ')}, ${day(period.from)} to ${day(period.to)}`,
    ...(inSample
      ? [`Learned from bars up to ${manifest.period.to}: its results are partly in-sample, and no edge is claimed.`]
      : []),
    `evaluation label: ${labelLine(manifest.timeframe)}`,
    `base rates ${DIRECTIONS.map((name, k) => `${name} ${number(metrics.base_rate[k]!, 3)}`).join(', ')}; mean probabilities ${metrics.mean_probability.map((p) => number(p, 3)).join(', ')}`,
    `log loss ${number(metrics.log_loss, 4)}, Brier ${number(metrics.brier, 4)}, class-wise ECE ${number(metrics.class_wise_ece, 4)}`,
    ...DIRECTIONS.map(
      (name, k) =>
        `  ${name.padEnd(5)} AUC ${number(metrics.auc[k]!, 4)} ± ${number(metrics.auc_errors[k]!, 4)}, ECE ${number(metrics.ece[k]!, 4)}`,
    ),
    `  up against down, of the bars that left the range: AUC ${number(metrics.up_or_down_auc, 4)} ± ${number(metrics.up_or_down_error, 4)}`,
    f1Line(metrics),
    ...(prior === null
      ? []
      : [
          `log loss of the base rates in training ${number(prior.log_loss, 4)}: difference ${number(prior.difference.mean, 4)} (90 %: ${number(prior.difference.lower_5, 4)} … ${number(prior.difference.upper_95, 4)})`,
        ]),
    netLine(net),
    ...edgeLines(edge),
    ...lookLines(look),
    ...Object.entries(manifest.edge)
      .filter(([symbol, own]) => !inSample && !own.no_edge && edge[symbol]?.no_edge === true)
      .map(([symbol, own]) => `  ${symbol}: the edge of its training (${number(own.net_bps, 1)} bps) is not there`),
    `bias: ${listed('biased', bias.biased)}`,
    ...gateLines(gates),
  ];
}

/** How often these bars were evaluated. */
function lookLines(look: DirectionEvaluation['look']): string[] {
  if (look === null) return [];
  return [`  ${lookName(look.number)}: an edge needs p below ${Number(look.level.toPrecision(3))}`];
}

function edgeLines(edge: Readonly<Record<string, InstrumentEdge>>): string[] {
  return Object.entries(edge).map(
    ([symbol, { no_edge, trades, net_bps, lower_net_bps, p_value }]) =>
      `  ${symbol.padEnd(10)} ${no_edge ? 'NO_EDGE' : 'edge   '} ${counted(trades, 'trade')}, net ${number(net_bps, 1)} bps, lower bound ${number(lower_net_bps, 1)}, p ${number(p_value ?? null, 3)}`,
  );
}

function searchLines({ search, learning }: TrainedDirection): string[] {
  if (search === null) return [];
  const { trials, pruned, failed, configured_gain, best_gain, standard_error, balance_penalty, adopted } = search;
  const { forward_gain, forward_p_value } = search;
  const ratio = isNetwork(learning.learner.engine)
    ? learning.learner.network.class_weight_ratio
    : learning.balance.classWeightRatio;
  const penalty = balance_penalty === null ? '' : `, less ${balance_penalty} · |0.5 − mean|`;
  return [
    `search: ${trials} trials, ${pruned} pruned, ${failed} failed${penalty}; gain over base rates ${number(best_gain, 4)} against ${number(configured_gain, 4)} as configured (± ${number(standard_error, 4)}), ${number(forward_gain, 4)} more on the next block (p ${number(forward_p_value, 3)}): ${adopted ? `adopted, class_weight_ratio ${number(ratio, 2)}` : 'not adopted'}`,
  ];
}

/** The closes that the evaluation label looks at. */
function labelLine(timeframe: number): string {
  const { policy, everySeconds } = evaluationLabel(timeframe);
  const hours = everySeconds / 3600;
  const note = hours > 1 ? '; not comparable with figures of hourly closes' : '';
  return `first of ${policy.horizon} closes, one each ${hours} h, beyond ±${policy.threshold * 100} %${note}`;
}

function table(metrics: DirectionMetrics): string[] {
  const { over_blocks, log_loss, brier, auc, ece, class_wise_ece, auc_errors } = metrics;
  const { up_or_down_auc, up_or_down_error } = metrics;
  return [
    `log loss ${number(log_loss, 4)} (blocks ${figure(over_blocks.log_loss)}), Brier ${number(brier, 4)} (${figure(over_blocks.brier)}), class-wise ECE ${number(class_wise_ece, 4)} (${figure(over_blocks.class_wise_ece)})`,
    ...DIRECTIONS.map(
      (name, k) =>
        `  ${name.padEnd(5)} AUC ${number(auc[k]!, 4)} ± ${number(auc_errors[k]!, 4)} (${figure(over_blocks.auc[k]!)}), ECE ${number(ece[k]!, 4)}`,
    ),
    `  up or down, of the bars that left the range: AUC ${number(up_or_down_auc, 4)} ± ${number(up_or_down_error, 4)} (${figure(over_blocks.up_or_down_auc)})`,
    f1Line(metrics),
  ];
}

function f1Line({ f1, f1_by_class, f1_chance, f1_gain_lower }: ClassF1): string {
  const each = DIRECTIONS.map((name, k) => `${name} ${number(f1_by_class[k]!, 3)}`).join(', ');
  return `  F1 of the most probable class ${number(f1, 3)} (${each}); of as many random answers ${number(f1_chance, 3)}, above it by at least ${number(f1_gain_lower, 3)} at 98 %`;
}

function netLine(net: NetResult): string {
  const interval = `(90 %: ${number(net.lower_5_net_bps, 1)} … ${number(net.upper_95_net_bps, 1)})`;
  return `net ${number(net.net_bps, 1)} bps per trade ${interval} of ${net.trades} trades, ${net.longs} long (net ${number(net.long_net_bps, 1)}, short ${number(net.short_net_bps, 1)}), gross ${number(net.gross_bps, 1)}, costs ${number(net.cost_bps, 1)}, funding ${number(net.funding_bps, 1)}, p ${number(net.p_value, 3)}: ${net.no_edge ? 'NO_EDGE' : 'edge'}`;
}
