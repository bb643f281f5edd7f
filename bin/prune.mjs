/**
 * Removes from installed packages what this machine never loads. Uses only Node itself: the images run it, and
 * `node bin/prune.mjs` of an installed release.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Native libraries of other systems (250 MB in onnxruntime-node, 14 in better-sqlite3), and the sources of SQLite,
 * since nothing is compiled. Whole packages stay, so npm finds what its lock file lists. Another machine has another
 * installation anyway.
 * @param {string} modules folder of packages
 * @param {{ platform: string, arch: string }} [machine]
 */
export function prune(modules, { platform, arch } = process) {
  const libraries = join(modules, 'onnxruntime-node', 'bin');
  for (const version of namesIn(libraries)) {
    keepOnly(join(libraries, version), (name) => name === platform);
    keepOnly(join(libraries, version, platform), (name) => name === arch);
  }
  const sqlite = join(modules, 'better-sqlite3');
  // Of Linux, the one for musl stays too.
  keepOnly(join(sqlite, 'prebuilds'), (name) => name.startsWith(platform) && name.endsWith(`-${arch}.node`));
  for (const source of ['deps', 'src']) rmSync(join(sqlite, source), { recursive: true, force: true });
}

/**
 * A folder without the wanted entry stays as it is: loading its library then says what is missing.
 * @param {string} folder @param {(name: string) => boolean} isKept
 */
function keepOnly(folder, isKept) {
  const names = namesIn(folder);
  if (!names.some(isKept)) return;
  for (const name of names) if (!isKept(name)) rmSync(join(folder, name), { recursive: true });
}

/** @param {string} folder */
const namesIn = (folder) => (existsSync(folder) ? readdirSync(folder) : []);

if (process.argv[1] === import.meta.filename) prune(join(dirname(import.meta.dirname), 'node_modules'));
