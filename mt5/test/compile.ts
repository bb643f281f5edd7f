import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { packageRoot } from '../../shared/root.ts';
import { skipNote } from '../../test/skip_note.ts';

const MT5 = join(packageRoot(), 'mt5');

/**
 * Whether this machine can compile C++, so that a test can skip itself where it cannot.
 * @throws Error with `CI` set: there, skipping would hide a gap
 */
export function hasCompiler(): boolean {
  if (spawnSync('g++', ['--version']).error === undefined) return true;
  if (process.env['CI'])
    throw new Error('g++ is not in PATH; in CI these tests must run. Install it (Debian: apt-get install g++).');
  return false;
}

/** For the title of a test that is skipped without a compiler. */
export function compilerNote(): string {
  return skipNote(!hasCompiler(), 'g++ is not installed');
}

/**
 * MQL5 as g++ accepts it: arrays without a size become MqlArray, a string literal becomes a string, directives of
 * MetaEditor are removed, paths get slashes. Line numbers stay.
 */
export function translate(source: string): string {
  return source
    .split('\n')
    .map((line) => {
      if (/^\s*#property\b/.test(line) || /^\s*input\s+group\b/.test(line)) return '';
      if (/^\s*#include\b/.test(line)) return line.replaceAll('\\', '/');
      return line
        .replace(/\b([A-Za-z_]\w*) &(\w+)\[\]/g, 'MqlArray<$1> &$2')
        .replace(/\/\/.*|'(?:[^'\\]|\\.)+'|"(?:[^"\\]|\\.)*"/g, (found) =>
          found.startsWith('"') ? `${found}_s` : found,
        )
        .replace(/^(\s*)((?:static )?)([A-Za-z_]\w*)(\s+)(\w+)\[\];/, '$1$2MqlArray<$3>$4$5;');
    })
    .join('\n');
}

/**
 * Translates mt5/, compiles mt5/test/<name>.cpp and returns the program's path, which contains a hash of the sources,
 * so that nothing is compiled twice.
 * @param level `-Og` for programs that run for seconds, `-O2` for minutes
 * @throws Error with the messages of g++
 */
export function compileProgram(name: string, level: '-O0' | '-Og' | '-O2' = '-O0'): string {
  const sources = [join(MT5, 'Include'), join(MT5, 'Experts'), join(MT5, 'Services'), join(MT5, 'test')]
    .flatMap((folder) => filesBelow(folder))
    .filter((path) => /\.(mqh|mq5|cpp|h)$/.test(path))
    .map((path) => ({ path: relative(MT5, path), text: readFileSync(path, 'utf8') }));
  const hash = createHash('sha256').update(level);
  for (const { path, text } of sources) {
    const isOtherProgram = path.endsWith('.cpp') && path !== join('test', `${name}.cpp`);
    if (!isOtherProgram) hash.update(`${path}\0${text}\0`);
  }
  const cache = join(packageRoot(), 'node_modules', '.cache');
  const folder = join(cache, `mt5-${name}-${hash.digest('hex').slice(0, 16)}`);
  const program = join(folder, name);
  if (existsSync(program)) return program;
  forgetOld(cache);
  for (const { path, text } of sources) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), /\.mq[h5]$/.test(path) ? translate(text) : text);
  }
  const half = `${program}.${process.pid}`;
  const include = ['-I', join(folder, 'Include'), '-I', join(folder, 'test', 'shim'), '-I', folder];
  const warnings = [
    '-Wall',
    '-Wextra',
    '-Wconversion',
    '-Wno-sign-conversion',
    '-Wshadow',
    '-Wno-unused-parameter',
    '-Werror=return-type',
  ];
  const { status, stderr } = spawnSync(
    'g++',
    ['-std=c++17', level, ...warnings, ...include, join(folder, 'test', `${name}.cpp`), '-o', half],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`g++ could not compile ${name}.cpp:\n${stderr.slice(0, 20_000)}`);
  const complaints = stderr.split('\n').filter((line) => /\.mq[h5]:.*warning/.test(line));
  if (complaints.length > 0) throw new Error(`g++ warns of the expert advisor:\n${complaints.join('\n')}`);
  renameSync(half, program);
  return program;
}

/** Programs of earlier sources; one of today may still run. */
function forgetOld(cache: string): void {
  if (!existsSync(cache)) return;
  for (const name of readdirSync(cache).filter((one) => one.startsWith('mt5-'))) {
    const path = join(cache, name);
    if (Date.now() - statSync(path).mtimeMs > 86_400_000) rmSync(path, { recursive: true, force: true });
  }
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}
