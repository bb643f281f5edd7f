#!/usr/bin/env node
/**
 * `npm run image`: container images of the daemon and the trainer, from the released package (`npm run pack`), by
 * docker, podman or buildah. `--help` has the options.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { npmCommand } from './dependencies.mjs';
import { ENGINE_FOLDER } from './engine/install.mjs';
import { ENGINE } from './engine/keep_build.mjs';
import { buildDebianBase } from './image_base.mjs';
import { inPath } from './machine.mjs';
import { capture, runLogged, tailOf } from './programs.mjs';
import { LOG_FOLDER, ROOT, SetupError, print, readJson } from './project.mjs';
import { ensureInstalled, run } from './setup.mjs';

const HELP = `Usage: npm run image -- [options]

Builds minutehand-daemon:<version> and minutehand-trainer:<version>.

  --target <name>    only this one: daemon, trainer, trainer-python, worker, worker-python (may be repeated)
  --builder <name>   docker, podman or buildah; else the first that is installed
  --base <image>     the image of Node to build on; else NODE_IMAGE of deploy/images.env. "debian" makes one from
                     Debian's archive and npm's package of Node, where no registry of images can be reached (root,
                     debootstrap and buildah are needed)
  --pin              writes the present digest of each image into deploy/images.env, and builds nothing
  --help             this text
`;
const TARGETS = ['daemon', 'trainer', 'trainer-python', 'worker', 'worker-python'];
const DEFAULT_TARGETS = ['daemon', 'trainer'];
const BUILDERS = ['docker', 'podman', 'buildah'];
const CONTEXT = join(ROOT, 'var', 'image');
const DEPLOY = join(ROOT, 'deploy');
const IMAGES = join(DEPLOY, 'images.env');
const DIGEST = /@sha256:[0-9a-f]{64}$/;

/** @typedef {{ name: string, value: string }} Variable */

/** @returns {Variable[]} the images of deploy/images.env */
function listImages() {
  const lines = readFileSync(IMAGES, 'utf8').matchAll(/^([A-Z]+_IMAGE)=(\S+)$/gm);
  return [...lines].map(([, name, value]) => ({ name, value }));
}

/** @param {string | undefined} wanted @throws {SetupError} */
function builderOf(wanted) {
  if (wanted !== undefined && !BUILDERS.includes(wanted))
    throw new SetupError(`--builder is ${wanted}, expected ${BUILDERS.join(', ')}`);
  const found = (wanted === undefined ? BUILDERS : [wanted]).find(inPath);
  if (found === undefined)
    throw new SetupError(`${wanted ?? BUILDERS.join(', ')}: not installed.\n  → apt-get install podman, or buildah`);
  return found;
}

/**
 * Puts together what the Dockerfile copies: the released package, the lock files, which fix every package of Node, what
 * is in them (CycloneDX), and from what it was built (in-toto, SLSA).
 * @param {string} base the image of Node
 * @throws {SetupError}
 */
async function makeContext(base) {
  const log = join(LOG_FOLDER, 'image_pack.log');
  const packed = await runLogged('packing the release', { file: process.execPath, first: [] }, ['bin/pack.mjs'], log);
  if (packed !== 0) throw new SetupError(`npm run pack failed; the whole log is ${log}`);
  rmSync(CONTEXT, { recursive: true, force: true });
  mkdirSync(CONTEXT, { recursive: true });
  cpSync(join(ROOT, 'var', 'release', 'package'), join(CONTEXT, 'package'), { recursive: true });
  cpSync(join(DEPLOY, 'image'), join(CONTEXT, 'image'), { recursive: true });
  cpSync(join(ROOT, 'bin', 'prune.mjs'), join(CONTEXT, 'image', 'bin', 'prune.mjs'));
  mkdirSync(join(CONTEXT, 'image', 'engine'));
  for (const name of ['package.json', 'package-lock.json', 'keep_build.mjs'])
    cpSync(join(ENGINE_FOLDER, name), join(CONTEXT, 'image', 'engine', name));
  await lockPackages();
  const { file, first } = npmCommand();
  const args = ['--prefix', CONTEXT, 'sbom', '--package-lock-only', '--omit', 'dev', '--sbom-format', 'cyclonedx'];
  const parts = await capture(file, [...first, ...args]);
  if (parts.code !== 0) throw new SetupError('npm sbom failed');
  const bill = JSON.parse(parts.output);
  bill.components.push(engineComponent());
  writeFileSync(join(CONTEXT, 'package', 'sbom.cdx.json'), `${JSON.stringify(bill, null, 2)}\n`);
  writeFileSync(join(CONTEXT, 'package', 'provenance.json'), `${JSON.stringify(await provenance(base), null, 2)}\n`);
}

/**
 * The lock file of the images: that of the project, with BullMQ, which only fleets need, among what is installed.
 * @throws {SetupError}
 */
async function lockPackages() {
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(ROOT, name), join(CONTEXT, name));
  const { peerDependencies } = readJson(join(ROOT, 'package.json'));
  const log = join(LOG_FOLDER, 'image_lock.log');
  const where = ['--prefix', CONTEXT, '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund'];
  const args = ['install', ...where, '--save-prod', '--save-exact', `bullmq@${peerDependencies.bullmq}`];
  if ((await runLogged('locking the packages', npmCommand(), args, log)) !== 0)
    throw new SetupError(`${tailOf(log)}\nnpm install failed; the whole log is ${log}`);
}

/**
 * The statement of https://slsa.dev/spec/v1.0/provenance, without a signature: who builds the image signs it, in the
 * registry.
 * @param {string} base
 */
async function provenance(base) {
  const release = join(ROOT, 'var', 'release');
  const packed = readdirSync(release).filter((name) => name.endsWith('.tgz'));
  const locks = ['package-lock.json', 'image/engine/package-lock.json'];
  const { revision } = await commitOf();
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: packed.map((name) => ({ name, digest: { sha256: sha256Of(join(release, name)) } })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'npm run image',
        externalParameters: { base },
        resolvedDependencies: [
          { uri: 'git', digest: { gitCommit: revision } },
          ...locks.map((name) => ({ uri: name, digest: { sha256: sha256Of(join(CONTEXT, name)) } })),
        ],
      },
      runDetails: { builder: { id: 'bin/image.mjs' } },
    },
  };
}

/** @param {string} path */
function sha256Of(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** The server engine, which the images have from a lock file of its own, for the bill of materials (CycloneDX). */
function engineComponent() {
  const { packages } = readJson(join(ENGINE_FOLDER, 'package-lock.json'));
  const { version, integrity } = packages[`node_modules/${ENGINE}`];
  const [algorithm, content] = integrity.split('-', 2);
  if (algorithm !== 'sha512') throw new SetupError(`${ENGINE} is locked by ${algorithm}, expected sha512`);
  return {
    type: 'library',
    name: ENGINE,
    version,
    purl: `pkg:npm/${ENGINE.replace('@', '%40')}@${version}`,
    hashes: [{ alg: 'SHA-512', content: Buffer.from(content, 'base64').toString('hex') }],
  };
}

/** @returns {Promise<{ revision: string, seconds: string }>} of the commit; the time makes builds repeatable */
async function commitOf() {
  const { code, output } = await capture('git', ['-C', ROOT, 'log', '-1', '--format=%H %ct']);
  if (code !== 0) return { revision: 'unknown', seconds: String(Math.floor(statSync(IMAGES).mtimeMs / 1000)) };
  const [revision, seconds] = output.trim().split(' ');
  return { revision, seconds };
}

/** What npm needs to reach its registry from here. @param {NodeJS.ProcessEnv} env */
function secretsOf({ NODE_EXTRA_CA_CERTS }) {
  const files = [
    { id: 'ca', path: NODE_EXTRA_CA_CERTS ?? '' },
    { id: 'npmrc', path: join(homedir(), '.npmrc') },
  ];
  return files.filter(({ path }) => path !== '' && existsSync(path));
}

/** @param {string} builder @param {string} target @param {string} base @returns {Promise<string>} the image's name */
async function build(builder, target, base) {
  const { version } = readJson(join(ROOT, 'package.json'));
  const { revision, seconds } = await commitOf();
  const name = `minutehand-${target}:${version}`;
  const labels = {
    'org.opencontainers.image.title': `minutehand ${target}`,
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.revision': revision,
    'org.opencontainers.image.created': new Date(Number(seconds) * 1000).toISOString(),
    'org.opencontainers.image.base.name': base,
  };
  const args = [
    'build',
    // The format of OCI has no health checks.
    ...(builder === 'docker' ? [] : ['--format', 'docker', '--layers']),
    ...(builder === 'buildah' ? ['--isolation', process.getuid?.() === 0 ? 'chroot' : 'rootless'] : []),
    ...['--file', join(CONTEXT, 'image', 'Dockerfile'), '--target', target, '--tag', name],
    ...['--build-arg', `NODE_IMAGE=${base}`],
    ...secretsOf(process.env).flatMap(({ id, path }) => ['--secret', `id=${id},src=${path}`]),
    ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
    CONTEXT,
  ];
  const log = join(LOG_FOLDER, `image_${target}.log`);
  if ((await runLogged(`building ${name}`, { file: builder, first: [] }, args, log)) !== 0)
    throw new SetupError(`${name} was not built; the whole log is ${log}`);
  return name;
}

/**
 * Asks the registries which bytes each tag stands for at present.
 * @param {string} builder
 * @throws {SetupError} for an image that cannot be fetched; the file is then unchanged
 */
async function pin(builder) {
  let text = readFileSync(IMAGES, 'utf8');
  for (const { name, value } of listImages()) {
    const tag = value.replace(DIGEST, '');
    const log = join(LOG_FOLDER, 'image_pin.log');
    if ((await runLogged(`fetching ${tag}`, { file: builder, first: [] }, ['pull', tag], log)) !== 0)
      throw new SetupError(`${tag} could not be fetched, and nothing was written; the whole log is ${log}`);
    const format =
      builder === 'buildah'
        ? ['inspect', '--type', 'image', '--format', '{{.FromImageDigest}}', tag]
        : ['image', 'inspect', '--format', '{{index .RepoDigests 0}}', tag];
    const { output } = await capture(builder, format);
    const digest = /sha256:[0-9a-f]{64}/.exec(output)?.[0];
    if (digest === undefined) throw new SetupError(`${tag}: ${builder} knows no digest of it`);
    text = text.replace(`${name}=${value}\n`, `${name}=${tag}@${digest}\n`);
    print(`${tag}: ${digest}`);
  }
  writeFileSync(IMAGES, text);
}

/** Of an image, in MB. @param {string} builder @param {string} name */
async function sizeOf(builder, name) {
  if (builder !== 'buildah') {
    const { output } = await capture(builder, ['image', 'inspect', '--format', '{{.Size}}', name]);
    return Number(output) / 1e6;
  }
  const { output } = await capture(builder, ['images', '--json', name]);
  return parseSize(JSON.parse(output)[0].size);
}

/** @param {string} text such as `1.2 GB` @returns {number} MB */
function parseSize(text) {
  const [amount, unit] = text.split(' ');
  return Number(amount) * { B: 1e-6, KB: 1e-3, MB: 1, GB: 1000 }[unit];
}

await run(async () => {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', multiple: true },
      builder: { type: 'string' },
      base: { type: 'string' },
      pin: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    print(HELP);
    return 0;
  }
  const targets = values.target ?? DEFAULT_TARGETS;
  for (const target of targets)
    if (!TARGETS.includes(target)) throw new SetupError(`--target is ${target}, expected ${TARGETS.join(', ')}`);
  const builder = builderOf(values.base === 'debian' ? 'buildah' : values.builder);
  if (values.pin) {
    await pin(builder);
    return 0;
  }
  await ensureInstalled('programs');
  const base = values.base === 'debian' ? await buildDebianBase() : (values.base ?? nodeImage());
  await makeContext(base);
  for (const target of targets) {
    const name = await build(builder, target, base);
    print(`${name}: ${(await sizeOf(builder, name)).toFixed(0)} MB`);
    process.stdout.write(`${name}\n`);
  }
  return 0;
});

/** @returns {string} */
function nodeImage() {
  const { value } = listImages().find(({ name }) => name === 'NODE_IMAGE');
  if (!DIGEST.test(value))
    print(`${value} is a tag without a digest: it may name other bytes tomorrow. \`npm run image -- --pin\` fixes it.`);
  return value;
}
