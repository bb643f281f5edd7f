import { Argument, type Command } from 'commander';
import { isoMinute } from '../../shared/bar.ts';
import { columnsOf, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { REFUSING, type VerdictCode } from '../../shared/bar_file/verdict/finding.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, shardsOf } from '../../shared/policy/policy.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { actorName } from '../../shared/process/actor.ts';
import { openJournal } from '../../shared/store/journal.ts';
import { parseSymbol } from '../../shared/symbol/symbol.ts';
import { leaveOutReceived } from '../../trainer/control/imports/leave_out.ts';
import {
  createFeedJudge,
  feedFindingText,
  type FeedFinding,
  type FeedJudge,
} from '../../trainer/jobs/bars/feed_judge.ts';
import {
  acceptFindings,
  readReceivedDecisions,
  type ReceivedDecisions,
} from '../../trainer/jobs/bars/received_decisions.ts';
import type { Output } from '../output.ts';
import { parsePeriod, type Period, type PeriodFlags } from '../period.ts';
import { withStore } from './bars_store.ts';
import { isThere } from '../../shared/files.ts';

interface ReasonFlag {
  readonly reason: string;
}

interface LeaveOutFlags extends ReasonFlag, PeriodFlags {
  readonly dryRun?: boolean;
}

/** `bars accept`, `bars leave-out`: what a person decides on bars that daemons received and that look wrong. */
export function addReceivedDecisions(bars: Command, output: () => Output): void {
  bars
    .command('accept')
    .argument('<symbol>', 'whose received bars')
    .addArgument(new Argument('<verdicts...>', 'what is accepted of them').choices([...REFUSING]))
    .requiredOption('--reason <text>', 'kept in `bars history` and the audit')
    .description(
      'learns from bars that a live daemon received although they have these verdicts, and no longer stops entries for them; the same evidence is accepted from now on. `bars undo` takes it back',
    )
    .action((symbol: string, verdicts: VerdictCode[], flags: ReasonFlag) => {
      return runAccept(symbol, verdicts, flags, output());
    });
  bars
    .command('leave-out')
    .alias('quarantine')
    .argument('<symbol>', 'whose received bars')
    .option('--from <day>', 'first UTC day or minute of the bars')
    .option('--to <day>', 'UTC day or minute of the end')
    .requiredOption('--reason <text>', 'kept in `bars history` and the audit')
    .option('--dry-run', 'only show what would change')
    .description(
      'no longer learns from bars that a live daemon received in a period, such as those of a feeder that was wrong; imported bars of the same minutes count instead. `bars undo` takes it back',
    )
    .action((symbol: string, flags: LeaveOutFlags) => runLeaveOut(symbol, flags, output()));
}

async function runAccept(
  named: string,
  verdicts: readonly VerdictCode[],
  flags: ReasonFlag,
  output: Output,
): Promise<void> {
  const reason = reasonOf(flags);
  const symbol = symbolOf(named);
  await withStore(async (store) => {
    const shown = judgeReceived(symbol, await readReceivedDecisions(store));
    const accepted = shown.filter(({ finding }) => verdicts.includes(finding.code));
    const absent = verdicts.filter((code) => !accepted.some(({ finding }) => finding.code === code));
    if (absent.length > 0)
      throw new MinutehandError('USAGE', {
        seen: `received bars of ${symbol} are not ${absent.join(', ')}`,
        expected: shown.length === 0 ? 'nothing to accept' : `what they are: ${shown.map(feedFindingText).join('; ')}`,
      });
    const findings = accepted.map(({ finding }) => finding);
    const number = await acceptFindings(store, symbol, findings, { by: actorName(), reason });
    output.written({ target: `import ${number}`, after: { symbol, accepted: verdicts, reason } });
    for (const one of accepted) output.line(`Accepted: ${feedFindingText(one)}`);
    output.line(`\`minutehand bars undo ${number}\` takes it back; \`minutehand resume\` lifts a stop of entries.`);
    output.result({ import_number: number, symbol, accepted: verdicts, findings });
  });
}

async function runLeaveOut(named: string, flags: LeaveOutFlags, output: Output): Promise<void> {
  const reason = reasonOf(flags);
  const symbol = symbolOf(named);
  const period = parsePeriod(flags);
  const isDry = flags.dryRun === true;
  await withStore(async (store) => {
    const { number, touched, models } = await leaveOutReceived({
      store,
      settings: loadSettings(),
      paths: homePaths(),
      symbol,
      period,
      decision: isDry ? null : { by: actorName(), reason },
    });
    const { bars: count, first, last } = touched;
    const { from = null, to = null } = period;
    output.written(
      number === null ? null : { target: `import ${number}`, after: { symbol, from, to, bars: count, models, reason } },
    );
    const done = number === null ? 'Would be left out' : 'Left out';
    output.line(`${done}: ${symbol}, ${count} received bars, ${isoMinute(first)} to ${isoMinute(last)}`);
    if (number !== null)
      output.line(`\`minutehand bars undo ${number}\` takes it back; \`minutehand resume\` lifts a stop of entries.`);
    if (models.length > 0)
      output.note(`Models that were trained on these bars: ${models.join(', ')}. Train again before you rely on them.`);
    const left = number === null ? [] : judgeReceived(symbol, await readReceivedDecisions(store));
    for (const one of left) output.note(`Still there: ${feedFindingText(one)}`);
    output.result({ import_number: number, dry_run: isDry, symbol, from, to, bars: count, models, findings: left });
  });
}

function reasonOf({ reason }: ReasonFlag): string {
  if (reason.trim() === '') throw new MinutehandError('USAGE', { seen: 'an empty --reason' });
  return reason.trim().slice(0, 500);
}

function symbolOf(named: string): string {
  return parseSymbol(named, '<symbol>', symbolNames(loadSettings()));
}

function judgeReceived(symbol: string, decisions: ReceivedDecisions): readonly FeedFinding[] {
  const judge = createFeedJudge(decisions);
  readReceived(symbol, {}, judge);
  return judge.findings().filter(({ finding }) => REFUSING.has(finding.code));
}

/** What the live journals of this home have of a symbol. @param judge judges it; absent = all of it counts */
function readReceived(symbol: string, { from, to }: Period, judge?: FeedJudge): BarColumns[] {
  const paths = shardsOf(loadSettings().minutehand).map(({ name }) => homePaths().journal('live', name));
  const read = paths
    .filter((path) => isThere(path))
    .map((path) => {
      const journal = openJournal(path, { readOnly: true });
      try {
        const bars = journal.bars(symbol, from, to);
        return judge === undefined ? columnsOf(symbol, bars) : judge.take(symbol, bars);
      } finally {
        journal.close();
      }
    });
  return read.filter(({ length }) => length > 0);
}
