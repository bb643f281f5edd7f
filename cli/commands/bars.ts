import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { checkBars } from '../../shared/bar_file/bar_check.ts';
import { readBarFile } from '../../shared/bar_file/bar_file.ts';
import { importBars } from '../../shared/bar_file/import.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Output } from '../output.ts';

interface ImportFlags {
  readonly out: string;
  readonly timezone?: string;
  readonly symbol?: string;
}

export function addBars(program: Command, output: () => Output): void {
  const bars = program
    .command('bars')
    .summary('import and check bar files')
    .description(
      'A folder of bars has one SYMBOL.csv or SYMBOL.csv.gz per symbol: time,open,high,low,close,volume[,spread], time in epoch seconds of the bar open, UTC.',
    );
  bars
    .command('import')
    .argument('<source>', 'a file, or a folder of files')
    .requiredOption('--out <folder>', 'folder of bars to merge into; what is there stays')
    .option(
      '--timezone <offset>',
      'clock of the source, for layouts that do not name theirs: UTC, or a fixed offset such as -05:00 (HistData: see the README)',
    )
    .option('--symbol <name>', 'symbol of a single file whose name does not say it')
    .description(
      'Reads our own CSV, HistData ASCII M1, MetaTrader 5 exports and Binance klines, recognised by their content. Running it again adds nothing; conflicting bars are reported and the first copy is kept.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand bars import DAT_ASCII_XAUUSD_M1_2019.csv --timezone -05:00 --out ./bars\n  minutehand bars import LINKUSDT-1m-2026-02.csv.gz --out ./bars',
    )
    .action((source: string, flags: ImportFlags) => runImport(source, flags, output()));
  bars
    .command('check')
    .argument('<path>', 'a bar file, or a folder of them')
    .description('counts gaps, holes, breaks, flat bars and spikes of each symbol')
    .action((path: string) => runCheck(path, output()));
}

async function runImport(source: string, flags: ImportFlags, output: Output): Promise<void> {
  mkdirSync(flags.out, { recursive: true });
  const progress = output.progress();
  const report = await importBars({
    source,
    out: flags.out,
    ...(flags.timezone === undefined ? {} : { utcOffsetMinutes: parseOffset(flags.timezone) }),
    ...(flags.symbol === undefined ? {} : { symbol: flags.symbol }),
    onProgress: ({ done, total }) => progress.update('importing', done, total),
  });
  progress.stop();
  for (const one of report.symbols) {
    output.line(
      `${one.symbol}: ${one.read} read, ${one.added} added, ${one.duplicates} already there, ${one.conflicts} in conflict, ${one.rejected_count} rejected; now ${one.bars} bars in ${one.file}`,
    );
    for (const { file, line, code, seen } of one.rejected.slice(0, 5))
      output.line(`  rejected ${file}:${line} ${code}: ${seen}`);
    if (one.clock.suspect)
      output.note(
        `${one.symbol}: the weeks of these bars do not open at one New York hour; check the time zone of the source.`,
      );
  }
  for (const { file, code, seen } of report.skipped) output.note(`${file}: not imported. ${code}: ${seen}`);
  output.result(report);
}

/** `UTC`, `+02:00`, `-05:00` as minutes ahead of UTC. @throws MinutehandError USAGE */
function parseOffset(text: string): number {
  if (/^(?:UTC|Z)$/i.test(text)) return 0;
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(text);
  if (match === null)
    throw new MinutehandError('USAGE', {
      seen: `--timezone ${text}`,
      expected: 'UTC or a fixed offset such as -05:00',
    });
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

async function runCheck(path: string, output: Output): Promise<void> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new MinutehandError('DATA_MISSING', { seen: path });
  const files = stat.isDirectory()
    ? readdirSync(path)
        .filter((name) => /\.csv(?:\.gz)?$/.test(name))
        .sort()
        .map((name) => join(path, name))
    : [path];
  if (files.length === 0) throw new MinutehandError('DATA_MISSING', { seen: `no .csv or .csv.gz in ${path}` });
  const progress = output.progress();
  const reports = [];
  for (const file of files) {
    reports.push(checkBars(await readBarFile(file)));
    progress.update('checking', reports.length, files.length);
  }
  progress.stop();
  output.line(
    'symbol      bars   first                 last                  missing  holes  longest  breaks    flat  spikes',
  );
  for (const r of reports) {
    output.line(
      [
        r.symbol.padEnd(8),
        String(r.bars).padStart(7),
        isoMinute(r.first),
        isoMinute(r.last),
        String(r.missing_minutes).padStart(8),
        String(r.holes).padStart(6),
        String(r.longest_hole_minutes).padStart(8),
        String(r.breaks).padStart(7),
        String(r.flat_bars).padStart(7),
        String(r.spikes).padStart(7),
      ].join('  '),
    );
  }
  output.result(reports);
}

function isoMinute(time: unknown): string {
  return typeof time === 'number'
    ? new Date(time * 1000).toISOString().slice(0, 16) + 'Z   '
    : String(time ?? '–').padEnd(20);
}
