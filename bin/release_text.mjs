/** What a release changes in the files that state the version, what its notes say, and its lock of packages. */

/** Files that state the version, with the words around it; `?` stands for the version. */
const STATED = {
  'package.json': ['\n  "version": "?"'],
  'package-lock.json': ['\n  "version": "?"', '\n    "": {\n      "name": "minutehand",\n      "version": "?"'],
  'README.md': ['Version ?:', "|maturity|yours|**MetaTrader's**|**years in production**|?|"],
  'deploy/cloud-run/train.yaml': ['/minutehand-trainer:?\n'],
  'deploy/compose/compose.yaml': ['${MINUTEHAND_VERSION:-?}'],
  'deploy/kubernetes/kustomization.yaml': ['newTag: ? }'],
  'deploy/kubernetes/workers/kustomization.yaml': ['newTag: ? }'],
  'docs/guides/OPERATE.md': ['minutehand-?.tgz'],
};
export const STATED_FILES = Object.keys(STATED);

const VERSION = /^(\d+)\.(\d+)\.(\d+)$/;
const UNRELEASED = '## [Unreleased]\n';

/**
 * @param {string} given @param {string} present
 * @returns {string | null} what is wrong with a version as the next one; the present one is right where it has no tag
 */
export function versionFault(given, present) {
  const numbers = VERSION.exec(given)?.slice(1).map(Number);
  if (numbers === undefined) return `${given} is no version, expected three numbers such as 0.2.0`;
  const [, major, minor, patch] = [...(VERSION.exec(present) ?? [])].map(Number);
  const next = [`${major + 1}.0.0`, `${major}.${minor + 1}.0`, `${major}.${minor}.${patch + 1}`, present];
  return next.includes(given) ? null : `${given} does not follow ${present}, expected one of ${next.join(', ')}`;
}

/**
 * @param {string} name of one of STATED_FILES @param {string} text its content
 * @param {string} from @param {string} to versions
 * @throws {Error} where the file does not state the version as it should
 */
export function withVersion(name, text, from, to) {
  let changed = text;
  for (const words of STATED[/** @type {keyof typeof STATED} */ (name)]) {
    const stated = words.replace('?', from);
    if (!changed.includes(stated)) throw new Error(`${name} does not state the version ${from} as ${stated.trim()}`);
    changed = changed.replaceAll(stated, words.replace('?', to));
  }
  return changed;
}

/**
 * @param {string} text of CHANGELOG.md @param {string} version @param {string} day such as 2026-11-26
 * @returns {{ text: string, section: string }} the changelog in which what was unreleased is this version; that part
 * @throws {Error} where nothing is unreleased
 */
export function withRelease(text, version, day) {
  const at = text.indexOf(UNRELEASED);
  const rest = at < 0 ? '' : text.slice(at + UNRELEASED.length);
  const end = rest.search(/^## /m);
  const section = (end < 0 ? rest : rest.slice(0, end)).trim();
  if (section === '') throw new Error('CHANGELOG.md has nothing below [Unreleased]');
  return {
    text: `${text.slice(0, at)}${UNRELEASED}\n## [${version}] - ${day}\n${rest}`,
    section: `## [${version}] - ${day}\n\n${section}`,
  };
}

/** @param {string} section of the changelog @param {string[]} commits `hash subject`, the newest first */
export function notesOf(section, commits) {
  const lines = commits.map((commit) => `- ${commit}`);
  return `${section}\n\n### Commits\n\n${lines.join('\n')}\n`;
}

/** @typedef {Record<string, string>} Versions by name of a package */
/**
 * An entry of a lock file.
 * @typedef {{ dependencies?: Versions, optionalDependencies?: Versions, peerDependencies?: Versions,
 *   peerDependenciesMeta?: Record<string, { optional?: boolean }> }} Locked
 */

/**
 * The `npm-shrinkwrap.json` of a released package, from the lock file of the project: what its dependencies need, in
 * the versions and with the hashes that were tested. Without it, npm resolves ranges anew at each installation.
 * @param {{ name: string, version: string, dependencies: Versions } & Locked} manifest of the released package
 * @param {{ lockfileVersion: number, packages: Record<string, Locked> }} lock
 * @throws {Error} for a package that the lock does not have
 */
export function lockOf(manifest, { lockfileVersion, packages }) {
  const { name, version, dependencies, peerDependencies, peerDependenciesMeta } = manifest;
  const kept = new Set();
  const open = Object.keys(dependencies).map((needed) => ({ from: '', needed, isOptional: false }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { from, needed, isOptional } = next;
    const path = placeOf(packages, from, needed);
    if (path === null && isOptional) continue;
    if (path === null) throw new Error(`package-lock.json has no ${needed}, which ${from || name} needs`);
    if (kept.has(path)) continue;
    kept.add(path);
    const { dependencies: own = {}, optionalDependencies = {}, peerDependencies: peers = {} } = packages[path];
    const { peerDependenciesMeta: meta = {} } = packages[path];
    for (const one of Object.keys(own)) open.push({ from: path, needed: one, isOptional: one in optionalDependencies });
    for (const one of Object.keys(optionalDependencies)) open.push({ from: path, needed: one, isOptional: true });
    for (const one of Object.keys(peers))
      if (meta[one]?.optional !== true) open.push({ from: path, needed: one, isOptional: false });
  }
  const entries = Object.entries(packages).filter(([path]) => kept.has(path));
  const root = { name, version, dependencies, peerDependencies, peerDependenciesMeta };
  return { name, version, lockfileVersion, requires: true, packages: { '': root, ...Object.fromEntries(entries) } };
}

/**
 * Where Node finds a package from the folder of another one.
 * @param {Record<string, Locked>} packages @param {string} from @param {string} needed
 */
function placeOf(packages, from, needed) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${needed}`;
    if (path in packages) return path;
    if (folder === '') return null;
  }
}
