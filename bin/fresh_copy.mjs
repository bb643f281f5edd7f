/** A copy of this folder as a fresh clone has it, for measuring its first start. */
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ROOT } from './project.mjs';

/** Files that a fresh clone does not have. */
const NOT_CLONED = [
  '.git',
  'node_modules',
  'config/grafana',
  'config/schema',
  'coverage',
  'dashboard/dist',
  'dist',
  'dist.new',
  'dist.old',
  'var',
].map((name) => join(ROOT, name));

/** @returns {string} a copy of this folder as a fresh clone has it, removed when this process ends */
export function freshCopy() {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-fresh-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  cpSync(ROOT, folder, { recursive: true, filter: isCloned });
  return folder;
}

/** @param {string} path */
function isCloned(path) {
  if (dirname(path) === join(ROOT, 'models')) return basename(path) === 'README.md';
  return !NOT_CLONED.includes(path);
}

/** Number of signals that a consumer would use: mode OK, with numbers. @param {string} home */
export function goodSignals(home) {
  const folder = join(home, 'signals');
  if (!existsSync(folder)) return 0;
  return readdirSync(folder).filter((pair) => {
    try {
      const signal = JSON.parse(readFileSync(join(folder, pair, 'signal.json'), 'utf8'));
      return signal.mode === 'OK' && [signal.z_score, signal.return_prob].every(Number.isFinite);
    } catch {
      return false;
    }
  }).length;
}
