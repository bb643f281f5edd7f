import type { Command } from 'commander';
import { shownMinute } from '../../shared/bar.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { makeReport } from '../../trainer/control/report/make_report.ts';
import { performanceLines } from '../../trainer/control/performance/performance_lines.ts';
import type { Report } from '../../trainer/control/schema/reports.ts';
import { reportPage } from '../../trainer/control/report/report_page.ts';
import { summaryOf } from '../../trainer/control/report/weekly_report.ts';
import { openStoreIfThere } from '../../trainer/store/store.ts';
import type { Output } from '../output.ts';
import { openOutputFile } from '../../shared/output_file.ts';
import { parsePeriod, type PeriodFlags } from '../period.ts';
import { applyMarket, marketOption } from './processes.ts';

interface ReportFlags extends PeriodFlags {
  readonly market?: string;
  readonly html?: string;
}

const DEFAULT_DAYS = 7;
const DAY_SECONDS = 86_400;

export function addReport(program: Command, output: () => Output): void {
  program
    .command('report')
    .description(
      'Figures of a period from the trainer’s store: models, signals, refusal rate, P&L by account, costs, drift, parity, targets.',
    )
    .option('--from <day>', `first UTC day or minute (default: ${DEFAULT_DAYS} days before the end)`)
    .option('--to <day>', 'UTC day or minute of the end (default: now)')
    .option('--html <file>', 'also as a page; - is standard output')
    .addOption(marketOption())
    .action((flags: ReportFlags) => report(flags, output()));
}

async function report(flags: ReportFlags, output: Output): Promise<void> {
  applyMarket(flags.market);
  const { from, to } = reportedPeriod(flags, MACHINE_CLOCK.nowMs());
  const store = await openStoreIfThere(process.env, homePaths());
  if (store === null) throw new MinutehandError('DATA_MISSING', { seen: 'no store', expected: 'that of a trainer' });
  try {
    const made = await makeReport(store, loadSettings(), homePaths(), isoOf(from), isoOf(to));
    if (flags.html === '-' && !output.json) {
      process.stdout.write(reportPage(made));
      return;
    }
    if (flags.html !== undefined && flags.html !== '-') {
      const file = openOutputFile(flags.html);
      file.write(reportPage(made));
      file.close();
    }
    output.line(periodLine(made));
    for (const line of performanceLines(made.performance)) output.line(line);
    output.line(summaryOf(made, flags.html === '-' ? null : (flags.html ?? null)));
    output.result(made);
  } finally {
    await store.close();
  }
}

/** The reported period, and by which clock: a simulated market has days of its own, which `status` and pages show. */
export function periodLine({ from, to, market }: Pick<Report, 'from' | 'to' | 'market'>): string {
  const clock = market === 'simulated' ? ', by the wall clock: not days of the simulated market' : '';
  return `Period: ${shownMinute(from)} to ${shownMinute(to)} UTC${clock}.`;
}

/**
 * Epoch seconds of the reported period: the last seven days, where neither end is given.
 * @throws MinutehandError USAGE where it is empty
 */
export function reportedPeriod(flags: PeriodFlags, nowMs: number): { readonly from: number; readonly to: number } {
  const given = parsePeriod(flags);
  const to = given.to ?? Math.ceil(nowMs / 1000);
  const from = given.from ?? to - DEFAULT_DAYS * DAY_SECONDS;
  if (from >= to)
    throw new MinutehandError('USAGE', {
      seen: `--from ${flags.from}`,
      expected: 'a time before now, or --to after it',
    });
  return { from, to };
}

const isoOf = (seconds: number): string => new Date(seconds * 1000).toISOString();
