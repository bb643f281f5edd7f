import { spawnSync } from 'node:child_process';
import { skipNote } from './skip_note.ts';

/** True also if it is missing in CI, so that the test fails there. */
export const HAS_PROMTOOL = spawnSync('promtool', ['--version']).error === undefined || process.env['CI'] !== undefined;
/** Suffix of such a test's title. */
export const PROMTOOL_NOTE = skipNote(!HAS_PROMTOOL, 'promtool is not installed');

export interface PromtoolAnswer {
  /** 0: accepted; null: promtool could not be started. */
  readonly status: number | null;
  readonly output: string;
}

/** @param input text for stdin, e.g. a scraped page for `check metrics` */
export function promtool(args: readonly string[], input = ''): PromtoolAnswer {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}
