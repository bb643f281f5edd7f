import type { Command } from 'commander';
import { conditionUnit } from '../../shared/explain/condition_unit.ts';
import { createExplainer } from '../../shared/explain/explain_minute.ts';
import type { ExplainedModel, Explanation } from '../../shared/explain/explanation.ts';
import { counted } from '../../shared/counted.ts';
import { oneLine } from '../../shared/one_line.ts';
import type { ConditionState } from '../../shared/core/rule/conditions.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import type { Output } from '../output.ts';
import { noteOtherMarket } from '../other_market_note.ts';
import { parseBarClose, parseShownMs } from '../period.ts';
import { shownMinute } from '../../shared/bar.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { spellSubject } from '../../shared/symbol/symbol.ts';
import { applyMarket, marketOption } from './processes.ts';

const SHOWN_FEATURES = 8;

export function addExplain(program: Command, output: () => Output): void {
  program
    .command('explain')
    .argument('<subject>', 'a pair or an instrument, such as XAUUSD_XAGUSD or BTCUSDT@1h')
    .argument(
      '[time...]',
      'close of the bar, UTC (default: that of the last signal), as status, dashboard, signals and logs show it: 2026-11-20 12:36, 2026-11-20T12:36:00Z or epoch seconds; of a simulated market also when its signal was published',
    )
    .addOption(marketOption())
    .description(
      'Computes the minute again from the journal and its bundle, compares it with what was published, and shows each score with the contribution of each feature (SHAP values), costs, thresholds and gates, and the smallest change that would have entered.',
    )
    .action((subject: string, time: string[], flags: { market?: string }) =>
      explain(subject, time.join(' '), flags, output()),
    );
}

async function explain(subject: string, time: string, flags: { market?: string }, output: Output): Promise<void> {
  applyMarket(flags.market);
  const settings = loadSettings();
  const spelled = spellSubject(subject, symbolNames(settings));
  await noteOtherMarket(settings, flags, output);
  const explainer = createExplainer(settings, homePaths());
  const asked =
    time === ''
      ? explainer.lastMinute(spelled)
      : explainer.namedMinute(spelled, parseBarClose(time), parseShownMs(time));
  const explanation = await explainer.explain(spelled, asked);
  for (const line of linesOf(explanation)) output.line(line);
  output.result(explanation);
  if (!explanation.reproduced.equal) process.exitCode = 1;
}

function linesOf(explanation: Explanation): string[] {
  const { subject, signal, meaning, reproduced, costs, features, to_enter, to_exit } = explanation;
  const { action, reason, mode, model_version } = signal;
  const valueOf = new Map(features.map((feature) => [feature.name, feature]));
  const models = Object.entries<ExplainedModel>(explanation.models ?? explanation.direction ?? {});
  const average = explanation.kind === 'pair' ? averageProbability : averageScore;
  const modelLines = models.flatMap(([name, model]) => linesOfModel(name, model, valueOf, average));
  return [
    `${subject} closed ${shownMinute(signal.timestamp)} UTC  ${action} ${reason}  mode ${mode}${model_version === '' ? '' : `  models ${model_version}`}`,
    `  ${meaning}`,
    ...(reproduced.equal ? [] : [`  ${reproduced.code}: computed again, it is not what was published`]),
    ...reproduced.differences.map(({ what, published, computed }) => `    ${what} ${published}, now ${computed}`),
    ...modelLines,
    ...riskLine(explanation),
    ...(costs === null
      ? []
      : [
          `costs  round trip ${costs.round_trip_bps.toFixed(2)} bp, overnight swaps ${costs.expected_swap_bps.toFixed(2)} bp, expected ${costs.expected_gross_bps.toFixed(2)} bp before and ${costs.expected_net_bps.toFixed(2)} bp after them`,
        ]),
    ...exposureLine(explanation),
    ...newsLine(explanation),
    ...ruleLines(explanation),
    ...failedRuleLine(explanation),
    ...titled('to exit, any of these, the nearest first', to_exit),
    ...titled('to enter, all of these, the nearest first', to_enter),
  ];
}

/** AI2 answers a probability; θ2 and the signal have its rank. */
function riskLine(explanation: Explanation): string[] {
  if (explanation.kind !== 'pair' || explanation.models === null) return [];
  const { risk_score } = explanation.signal;
  if (risk_score === null) return [];
  return [
    `risk_score  ${risk_score.toFixed(4)}: the share of candidates in training whose ai2 was lower; θ2 limits it, and not ai2 itself`,
  ];
}

/** Of an entry at this bar: the exposure that it would raise most, relative to its limit. */
function exposureLine({ gate }: Explanation): string[] {
  if (gate === null || gate.exposure === null) return [];
  const { kind, key, net, limit } = gate.exposure;
  return [`exposure  an entry makes ${kind} ${key} ${net.toFixed(3)} net over all positions, limit ${limit}`];
}

/** Near an event: which, and how long it stops entries. */
function newsLine({ gate }: Explanation): string[] {
  if (gate === null || gate.news === null) return [];
  const { time, currency, importance, name, minutes_left } = gate.news;
  return [
    `news  ${shownMinute(time)} UTC ${currency} ${oneLine(name)} (${importance}): no entry for ${counted(minutes_left, 'more minute')}`,
  ];
}

function failedRuleLine({ failed_rule }: Explanation): string[] {
  if (failed_rule === null) return [];
  return [`rule ${failed_rule} has failed: what would answer without it has (\`RULE_FAILED\` in daemon_<shard>.log)`];
}

/** Each condition of a rule's formulas, the nearest failing one first. */
function ruleLines({ rule }: Explanation): string[] {
  if (rule === null) return [];
  return [
    `rule ${rule.name}, ${rule.has_edge ? 'edge' : 'NO_EDGE'}`,
    ...Object.entries(rule.formulas).flatMap(([name, states]) => [
      `  ${name}: ${states.every(({ holds }) => holds) ? 'true' : 'false'}`,
      ...states.map((state) => `    ${ruleConditionText(state)}`),
    ]),
  ];
}

function ruleConditionText({ name, holds, value, limit, change }: ConditionState): string {
  const verdict = holds ? 'holds' : 'fails';
  if (value === null || limit === null) return `${name}: ${verdict}`;
  const away = holds || change === null ? '' : `, ${Math.abs(change).toPrecision(4)} away`;
  return `${name}: ${verdict}, ${value.toPrecision(5)}${away}`;
}

function titled(title: string, conditions: readonly ConditionState[]): string[] {
  return conditions.length === 0 ? [] : [title, ...conditions.map((condition) => `  ${conditionText(condition)}`)];
}

const averageProbability = (expected: number): string => (1 / (1 + Math.exp(-expected))).toFixed(4);
/** The three scores of a direction model are no probabilities before their softmax. */
const averageScore = (expected: number): string => `score ${expected.toFixed(3)}`;

function linesOfModel(
  name: string,
  { answer, expected, contributions, code }: ExplainedModel,
  valueOf: ReadonlyMap<string, Explanation['features'][number]>,
  average: (expected: number) => string,
): string[] {
  if (contributions === null) return [`${name}  ${answer.toFixed(4)}  ${code}`];
  return [
    `${name}  ${answer.toFixed(4)}  average ${average(expected!)}, moved in logits by`,
    ...contributions.slice(0, SHOWN_FEATURES).map(({ feature, logits }) => {
      const { value, percentile } = valueOf.get(feature)!;
      const rank = percentile === null ? '' : `  percentile ${(100 * percentile).toFixed(0)}`;
      return `  ${logits < 0 ? '' : '+'}${logits.toFixed(3)}  ${feature} = ${value === null ? 'missing' : value.toPrecision(5)}${rank}`;
    }),
  ];
}

/** One condition with its numbers; of one that time alone fulfills, how long that takes. */
export function conditionText({
  name,
  reason,
  holds,
  value,
  relation,
  limit,
  change,
  relative,
}: ConditionState): string {
  if (value === null) return `${name}  ${reason}`;
  const unit = conditionUnit(name);
  if (unit !== null) {
    const numbers = `${name}  ${counted(value, unit)}`;
    if (holds) return `${numbers}, ${relation} ${limit}  ${reason}`;
    return `${numbers}, must be ${relation} ${limit}: ${Math.abs(change!)} to wait  ${reason}`;
  }
  if (holds) return `${name}  ${value.toPrecision(5)}, ${relation} ${limit!.toPrecision(5)}  ${reason}`;
  const moved = `${change! < 0 ? '' : '+'}${change!.toPrecision(4)}`;
  return `${name}  ${value.toPrecision(5)}, must be ${relation} ${limit!.toPrecision(5)}: ${moved} (${(100 * relative!).toFixed(1)} %)  ${reason}`;
}
