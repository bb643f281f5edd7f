/**
 * Fetches another version of Node from the npm registry, starts a fresh copy of this folder with it, and runs tests
 * there.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { capture, launch, runLogged, runShown } from './programs.mjs';
import { LOG_FOLDER, ROOT, SetupError, print } from './project.mjs';
import { mustHold, testsHold } from './steps.mjs';

/** Files that a fresh clone does not have. */
const NOT_CLONED = ['.git', 'node_modules', 'dist', 'dist.new', 'dist.old', 'var', 'coverage'];
/** Beside the one that runs the tests; the newest first. */
export const OTHER_NODES = ['24', '22'];

const SIGNALS = 10;
const START_WITHIN_S = 480;
const END_WITHIN_MS = 30_000;
/** npm also warns about configuration of the machine, which is not the project's. */
const NPM_WARNING = /^npm warn (?!Unknown (user|global|env|builtin|cli) config).*/m;

/** @typedef {{ node: string, version: string, environment: NodeJS.ProcessEnv }} Runtime */

/**
 * `npm start` in a fresh copy of this folder, until there are ten signals, and then tests in that copy.
 * @param {string} wanted a version of Node, such as `24` or `22.23.1`
 * @param {string[][]} runs arguments of each run of vitest
 */
export async function testOnNode(wanted, runs) {
  const runTests = await startOnNode(wanted);
  for (const vitestArgs of runs) await runTests?.(vitestArgs);
}

/** @returns {string} a copy of this folder as a fresh clone has it, removed when this process ends */
export function freshCopy() {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-node-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  cpSync(ROOT, folder, { recursive: true, filter: isCloned });
  return folder;
}

/**
 * `npm start` in a copy of this folder, until there are ten signals.
 * @param {string} wanted a version of Node, such as `24` or `22.23.1`
 * @param {string} [folder] the copy; where another Node has installed and built there, this one finds nothing to do
 * @returns {Promise<((vitestArgs: string[]) => Promise<void>) | null>} runs tests in that copy; null: failed
 */
export async function startOnNode(wanted, folder = freshCopy()) {
  /** @type {Runtime | undefined} */
  let runtime;
  if (!(await mustHold(`fetch Node ${wanted}`, async () => void (runtime = await fetchNode(wanted)))) || !runtime)
    return null;
  const found = runtime;
  const { node, version } = runtime;
  if (!(await mustHold(`npm start with Node ${version}`, () => startsUp(found, folder)))) return null;
  return async (vitestArgs) => {
    const tools = () => runShown(node, [join(folder, 'bin', 'tools.mjs')], { cwd: folder, env: found.environment });
    if (!(await mustHold(`packages for development with Node ${version}`, tools))) return;
    await testsHold(`tests with Node ${version}`, vitestArgs, { node, root: folder });
  };
}

/** @param {string} path */
function isCloned(path) {
  if (dirname(path) === join(ROOT, 'models')) return basename(path) === 'README.md';
  return dirname(path) !== ROOT || !NOT_CLONED.includes(basename(path));
}

/**
 * Fetches a version of Node from the npm registry into var/.
 * @param {string} wanted
 * @returns {Promise<Runtime>}
 * @throws {SetupError}
 */
export async function fetchNode(wanted) {
  const folder = join(ROOT, 'var', 'node', wanted);
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const headers = join(folder, 'node_modules', name);
  const node = join(headers, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const args = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
    const npm = { file: 'npm', first: [], shell: process.platform === 'win32' };
    const logPath = join(LOG_FOLDER, `node-${wanted}.log`);
    if ((await runLogged(`fetching Node ${wanted}`, npm, [...args, `${name}@${wanted}`], logPath)) !== 0)
      throw new SetupError(`Node ${wanted} could not be fetched; the whole log is ${logPath}`);
  }
  const { code, output } = await capture(node, ['-p', 'process.versions.node']);
  const version = output.trim();
  if (code !== 0 || `${version}.`.indexOf(`${wanted}.`) !== 0)
    throw new SetupError(`${node} is not Node ${wanted}: ${version}`);
  const { NODE_OPTIONS: _, ...environment } = process.env;
  const PATH = `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`;
  // Node's headers, for compiling native parts.
  return { node, version, environment: { ...environment, PATH, npm_config_nodedir: headers } };
}

/** @param {Runtime} runtime @param {string} folder @returns {Promise<boolean>} */
async function startsUp({ version, environment }, folder) {
  const home = join(folder, 'var', `node-${version}`);
  const places = {
    MINUTEHAND_HOME: home,
    MINUTEHAND_CONFIG: shortTraining(folder),
    MINUTEHAND_DAEMON_PORT: '0',
    MINUTEHAND_TRAINER_PORT: '0',
  };
  const isInstalled = existsSync(join(folder, 'node_modules'));
  let output = '';
  let code = /** @type {number | null} */ (null);
  const startMs = performance.now();
  const options = { cwd: folder, env: { ...environment, ...places }, shell: process.platform === 'win32' };
  const { child, ended } = launch('npm', ['start'], options, (text) => (output += text));
  // npm turns Ctrl-C into exit code 130 or ends by the signal.
  const end = ended.then((value) => (code = child.signalCode === 'SIGINT' ? 130 : value));
  const elapsedS = () => (performance.now() - startMs) / 1000;
  while (code === null && elapsedS() < START_WITHIN_S && goodSignals(home) < SIGNALS) await sleep(200);
  const signals = goodSignals(home);
  const seconds = elapsedS();
  if (code === null) process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGINT');
  await Promise.race([end, sleep(END_WITHIN_MS, undefined, { ref: false })]);
  if (code === null) process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL');
  const faults = startFaults({ version, output, code, signals });
  print(
    `Node ${version}: ${signals} OK signals ${seconds.toFixed(1)} s after npm start (${isInstalled ? 'installed and built before' : 'installation and build included'})`,
  );
  if (faults.length > 0) print(`${output.split('\n').slice(-40).join('\n')}\n${faults.join('\n')}`);
  return faults.length === 0;
}

/**
 * The delivered configuration with fewer trees: model quality does not depend on the version of Node.
 * @param {string} folder
 * @returns {string} its folder
 */
function shortTraining(folder) {
  const config = join(folder, 'var', 'short-config');
  cpSync(join(folder, 'config'), config, { recursive: true });
  const path = join(config, 'minutehand.yaml');
  const text = readFileSync(path, 'utf8');
  const short = text.replace(/^    rounds: \d+$/gm, '    rounds: 20').replace(/^(    learning_rate:) .*$/gm, '$1 0.1');
  if (short === text) throw new SetupError(`${path} has no rounds to shorten`);
  writeFileSync(path, short);
  return config;
}

/** @param {{ version: string, output: string, code: number | null, signals: number }} run */
function startFaults({ version, output, code, signals }) {
  const faults = [];
  if (signals < SIGNALS) faults.push(`${signals} of ${SIGNALS} signals`);
  if ((code !== 0 && code !== 130) || !output.includes('All processes have ended.'))
    faults.push(`exit code ${code} after Ctrl-C`);
  if (!version.startsWith('20.') && /^compiling/m.test(output)) faults.push('something was compiled');
  const warning = NPM_WARNING.exec(output);
  if (warning !== null) faults.push(`a warning of npm: ${warning[0]}`);
  return faults;
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
