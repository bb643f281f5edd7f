import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../shared/root.ts';
import { summaryText, type Summary } from './summary.ts';

const FOLDER = join(packageRoot(), 'test', 'golden', 'record');

/** What was recorded of a part; null: nothing yet. */
export function readRecord(part: string): Summary | null {
  const path = pathOf(part);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Summary) : null;
}

export function writeRecord(part: string, summary: Summary): void {
  writeFileSync(pathOf(part), summaryText(summary));
}

function pathOf(part: string): string {
  return join(FOLDER, `${part}.json`);
}
