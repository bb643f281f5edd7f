#!/usr/bin/env node
/**
 * The command of the released package. It installs and builds nothing. Data is in MINUTEHAND_HOME, by default in the
 * user's data folder and not in the package, which an update replaces; so is the configuration, which is a copy of the
 * delivered one.
 */
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** @returns {string} https://specifications.freedesktop.org/basedir-spec/; on Windows the local application data */
function defaultHome() {
  const base =
    process.platform === 'win32'
      ? process.env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local')
      : process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share');
  return join(base, 'minutehand');
}

/** Copies the delivered configuration; another process may do the same. @param {string} folder */
function deliverConfig(folder) {
  const draft = `${folder}.${process.pid}.tmp`;
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  // Without a filter, Node 22 ends the process on Windows where a path has letters outside ASCII.
  cpSync(join(ROOT, 'config'), draft, { recursive: true, filter: () => true });
  try {
    renameSync(draft, folder);
    process.stderr.write(`The configuration is in ${folder}.\n`);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

// The programs refuse it too, but then there would be a configuration already.
if (Number(process.versions.napi) < 10) {
  process.stderr.write(
    `NODE_UNSUPPORTED: The package needs Node 24, this is ${process.versions.node}.\n  → Install Node 24: https://nodejs.org, or nvm install 24.\n`,
  );
  process.exit(1);
}
process.env.MINUTEHAND_HOME ||= defaultHome();
const [command] = process.argv.slice(2);
if (!process.env.MINUTEHAND_CONFIG) {
  const folder = join(resolve(process.env.MINUTEHAND_HOME), 'config');
  // Help and version leave nothing behind.
  const isCommand = command !== undefined && !command.startsWith('-') && !process.argv.includes('--help');
  if (isCommand && !existsSync(folder)) deliverConfig(folder);
  if (existsSync(folder)) process.env.MINUTEHAND_CONFIG = folder;
}
await import('../dist/cli/minutehand.js');
