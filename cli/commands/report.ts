import type { Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { makeMarketReport, makeReport } from '../../trainer/control/report/make_report.ts';
import { performanceLines } from '../../trainer/control/performance/performance_lines.ts';
import { periodLine } from '../../trainer/control/report/period_line.ts';
import { reportPage } from '../../trainer/control/report/report_page.ts';
import { summaryOf } from '../../trainer/control/report/weekly_report.ts';
import { openStoreIfThere } from '../../trainer/store/store.ts';
import type { Output } from '../output.ts';
import { noteOtherMarket } from '../other_market_note.ts';
import { openOutputFile } from '../../shared/output_file.ts';
import { parsePeriod, type PeriodFlags } from '../period.ts';
import { applyMarket, marketOption } from './processes.ts';

interface ReportFlags extends PeriodFlags {
  readonly market?: string;
  readonly html?: string;
}

const DEFAULT_DAYS = 7;
const DEFAULT_MS = DEFAULT_DAYS * 86_400_000;

export function addReport(program: Command, output: () => Output): void {
  program
    .command('report')
    .description(
      'Figures of a period from the trainer’s store: models, signals, refusal rate, P&L by account, costs, drift, parity, targets.',
    )
    .option(
      '--from <day>',
      `first UTC day or minute, of a simulated market one of its own (default: ${DEFAULT_DAYS} days before the end)`,
    )
    .option('--to <day>', 'UTC day or minute of the end, likewise (default: now)')
    .option('--html <file>', 'also as a page; - is standard output')
    .addOption(marketOption())
    .action((flags: ReportFlags) => report(flags, output()));
}

async function report(flags: ReportFlags, output: Output): Promise<void> {
  applyMarket(flags.market);
  const nowMs = MACHINE_CLOCK.nowMs();
  const period = reportedPeriod(flags, nowMs);
  const store = await openStoreIfThere(process.env, homePaths());
  if (store === null) throw new MinutehandError('DATA_MISSING', { seen: 'no store', expected: 'that of a trainer' });
  try {
    const settings = loadSettings();
    await noteOtherMarket(settings, flags, output);
    const made = await (period.isOfMarket
      ? makeMarketReport(store, settings, homePaths(), period)
      : makeReport(store, settings, homePaths(), isoOf(period.fromMs), isoOf(period.toMs), { nowMs: () => nowMs }));
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

type ReportedPeriod =
  | { readonly isOfMarket: true; readonly fromMs: number; readonly toMs?: number }
  | { readonly isOfMarket: false; readonly fromMs: number; readonly toMs: number };

/**
 * What was asked for, by the clock of the market; where nothing was, the last seven days by the wall clock. Epoch ms.
 * @throws MinutehandError USAGE where it is empty
 */
export function reportedPeriod(flags: PeriodFlags, nowMs: number): ReportedPeriod {
  const { from, to } = parsePeriod(flags);
  if (from === undefined && to === undefined) return { isOfMarket: false, fromMs: nowMs - DEFAULT_MS, toMs: nowMs };
  const fromMs = from === undefined ? 1000 * to! - DEFAULT_MS : 1000 * from;
  if (to !== undefined) return { isOfMarket: true, fromMs, toMs: 1000 * to };
  if (fromMs >= nowMs)
    throw new MinutehandError('USAGE', {
      seen: `--from ${flags.from}`,
      expected: 'a time before now, or --to after it',
    });
  return { isOfMarket: true, fromMs };
}

const isoOf = (ms: number): string => new Date(ms).toISOString();
