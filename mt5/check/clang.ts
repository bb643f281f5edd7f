import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../shared/root.ts';
import { skipNote } from '../../test/skip_note.ts';
import { translate } from '../test/compile.ts';

const MT5 = join(packageRoot(), 'mt5');
const FOLDERS = ['Include', 'Experts', 'Services', 'test'];
const WARNINGS = ['-Wall', '-Wextra', '-Wconversion', '-Wno-sign-conversion', '-Wshadow-all', '-Wno-unused-parameter'];

/** @throws Error with `CI` set and no clang: there, skipping would hide a gap */
export function hasClang(): boolean {
  if (spawnSync('clang++', ['--version']).error === undefined) return true;
  if (process.env['CI'])
    throw new Error('clang++ is not in PATH; in CI these tests must run. Install it (Debian: apt-get install clang).');
  return false;
}

/** For the title of a test that is skipped without clang. */
export function clangNote(): string {
  return skipNote(!hasClang(), 'clang++ is not installed');
}

/**
 * Warnings and errors of clang in the translated MQL5 sources, with the shim.
 * @param programs below mt5/test, which include them
 * @param edit changes a source first, by its path below mt5
 */
export function clangDiagnostics(
  programs: readonly string[],
  edit = (_path: string, text: string): string => text,
): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-clang-'));
  try {
    for (const name of FOLDERS.filter((one) => existsSync(join(MT5, one))).flatMap((one) =>
      readdirSync(join(MT5, one), { recursive: true }).map((path) => join(one, String(path))),
    )) {
      if (!/\.(mqh|mq5|cpp|h)$/.test(name)) continue;
      const text = edit(name, readFileSync(join(MT5, name), 'utf8'));
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), /\.mq[h5]$/.test(name) ? translate(text) : text);
    }
    const include = ['Include', join('test', 'shim'), '.'].flatMap((path) => ['-I', join(folder, path)]);
    const sources = programs.map((name) => join(folder, 'test', name));
    const args = ['-std=c++17', '-fsyntax-only', '-fno-caret-diagnostics', ...WARNINGS, ...include, ...sources];
    const { status, stderr } = spawnSync('clang++', args, { encoding: 'utf8' });
    const lines = stderr.split('\n').filter((line) => /\.mq[h5]:.*(?:warning|error):/.test(line));
    if (status !== 0 && lines.length === 0)
      throw new Error(`clang++ could not read the shim:\n${stderr.slice(0, 20_000)}`);
    return lines.map((line) => line.replace(`${folder}/`, ''));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
