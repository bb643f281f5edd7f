import { join } from 'node:path';
import { MinutehandError } from '../../../../../../shared/errors.ts';
import { makeFolder } from '../../../../../../shared/folder.ts';
import { openOutputFile } from '../../../../../../shared/output_file.ts';
import { equityCsv, tradesCsv } from '../ledger.ts';
import { renderReport } from './report.ts';

export type ResultFiles = Readonly<Record<'trades' | 'equity' | 'report', string>>;

/**
 * Trades and equity as CSV, and the report as a page.
 * @returns paths of the files
 * @throws MinutehandError OUTPUT_UNWRITABLE
 */
export function writeResultFiles(folder: string, report: Parameters<typeof renderReport>[0]): ResultFiles {
  try {
    makeFolder(folder);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: folder, cause });
  }
  const files = {
    trades: join(folder, 'trades.csv'),
    equity: join(folder, 'equity.csv'),
    report: join(folder, 'report.html'),
  };
  writeText(files.trades, tradesCsv(report.result));
  writeText(files.equity, equityCsv(report.result));
  writeText(files.report, [renderReport(report)]);
  return files;
}

function writeText(path: string, parts: Iterable<string>): void {
  const file = openOutputFile(path);
  try {
    for (const part of parts) file.write(part);
  } catch (error) {
    file.discard();
    throw error;
  }
  file.close();
}
