/** Installs what package-lock.json says, native parts included. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { aptInstall, inPath } from './machine.mjs';
import { LOG_FOLDER, MODULES, ROOT, SetupError, alone, readJson, readText, say } from './project.mjs';
import { capture, runLogged, tailOf } from './programs.mjs';

const STAMP = join(MODULES, '.minutehand-lock');

/**
 * Installs what package-lock.json says unless it is there already, for this version of Node. Costs a few milliseconds
 * and says nothing when there is nothing to do. Of several processes that start at once, one installs and the others wait.
 * @throws {SetupError}
 */
export async function ensureInstalled() {
  const wanted = dependencyStamp();
  if (readText(STAMP) === wanted) {
    linkCommand();
    return;
  }
  await alone('install', async () => {
    if (readText(STAMP) === wanted) return;
    if (installedByHand() && (await nativePartsFault()) === null) {
      say('dependencies: already installed');
    } else {
      rmSync(STAMP, { force: true });
      await ensureToolchain();
      await install();
    }
    writeFileSync(STAMP, wanted);
  });
  linkCommand();
}

/** Compiled packages belong to one version of Node's binary interface on one kind of machine. */
function dependencyStamp() {
  const lock = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  return `${lock} abi-${process.versions.modules} ${process.platform}-${process.arch}\n`;
}

/** Whether `npm ci` or `npm install` has been run without this program, and put there what the lock file says. */
function installedByHand() {
  const installed = readJson(join(MODULES, '.package-lock.json'))?.packages;
  if (!installed) return false;
  const wanted = readJson(join(ROOT, 'package-lock.json')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    if (!found) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity && existsSync(join(ROOT, path));
  });
}

async function install() {
  const npm = npmCommand();
  const logPath = join(LOG_FOLDER, 'setup.log');
  // --include: NODE_ENV=production would leave out the compiler.
  const args = ['ci', '--no-audit', '--no-fund', '--include=dev', '--include=optional'];
  if ((await runLogged('installing dependencies', npm, args, logPath)) !== 0) {
    throw new SetupError(`${npmErrorsOf(logPath)}\nnpm ci failed; the whole log is ${logPath}`);
  }
  let fault = await nativePartsFault();
  if (fault !== null) {
    // Install scripts may be switched off on this machine (ignore-scripts); this asks for the ones that are needed.
    await runLogged('compiling better-sqlite3', npm, ['rebuild', 'better-sqlite3', '--ignore-scripts=false'], logPath);
    fault = await nativePartsFault();
  }
  if (fault !== null) {
    const missing = missingTools();
    const hint = missing.length > 0 ? `\nTo compile it, install ${missing.join(', ')} and try again.` : '';
    throw new SetupError(`${fault}\nA native part does not load; the log of its installation is ${logPath}${hint}`);
  }
}

/** @returns {Promise<string | null>} what goes wrong when the native packages are loaded, in a process of its own */
async function nativePartsFault() {
  const script =
    "process.env.ORT_DISABLE_TELEMETRY ??= '1'; const Database = require('better-sqlite3'); new Database(':memory:').prepare('SELECT 1').get(); require('onnxruntime-node');";
  const { code, output } = await capture(process.execPath, ['-e', script]);
  return code === 0 ? null : output.trim().split('\n').slice(-12).join('\n');
}

/** What better-sqlite3 needs to be compiled where no prebuilt one can be fetched. */
async function ensureToolchain() {
  const missing = missingTools();
  if (missing.length === 0) return;
  if (await aptInstall(missing)) return;
  say(`note: ${missing.join(', ')} not found; if better-sqlite3 has to be compiled here, install them first`);
}

function missingTools() {
  if (process.platform === 'win32') return [];
  return ['python3', 'make', 'g++'].filter((tool) => !inPath(tool));
}

/** Where npm would put it: `npx minutehand` works without it, `npm exec` of other tools and $PATH users look here. */
function linkCommand() {
  if (process.platform === 'win32') return;
  const link = join(MODULES, '.bin', 'minutehand');
  const target = join('..', '..', 'bin', 'minutehand.mjs');
  try {
    if (readlinkSync(link) === target) return;
  } catch {
    // Not there, or not a link.
  }
  const temporary = `${link}.${process.pid}`;
  mkdirSync(dirname(link), { recursive: true });
  chmodSync(join(ROOT, 'bin', 'minutehand.mjs'), 0o755);
  symlinkSync(target, temporary);
  renameSync(temporary, link);
}

/** @returns {import('./programs.mjs').Command} the npm that started this process, else the one in PATH */
function npmCommand() {
  const started = process.env.npm_execpath?.replace(/npx-cli\.js$/, 'npm-cli.js');
  if (started?.endsWith('npm-cli.js') && existsSync(started)) return { file: process.execPath, first: [started] };
  if (process.platform === 'win32') return { file: 'npm.cmd', first: [], shell: true };
  if (!inPath('npm')) throw new SetupError('npm is not in PATH; it comes with Node: https://nodejs.org');
  return { file: 'npm', first: [] };
}

/** npm ends its complaints with a page of help: the beginning of them says more. @param {string} path */
function npmErrorsOf(path) {
  const errors = (readText(path) ?? '').split('\n').filter((line) => line.startsWith('npm error'));
  return errors.length > 0 ? errors.slice(0, 20).join('\n') : tailOf(path);
}
