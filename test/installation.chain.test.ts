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
import { packageRoot } from '../shared/root.ts';
import { SQLITE_PACKAGE, sqliteMissing } from '../shared/store/sqlite.ts';
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
  for (const name of ['bin', 'package.json', 'package-lock.json', '.npmrc'])
    cpSync(join(packageRoot(), name), join(folder, name), { recursive: true });
  mkdirSync(join(folder, 'tools'));
  // The tools that compile SQLite exist, and an npm that only records its arguments.
  for (const tool of ['python3', 'make', 'g++']) writeFileSync(join(folder, 'tools', tool), '');
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
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(disguise)}`, join(folder, 'bin', program), ...args],
    { cwd: folder, env: { ...env, npm_execpath: join(tools, 'npm-cli.js') }, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
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

  it('installs nothing under Node 20 if SQLite is not compiled for it, and names both versions', () => {
    installed();
    const finished = run('minutehand.mjs', ['doctor', '--json'], NODE_20);
    expect(finished.status).toBe(1);
    expect(errorOf(finished)).toMatchObject({
      code: 'NODE_MISMATCH',
      message: expect.stringContaining(
        `installed for ${INSTALLER}, this is Node 20.20.2 (abi 115): better-sqlite3-12 is not compiled`,
      ) as string,
    });
    expect(npmCalls()).toEqual([]);
    expect(readdirSync(modules)).toEqual(['.minutehand-lock']);
  });

  it('installs nothing if SQLite was compiled for another Node', () => {
    installed();
    const place = join(modules, 'better-sqlite3-12', 'build', 'Release');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'better_sqlite3.node'), 'no program of this machine');
    const finished = run('minutehand.mjs', ['status', '--json'], NODE_20);
    expect(errorOf(finished)).toMatchObject({
      code: 'NODE_MISMATCH',
      message: expect.stringContaining('better-sqlite3-12 does not load (') as string,
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

  it('prints the supported versions of Node under an unsupported one', () => {
    installed();
    const finished = run('minutehand.mjs', ['doctor', '--json'], { node: '21.7.3', modules: '120', napi: '9' });
    expect(errorOf(finished)).toMatchObject({
      code: 'NODE_UNSUPPORTED',
      message: expect.stringContaining('Node 21.7.3 (abi 120)') as string,
    });
  });

  it('works with one installation under every version of Node that needs nothing compiled', () => {
    installed();
    const check = `import { checkInstalled } from './setup.mjs';\ncheckInstalled();\nconsole.log('can run');\n`;
    writeFileSync(join(folder, 'bin', 'check.mjs'), check);
    for (const versions of [NODE_24, { node: '22.14.0', modules: '127', napi: '10' }])
      expect(run('check.mjs', [], versions)).toMatchObject({ status: 0, stdout: 'can run\n' });
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
      calls: [`ci --no-audit --no-fund ${kind} --include=optional --engine-strict=false`],
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
    expect(npmCalls()).toEqual([
      'install --no-save --no-audit --no-fund --include=dev --include=optional --engine-strict=false',
    ]);
    expect(stderr).toContain('npm install failed; the whole log is ');
  });

  it('keeps the packages for development when a start installs a new lock file', () => {
    installed({ lock: 'of another day' });
    run('build.mjs', [], NODE_24);
    expect(npmCalls()).toEqual([expect.stringMatching(/^ci .*--include=dev/)]);
  });

  it('fetches SQLite under Node 20 beside the other packages, in the locked version', () => {
    // Its failure ends the other at once, and the other's first work is its note.
    const npm = join(folder, 'tools', 'npm-cli.js');
    writeFileSync(
      npm,
      `${readFileSync(npm, 'utf8')}\nif (!process.argv.includes('--prefix')) setTimeout(() => {}, 1000);\n`,
    );
    run('build.mjs', [], NODE_20);
    const place = join(folder, 'var', 'sqlite');
    expect(npmCalls().sort()).toEqual([
      expect.stringMatching(`^ci --ignore-scripts --prefix ${place} `) as string,
      expect.stringMatching(/^ci --no-audit --no-fund --omit=dev/) as string,
    ]);
    const { packages } = JSON.parse(readFileSync(join(place, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version?: string }>;
    };
    expect(Object.keys(packages)).toContain('node_modules/bindings');
    const locked = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as { packages: typeof packages };
    for (const [path, entry] of Object.entries(packages)) if (path !== '') expect(entry).toEqual(locked.packages[path]);
  });

  it('compiles SQLite under Node 20 and replaces no packages that are installed', () => {
    installed();
    const { status, stderr } = run('build.mjs', [], NODE_20);
    expect({ status, calls: npmCalls() }).toEqual({
      status: 1,
      calls: ['rebuild better-sqlite3-12 --ignore-scripts=false'],
    });
    expect(stderr).toContain('compiling better-sqlite3-12 for Node 20.20.2 (abi 115)');
    expect(stderr).toContain('use Node 22.14 or newer, which needs no compiler');
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

describe('SQLite', () => {
  it('is chosen alike by set-up and programs, with errors of docs/reference/ERRORS.md', async () => {
    const load = async (name: string): Promise<Record<string, unknown>> =>
      (await import(pathToFileURL(join(packageRoot(), 'bin', name)).href)) as Record<string, unknown>;
    expect((await load('node_version.mjs'))['SQLITE_PACKAGE']).toBe(SQLITE_PACKAGE);
    const { SETUP_ERRORS } = await load('project.mjs');
    for (const [code, entry] of Object.entries(SETUP_ERRORS as object))
      expect(ERRORS[code as ErrorCode]).toMatchObject(entry as object);
  });

  it('is version 13 where Node has Node-API 10 and version 12 elsewhere', () => {
    const { version } = createRequire(import.meta.url)(`${SQLITE_PACKAGE}/package.json`) as { version: string };
    expect(version.split('.')[0]).toBe(Number(process.versions.napi) >= 10 ? '13' : '12');
  });

  it('that does not load is reported with the version of Node and the next step', () => {
    const error = sqliteMissing(new Error('Could not locate the bindings file. Tried:\n many places'));
    expect(error.code).toBe('SQLITE_MISSING');
    expect(error.message).toContain(
      `Node ${process.version} (abi ${process.versions.modules}), ${SQLITE_PACKAGE}: Could not locate the bindings file. Tried:`,
    );
  });
});
