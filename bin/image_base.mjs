/**
 * A base image like `node:<version>-trixie-slim`, made from Debian's archive and npm's package of Node: for machines
 * that reach no registry of images. Kept by buildah under its name until the version of Node in deploy/images.env
 * changes.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { npmCommand } from './dependencies.mjs';
import { inPath } from './machine.mjs';
import { capture, runLogged } from './programs.mjs';
import { LOG_FOLDER, ROOT, SetupError, print } from './project.mjs';

const SUITE = 'trixie';
const MIRROR = 'http://deb.debian.org/debian';
const LOG = join(LOG_FOLDER, 'image_base.log');

/** @returns {Promise<string>} the name of the image @throws {SetupError} */
export async function buildDebianBase() {
  for (const program of ['buildah', 'debootstrap'])
    if (!inPath(program)) throw new SetupError(`${program} is not installed.\n  → apt-get install buildah debootstrap`);
  if (process.getuid?.() !== 0) throw new SetupError('debootstrap needs root');
  const images = readFileSync(join(ROOT, 'deploy', 'images.env'), 'utf8');
  const version = /^NODE_IMAGE=\S*node:(\d+\.\d+\.\d+)-/m.exec(images)?.[1];
  if (version === undefined) throw new SetupError('NODE_IMAGE of deploy/images.env names no version of Node');
  const name = `localhost/minutehand-node:${version}-${SUITE}`;
  if ((await capture('buildah', ['inspect', '--type', 'image', '--format', '{{.FromImageID}}', name])).code === 0)
    return name;
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-base-'));
  try {
    await makeFiles(folder, version);
    await commit(folder, name);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return name;
}

/** @param {string} folder @param {string} version of Node */
async function makeFiles(folder, version) {
  const root = join(folder, 'root');
  const packages = ['--variant=minbase', '--include=ca-certificates'];
  await must(`Debian ${SUITE}`, { file: 'debootstrap', first: [] }, [...packages, SUITE, root, MIRROR]);
  rmSync(join(root, 'var', 'cache', 'apt', 'archives'), { recursive: true, force: true });
  rmSync(join(root, 'var', 'lib', 'apt', 'lists'), { recursive: true, force: true });
  mkdirSync(join(root, 'var', 'lib', 'apt', 'lists', 'partial'), { recursive: true });
  mkdirSync(join(root, 'var', 'cache', 'apt', 'archives', 'partial'), { recursive: true });
  const node = join(folder, 'node');
  mkdirSync(node);
  writeFileSync(join(node, 'package.json'), '{ "private": true }\n');
  const from = `node-linux-${process.arch}@${version}`;
  await must(`Node ${version}`, npmCommand(), ['install', '--prefix', node, '--ignore-scripts', '--no-audit', from]);
  const program = join(node, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  cpSync(program, join(root, 'usr', 'local', 'bin', 'node'));
  // npm comes with Node everywhere but in that package.
  const npm = join(root, 'usr', 'local', 'lib', 'node_modules');
  mkdirSync(npm, { recursive: true });
  await must('npm', npmCommand(), ['install', '--prefix', node, '--ignore-scripts', '--no-audit', 'npm@11']);
  cpSync(join(node, 'node_modules', 'npm'), join(npm, 'npm'), { recursive: true });
  writeFileSync(
    join(root, 'usr', 'local', 'bin', 'npm'),
    '#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"\n',
    { mode: 0o755 },
  );
}

/** @param {string} folder @param {string} name */
async function commit(folder, name) {
  const { code, output } = await capture('buildah', ['from', 'scratch']);
  const container = output.trim();
  if (code !== 0) throw new SetupError('buildah from scratch failed');
  try {
    const buildah = { file: 'buildah', first: [] };
    await must('copying the files', buildah, ['copy', container, join(folder, 'root'), '/']);
    await must('settings', buildah, [
      'config',
      '--env',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      '--cmd',
      'node',
      container,
    ]);
    await must(name, buildah, ['commit', '--format', 'docker', container, name]);
  } finally {
    await capture('buildah', ['rm', container]);
  }
  print(`${name}: made`);
}

/** @param {string} label @param {import('./programs.mjs').Command} command @param {string[]} args */
async function must(label, command, args) {
  if ((await runLogged(label, command, args, LOG)) !== 0)
    throw new SetupError(`${label} failed; the whole log is ${LOG}`);
}
