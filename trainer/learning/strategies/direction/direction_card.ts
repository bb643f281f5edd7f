import { EXPORTED_LINE } from '../../../../shared/bundle/imported_model.ts';
import { memberText } from '../../bundle/member_text.ts';
import { claimsText, failuresOf, hasPassed } from '../../../../shared/bundle/recorded_gates.ts';
import { gateText } from '../../../../shared/bundle/gates/gate_text.ts';
import type { DirectionManifest } from '../../../../shared/bundle/direction/direction_manifest.ts';
import { warningText } from '../../../../shared/bundle/training_warning.ts';
import { timeframeOf } from '../../../../shared/pair.ts';
import { DIRECTIONS } from './label/direction.ts';

const text = (value: number | null | undefined, digits: number): string => value?.toFixed(digits) ?? '–';

/** The card of a direction bundle, Markdown; of earlier bundles as far as their manifests go. */
export function directionCard(manifest: DirectionManifest): string {
  const { version, instruments, timeframe, market = 'live', period, strategy } = manifest;
  return [
    `# Direction model ${version}`,
    '',
    `${instruments.join(', ')}, ${timeframeOf(timeframe)} bars of a ${market} market, ${period.from} to ${period.to}.`,
    '',
    ...broughtLines(manifest),
    ...(manifest.warnings ?? []).flatMap((warning) => [`**${warningText(warning)}**`, '']),
    ...metricLines(manifest),
    ...memberLines(manifest),
    ...epochLines(manifest),
    ...gateLines(manifest),
    ...biasLines(manifest),
    ...targetLines(manifest),
    `Entry above ${strategy.theta_up}; stop and target ${strategy.stop}, at most ${strategy.max_age_bars} bars.`,
    '',
    ...edgeLines(manifest),
  ].join('\n');
}

function broughtLines({ imported }: DirectionManifest): string[] {
  if (imported === undefined) return [];
  const { producer, sha256, learned_until, preprocess, exported_holdout } = imported;
  const prepared = preprocess === null ? '' : `, columns prepared by ${preprocess.slice(0, 12)}`;
  return [
    `It was not trained here: it is an ONNX model of ${producer ?? 'an unnamed program'} (SHA-256 ${sha256.slice(0, 12)}${prepared}), learned, as its owner says, from labels known before ${learned_until}, and calibrated and measured on later bars. That it learned from nothing else cannot be tested here.`,
    ...(exported_holdout ? [EXPORTED_LINE] : []),
    '',
  ];
}

function memberLines({ members }: DirectionManifest): string[] {
  return members === undefined ? [] : [`Members and their weights: ${memberText(members)}.`, ''];
}

/** What the network said after its last epoch: a share of up far from that of down is a bias, or a one-sided market. */
function epochLines({ epochs = [] }: DirectionManifest): string[] {
  const last = epochs.at(-1);
  if (last === undefined) return [];
  const [up, down] = last.class_shares;
  const shares = DIRECTIONS.map((name, k) => `${name} ${text(last.class_shares[k], 3)}`).join(', ');
  const ratio = down! > 0 ? text(up! / down!, 2) : '–';
  return [
    `${epochs.length} epochs, mean loss ${text(last.loss, 4)} after the last one, which called ${shares}: up / down ${ratio}.`,
    '',
  ];
}

function metricLines({ metrics }: DirectionManifest): string[] {
  const { auc, auc_errors: errors = [] } = metrics;
  const withError = (value: number | null, error: number | null | undefined): string =>
    `${text(value, 3)}${error === undefined || error === null ? '' : ` ± ${text(error, 3)}`}`;
  return [
    '|walk-forward|value|',
    '|---|---|',
    `|log loss|${text(metrics.log_loss, 4)} (best prior ${text(metrics.log_loss_prior, 4)})|`,
    `|Brier|${text(metrics.brier, 4)}|`,
    `|class-wise ECE|${text(metrics.class_wise_ece, 4)}|`,
    `|AUC ${DIRECTIONS.join(', ')}, each against the rest|${auc.map((own, k) => withError(own, errors[k])).join(', ')}|`,
    `|AUC up against down|${withError(metrics.up_or_down_auc, metrics.up_or_down_error)}|`,
    ...f1Lines(metrics),
    ...(metrics.balanced_accuracy === undefined ? [] : [`|balanced accuracy|${text(metrics.balanced_accuracy, 3)}|`]),
    `|net per trade, bps|${text(metrics.net_bps, 1)} (90 %: ${text(metrics.lower_5_net_bps, 1)} … ${text(metrics.upper_95_net_bps, 1)}), ${metrics.trades} trades|`,
    '',
  ];
}

/** None of earlier bundles. */
function f1Lines({ f1, f1_by_class, f1_chance, f1_gain_lower }: DirectionManifest['metrics']): string[] {
  if (f1 === undefined) return [];
  const each = DIRECTIONS.map((name, k) => `${name} ${text(f1_by_class?.[k], 3)}`).join(', ');
  const gain = f1_chance === undefined ? null : f1 - f1_chance;
  return [
    `|F1 of the most probable class, mean|${text(f1, 3)} (${each})|`,
    `|F1 above that of as many random answers (${text(f1_chance, 3)})|${text(gain, 3)}, at least ${text(f1_gain_lower, 3)} at 98 %|`,
  ];
}

function gateLines({ gates = [] }: DirectionManifest): string[] {
  if (gates.length === 0) return [];
  const claims = claimsText(failuresOf(gates));
  return [
    '|gate|passed|measured|limit|',
    '|---|---|---|---|',
    ...gates.map((gate) => {
      const { name, seen, limit } = gateText(gate);
      return `|${name}|${hasPassed(gate) ? 'yes' : '**no**'}|${seen}|${limit}|`;
    }),
    '',
    ...(claims === null ? [] : [claims, '']),
  ];
}

function biasLines({ bias }: DirectionManifest): string[] {
  if (bias === undefined) return [];
  const shown = (value: number | null | string[] | undefined): string =>
    Array.isArray(value) ? value.join(', ') || 'none' : text(value, 3);
  return ['|bias|value|', '|---|---|', ...Object.entries(bias).map(([name, own]) => `|${name}|${shown(own)}|`), ''];
}

function targetLines({ targets = [] }: DirectionManifest): string[] {
  if (targets.length === 0) return [];
  return [
    'Success targets, for information only:',
    '',
    '|target|goal|measured|met|',
    '|---|---|---|---|',
    ...targets.map(({ name, goal, measured, met, implausible = false }) => {
      const verdict = implausible ? '**implausible**' : met ? 'yes' : 'no';
      return `|${name}|${goal}|${text(measured, 3)}|${verdict}|`;
    }),
    '',
  ];
}

function edgeLines({ edge }: DirectionManifest): string[] {
  return [
    '|instrument|trades|net bps|lower bound|p|edge|',
    '|---|---|---|---|---|---|',
    ...Object.entries(edge).map(
      ([symbol, { trades, net_bps, lower_net_bps, p_value, no_edge }]) =>
        `|${symbol}|${trades}|${text(net_bps, 1)}|${text(lower_net_bps, 1)}|${text(p_value, 3)}|${no_edge ? 'NO_EDGE' : 'edge'}|`,
    ),
    '',
  ];
}
