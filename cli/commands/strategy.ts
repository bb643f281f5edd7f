import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { closeTimestamp, SECONDS_PER_BAR, type OpenTime } from '../../shared/bar.ts';
import { lowerBound } from '../../shared/bar_file/bar_file.ts';
import type { ConditionState } from '../../shared/core/rule/conditions.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { makeOutputFolder } from '../../shared/folder.ts';
import { homePaths } from '../../shared/home.ts';
import { barSecondsOf } from '../../shared/pair.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { readStrategyDocument, readStrategyFile, strategySources } from '../../shared/policy/strategy_file.ts';
import { isoSecond, recordsCsv } from '../../trainer/learning/strategies/pair_reversion/backtest/ledger.ts';
import { recordOf } from '../../trainer/learning/strategies/pair_reversion/backtest/pair_tasks.ts';
import { RuleExplainer, type RuleExplanation } from '../../trainer/learning/formula_rules/explain_rule.ts';
import { laterColumns, ruleColumns } from '../../trainer/learning/formula_rules/rule_columns.ts';
import { deflatedSharpeOf } from '../../trainer/learning/formula_rules/judge_rule.ts';
import { MIN_DEFLATED_SHARPE } from '../../trainer/learning/formula_rules/rule_checks.ts';
import { ruleDays, ruleReport } from '../../trainer/learning/formula_rules/rule_report.ts';
import { triedBefore, type TriedBefore } from '../../trainer/jobs/kinds/trials_of_rule.ts';
import { ruleTrades } from '../../trainer/learning/formula_rules/rule_trades.ts';
import type { Output } from '../output.ts';
import { openOutputFile } from '../../shared/output_file.ts';
import { parseBarClose } from '../period.ts';
import { keepPaper, paperText } from '../strategy/paper.ts';
import { documentOf, figure, reportLines } from '../strategy/report_lines.ts';
import { addSubjectOptions, readSubject, type PeriodFlags } from '../strategy/rule_run.ts';
import { triedLine } from '../strategy/tried_line.ts';
import { addStrategyJudge } from './strategy_judge.ts';
import { addStrategyServed } from './strategy_served.ts';
import {
  ruleSentence,
  SENTENCE_LANGUAGES,
  type SentenceLanguage,
} from '../../trainer/learning/formula_rules/rule_sentence.ts';

interface BacktestFlags extends PeriodFlags {
  readonly out?: string;
}

interface ExplainFlags extends PeriodFlags {
  readonly at: string;
}

interface PaperFlags extends PeriodFlags {
  readonly from: string;
  readonly out: string;
}

const SERVED_HOW =
  'A rule of an instrument that passed `strategy judge` or `evolve` is served once it is promoted (`models promote`).';

export function addStrategy(program: Command, output: () => Output): void {
  const strategy = program
    .command('strategy')
    .description(
      `Checks, backtests, judges and explains a rule that is written as formulas in a YAML file, such as config/strategies/hourly_reversal.yaml. ${SERVED_HOW} The language: docs/reference/FORMULAS.md; the keys: docs/guides/STRATEGIES.md.`,
    );
  strategy
    .command('check')
    .argument('<file>', 'a strategy file')
    .addOption(languageOption())
    .description('validates a strategy file, every problem with its line, and prints the rule as a sentence')
    .action((file: string, flags: { readonly lang: SentenceLanguage }) => runCheck(file, flags.lang, output()));
  addSubjectOptions(
    strategy
      .command('backtest')
      .argument('<file>', 'a strategy file')
      .description(
        `what the rule would have earned after costs: decided at each close, filled at the next open, with the prices, costs and P&L of every other backtest; the edge with its error, the result of fills and of series one bar later, and with doubled costs. Nothing is judged or kept: \`strategy judge\` does that.`,
      ),
  )
    .option('--out <folder>', 'folder for trades.csv')
    .action((file: string, flags: BacktestFlags) => runBacktest(file, flags, output()));
  addSubjectOptions(
    strategy
      .command('explain')
      .argument('<file>', 'a strategy file')
      .requiredOption('--at <time>', 'close of the bar, UTC: 2026-11-20 12:00, 2026-11-20T12:00Z or epoch seconds')
      .description('what the rule decided at a bar, which condition failed, and by how much'),
  ).action((file: string, flags: ExplainFlags) => runExplain(file, flags, output()));
  addStrategyJudge(strategy, output);
  addPaper(strategy, output);
  addStrategyServed(strategy, output);
}

function addPaper(strategy: Command, output: () => Output): void {
  const paper = strategy
    .command('paper')
    .argument('<file>', 'a strategy file')
    .description(
      'Keeps a paper account of a rule on bars as they arrive: each run decides the bars that daemons of this installation have journaled since the last one, and appends a line of JSON per bar: action, reason, position, every condition with value and distance. It recomputes the lines before, and refuses to continue where they differ. ' +
        'Nothing is published.',
    );
  addSubjectOptions(paper)
    .requiredOption('--out <folder>', 'folder of decisions.ndjson')
    .action((file: string, flags: PaperFlags) => runPaper(file, flags, output()));
}

function languageOption(): Option {
  return new Option('--lang <language>', 'of the sentence').choices(SENTENCE_LANGUAGES).default('en');
}

function runCheck(file: string, language: SentenceLanguage, output: Output): void {
  const { document, strategy } = readStrategyDocument(file, loadSettings().minutehand.windows);
  const tried = triedBefore(document, strategy, homePaths().models);
  const sentence = ruleSentence(strategy, language);
  output.line(`${strategy.name}: ${strategy.description}`);
  output.line(sentence);
  tellTried(tried, output);
  output.result({ ...documentOf(strategy), sentence, ...tried });
}

function tellTried(tried: TriedBefore, output: Output): void {
  const line = triedLine(tried);
  if (line !== null) output.line(line);
}

async function runBacktest(file: string, flags: BacktestFlags, output: Output): Promise<void> {
  const { document, strategy } = readStrategyDocument(file, loadSettings().minutehand.windows);
  const tried = triedBefore(document, strategy, homePaths().models);
  const { subject, from, to } = await readSubject(flags, strategy, output);
  const { history } = subject;
  if (to - from < 2)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `${to - from} bars of ${subject.id} in this period whose features are warm`,
      expected: 'two at least',
    });
  const trades = ruleTrades(subject, ruleColumns(subject, strategy), from, to);
  const report = ruleReport({ subject, trades, later: laterColumns(subject, strategy), look: null }, from, to);
  const deflated = deflatedSharpeOf(Float64Array.from(ruleDays(subject, trades, from, to)), tried.trials);
  const first = history.time[from]!;
  const last = history.time[to - 1]!;
  const files = flags.out === undefined ? null : { trades: join(flags.out, 'trades.csv') };
  if (files !== null) {
    makeOutputFolder(flags.out!);
    const out = openOutputFile(files.trades);
    for (const part of recordsCsv(trades.map((trade) => recordOf(history, trade)))) out.write(part);
    out.close();
  }
  output.line(`${strategy.name} on ${subject.id}: ${to - from} bars, ${isoSecond(first)} to ${isoSecond(last)}`);
  for (const line of reportLines(report)) output.line(line);
  tellTried(tried, output);
  if (tried.trials > 1)
    output.line(
      `deflated Sharpe ratio over ${tried.trials} rules ${figure(deflated)}; a judgement needs ${MIN_DEFLATED_SHARPE}`,
    );
  if (files !== null) output.line(`Written: ${files.trades}`);
  output.result({
    strategy: documentOf(strategy),
    subject: subject.id,
    period: { from: isoSecond(first), to: isoSecond(last) },
    bars: to - from,
    ...tried,
    deflated_sharpe: deflated,
    ...report,
    files,
  });
}

async function runExplain(file: string, flags: ExplainFlags, output: Output): Promise<void> {
  const { windows } = loadSettings().minutehand;
  const strategy = readStrategyFile(file, windows);
  const { subject, from, to } = await readSubject(flags, strategy, output);
  const { time } = subject.history;
  const close = parseBarClose(flags.at);
  const t = lowerBound(time, (close - SECONDS_PER_BAR) as OpenTime);
  if (t >= to || t < from || time[t] !== close - SECONDS_PER_BAR)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no bar of ${subject.id} closed at ${flags.at}`,
      expected: `a close in the period, a multiple of ${barSecondsOf(subject.history.pair)} s whose formulas are warm`,
    });
  const explanation = new RuleExplainer(subject, strategy, strategySources(strategy.subject, windows), from).at(t);
  output.line(
    `${strategy.name} on ${subject.id}, closed ${isoSecond(close)}: ${explanation.action} ${explanation.reason}`,
  );
  for (const line of explanationLines(explanation)) output.line(line);
  output.result({ strategy: documentOf(strategy), subject: subject.id, closed: isoSecond(close), ...explanation });
}

async function runPaper(file: string, flags: PaperFlags, output: Output): Promise<void> {
  const { windows } = loadSettings().minutehand;
  const { document, strategy } = readStrategyDocument(file, windows);
  // A later first bar would be another account.
  if ((flags.from as string | undefined) === undefined)
    throw new MinutehandError('USAGE', {
      seen: 'no --from',
      expected: 'the day or minute on which the account begins',
    });
  const { subject, from, to } = await readSubject(flags, strategy, output);
  const { time } = subject.history;
  if (to <= from)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `no bar of ${subject.id} since ${flags.from} whose features are warm`,
      expected: 'one at least',
    });
  const explainer = new RuleExplainer(subject, strategy, strategySources(strategy.subject, windows), from);
  const header = { strategy: documentOf(strategy), subject: subject.id, from: closeTimestamp(time[from]! as OpenTime) };
  makeOutputFolder(flags.out);
  const path = join(flags.out, 'decisions.ndjson');
  const { kept, added } = keepPaper(path, paperText(header, subject, explainer, from, to));
  const newest = explainer.at(to - 1);
  const closed = closeTimestamp(time[to - 1]! as OpenTime);
  output.line(`${strategy.name} on ${subject.id}: ${added} bars decided, ${kept} were in ${path}`);
  output.line(`closed ${closed}: ${newest.action} ${newest.reason}`);
  for (const line of explanationLines(newest)) output.line(line);
  tellTried(triedBefore(document, strategy, homePaths().models), output);
  output.result({ ...header, file: path, kept, added, newest: { closed, ...newest } });
}

function explanationLines({ side, age_bars, earned_bps, formulas, exits }: RuleExplanation): string[] {
  const position =
    side === 0
      ? 'flat before the bar'
      : `${side > 0 ? 'long' : 'short'} for ${age_bars} ${age_bars === 1 ? 'bar' : 'bars'}, earned ${figure(earned_bps)} bps before costs`;
  return [
    `  ${position}`,
    ...Object.entries(formulas).flatMap(([name, states]) => [
      `  ${name}: ${states.every(({ holds }) => holds) ? 'true' : 'false'}`,
      ...states.map((state) => `    ${stateText(state)}`),
    ]),
    ...(exits.length === 0 ? [] : ['  exits:', ...exits.map((state) => `    ${stateText(state)}`)]),
  ];
}

function stateText({ name, holds, value, limit, relation, change }: ConditionState): string {
  const verdict = holds ? 'holds' : 'fails';
  if (value === null || limit === null || Number.isNaN(value))
    return `${name}: ${verdict}${value === null ? '' : ', value missing'}`;
  const distance = holds || change === null ? '' : `, ${precise(Math.abs(change))} away`;
  return `${name}: ${verdict}, ${precise(value)} ${relation} ${precise(limit)}${distance}`;
}

function precise(value: number): string {
  return String(Number(value.toPrecision(6)));
}
