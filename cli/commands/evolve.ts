import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import type { StrategyDocument } from '../../shared/policy/strategy_file.ts';
import { yamlLibrary } from '../../shared/policy/yaml.ts';
import { isoSecond } from '../../trainer/learning/backtest/ledger.ts';
import { CSCV_BLOCKS } from '../../trainer/learning/statistics/overfitting_probability.ts';
import { readSearches, searchFingerprint, writeSearches } from '../../trainer/learning/evolve/evolution_file.ts';
import { evolve, type EvolveResult } from '../../trainer/learning/evolve/judge.ts';
import { readSpaceFile } from '../../trainer/learning/evolve/search_space.ts';
import { checkLine } from '../../trainer/learning/formula_rules/rule_checks.ts';
import { barsOfPeriod } from '../../trainer/learning/formula_rules/rule_report.ts';
import type { RuleSubject } from '../../trainer/learning/formula_rules/rule_subject.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import type { Output } from '../output.ts';
import { openOutputFile } from '../../shared/output_file.ts';
import { parseInteger, parsePeriod } from '../period.ts';
import { holdoutOf, marketOfBars } from '../strategy/holdout_option.ts';
import { readRuleSubject, type SubjectFlags } from '../strategy/read_subject.ts';
import { lookAtHoldout, refusePairCandidate, writeCandidate, type JudgedBars } from '../strategy/rule_candidate.ts';
import { reportLines } from '../strategy/report_lines.ts';
import { addSubjectOptions, makeOutFolder } from '../strategy/rule_run.ts';

interface EvolveFlags extends SubjectFlags {
  readonly from?: string;
  readonly to?: string;
  readonly holdoutFrom?: string;
  readonly seed: string;
  readonly resamples: string;
  readonly out?: string;
  readonly candidate?: boolean;
}

export function addEvolve(program: Command, output: () => Output): void {
  addSubjectOptions(
    program
      .command('evolve')
      .argument('<space>', 'a search space, such as config/strategies/spaces/hourly.yaml')
      .description(
        'Searches rules of a declared space (features, thresholds, stops, targets, ages) by genetic programming on the development period, and judges the one that it proposes: deflated Sharpe ratio over every rule ever evaluated, ' +
          `probability of backtest overfitting, test for superior predictive ability, walk-forward searches, holdout, fills one bar later. One failing check refuses it. docs/guides/STRATEGIES.md explains space and checks.`,
      ),
  )
    .option('--holdout-from <day>', 'start of the holdout (default: the last holdout_fraction of the time)')
    .option('--seed <text>', 'of the search and the bootstrap; the same seed and bars give the same bytes', '0')
    .option('--resamples <n>', 'of the bootstrap', '1000')
    .option(
      '--out <folder>',
      'folder for report.json, rule.yaml and state.json; a search that was killed continues from the last generation in it',
    )
    .option(
      '--candidate',
      'keep the proposed rule with its verdicts in this installation, for `models promote`; the look at the holdout is counted',
    )
    .action((file: string, flags: EvolveFlags) => runEvolve(file, flags, output()));
}

async function runEvolve(file: string, flags: EvolveFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const { windows } = settings.minutehand;
  const space = readSpaceFile(file, windows);
  const { from = -Infinity, to } = parsePeriod(flags);
  const resamples = parseInteger(flags.resamples, '--resamples', 100);
  const progress = output.progress();
  const { out } = flags;
  tellWhenInterrupted({
    output,
    progress,
    kept: () => [out === undefined ? 'Nothing was written.' : `The same command continues from the state in ${out}.`],
  });
  try {
    const subject = await readRuleSubject(flags, space.subject, settings, to, (done, total) =>
      progress.update('reading bars', done, total),
    );
    const bars = barsOfPeriod(subject, from, to ?? Infinity);
    const { time } = subject.history;
    if (bars.to - bars.from < 2)
      throw new MinutehandError('DATA_TOO_SHORT', {
        seen: `${bars.to - bars.from} bars of ${subject.id} in this period`,
      });
    const first = time[bars.from]!;
    const last = time[bars.to - 1]!;
    const isKept = flags.candidate === true;
    if (isKept) refusePairCandidate(subject);
    const holdoutFrom = holdoutOf(subject, bars, flags.holdoutFrom, settings);
    const judgedBars = { ...bars, holdoutFrom };
    const market = marketOfBars(flags, settings);
    const search = { subject, space, windows, bars, holdoutFrom, seed: flags.seed };
    const fingerprint = searchFingerprint(search);
    if (out !== undefined) makeOutFolder(out);
    const state = out === undefined ? null : join(out, 'state.json');
    const searches = state === null ? {} : readSearches(state, fingerprint);
    const result = await evolve({
      ...search,
      resamples,
      searches,
      ...(isKept && { lookAt: lookAtHoldout(subject, judgedBars, market) }),
      onGeneration: async (done, total) => {
        progress.update('generations', done, total);
        if (state !== null) writeSearches(state, fingerprint, searches);
        // Lets an interruption be answered.
        await setImmediate();
      },
    });
    progress.stop();
    const report = {
      space: space.document,
      subject: subject.id,
      seed: flags.seed,
      development: { from: isoSecond(first), to: isoSecond(time[holdoutFrom]!), blocks: CSCV_BLOCKS },
      holdout: { from: isoSecond(time[holdoutFrom]!), to: isoSecond(last) },
      conditions: space.conditions.length,
      fingerprint,
      ...result,
    };
    const files = out === undefined ? null : writeResults(out, report, result.proposed?.strategy ?? null);
    output.line(
      `${space.document.name} on ${subject.id}: development ${report.development.from} to ${report.development.to}, holdout to ${report.holdout.to}`,
    );
    for (const line of resultLines(result)) output.line(line);
    if (files !== null) output.line(`Written: ${Object.values(files).join(', ')}`);
    const candidate = isKept ? keepProposal(report, subject, judgedBars, market, output) : null;
    if (candidate === null) output.written(null);
    output.result({ ...report, files, candidate });
  } finally {
    progress.stop();
  }
}

/** The proposed rule with its verdicts; null: the search proposed none. */
function keepProposal(
  report: EvolveResult & { readonly seed: string },
  subject: RuleSubject,
  bars: JudgedBars,
  market: 'live' | 'simulated',
  output: Output,
): { readonly version: string; readonly path: string } | null {
  const { proposed, trials, seed, checks } = report;
  if (proposed === null) {
    output.note('No candidate was written: the search proposed no rule.');
    return null;
  }
  const { strategy, holdout, holdout_look } = proposed;
  const look = holdout_look!;
  return writeCandidate(
    { strategy, origin: 'evolved', trials, seed, checks, holdout, look, report },
    subject,
    bars,
    market,
    output,
  );
}

function writeResults(out: string, report: object, strategy: StrategyDocument | null) {
  const files = { report: join(out, 'report.json'), ...(strategy !== null && { rule: join(out, 'rule.yaml') }) };
  writeText(files.report, `${JSON.stringify(report, null, 2)}\n`);
  if (files.rule !== undefined) writeText(files.rule, yamlLibrary().stringify(strategy));
  return files;
}

function writeText(path: string, text: string): void {
  const file = openOutputFile(path);
  file.write(text);
  file.close();
}

function resultLines({ trials, searches, proposed, checks, accepted }: EvolveResult): string[] {
  const rules = `${trials} rules were evaluated in ${searches.length} searches: ${searches.map((own) => `${own.rules} on ${own.blocks} blocks`).join(', ')}`;
  if (proposed === null) return [rules, 'REFUSED: no rule has 20 trades on the development period'];
  const { strategy, walk_forward } = proposed;
  const failed = checks.filter(({ passed }) => !passed).map(({ code }) => code);
  return [
    rules,
    `proposed: ${formulaText('long', strategy.entry_long)}${formulaText('short', strategy.entry_short)}stop ${bps(strategy.stop)}, target ${bps(strategy.target)}, at most ${strategy.max_age} bars`,
    `Sharpe ratio of the training blocks ${proposed.sharpe.toFixed(2)}; the best of as many rules without skill is expected to reach ${proposed.expected_max_sharpe.toFixed(2)}`,
    'development:',
    ...reportLines(proposed.development).map((line) => `  ${line}`),
    `walk-forward: ${walk_forward.trades} trades, net ${walk_forward.net_bps === null ? '–' : walk_forward.net_bps.toFixed(2)} bps`,
    'holdout:',
    ...reportLines(proposed.holdout).map((line) => `  ${line}`),
    ...checks.map(checkLine),
    accepted ? 'ACCEPTED: every check passed' : `REFUSED: ${failed.join(', ')}`,
  ];
}

function formulaText(side: string, formula: string | undefined): string {
  return formula === undefined ? '' : `${side} when ${formula}; `;
}

function bps(distance: StrategyDocument['stop']): string {
  return distance?.bps === undefined ? 'none' : `${distance.bps} bps`;
}
