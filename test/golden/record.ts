import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../shared/root.ts';
import type { Value } from './values.ts';

const FOLDER = join(packageRoot(), 'test', 'golden', 'record');

/** What was recorded of a part; null: nothing yet. */
export function readRecord(part: string): Value | null {
  const path = pathOf(part);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Value) : null;
}

export function writeRecord(part: string, value: Value): void {
  writeFileSync(pathOf(part), `${JSON.stringify(value, null, 1)}\n`);
}

function pathOf(part: string): string {
  return join(FOLDER, `${part}.json`);
}
