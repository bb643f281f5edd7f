import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadSettings } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';
import { openApiDocument } from '../trainer/control/api/openapi.ts';
import { eventually } from './cli_process.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

describe('npm run pack', () => {
  let file: string;
  let folder: string;
  let names: string[];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'minutehand-release-'));
    const packed = spawnSync(process.execPath, [join(packageRoot(), 'bin', 'pack.mjs')], { encoding: 'utf8' });
    expect(packed.status, packed.stderr).toBe(0);
    file = packed.stdout.trim();
    names = spawnSync('tar', ['tzf', file], { encoding: 'utf8' }).stdout.trim().split('\n');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has what running needs, and no tests, sources or tools of the build', () => {
    for (const path of [
      'bin/minutehand.mjs',
      'config/minutehand.yaml',
      'config/schema/minutehand.schema.json',
      'dashboard/dist/index.html',
      'dist/cli/minutehand.js',
      'dist/daemon/infer/load_worker.js',
      'dist/shared/bundle/tree_kernel/tree_kernel.wasm',
      'docs/guides/GET_STARTED.md',
      'docs/reference/ERRORS.md',
      'mt5/Experts/Minutehand.mq5',
      'npm-shrinkwrap.json',
      'openapi.json',
      'README.md',
      'systemd/minutehand-trainer.service',
    ])
      expect(names, path).toContain(`package/${path}`);
    const unwanted = /\.(test|fixture|oracle)\.|\.(ts|tsx|map)$|\/node_modules\/|^package\/(test|models|var|bench)\//;
    expect(names.filter((name) => unwanted.test(name))).toEqual([]);
    expect(names.filter((name) => name.startsWith('package/bin/')).sort()).toEqual([
      'package/bin/engine.mjs',
      'package/bin/engine/package-lock.json',
      'package/bin/engine/package.json',
      'package/bin/minutehand.mjs',
      'package/bin/prune.mjs',
    ]);
    const manifest = JSON.parse(
      spawnSync('tar', ['xzOf', file, 'package/package.json'], { encoding: 'utf8' }).stdout,
    ) as Record<string, Record<string, string> | undefined>;
    const own = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as typeof manifest;
    expect([manifest['scripts'], manifest['devDependencies']]).toEqual([undefined, undefined]);
    const builders = ['@preact/signals', 'esbuild', 'preact', 'uplot'];
    const needed = Object.entries(own['dependencies']!).filter(([name]) => !builders.includes(name));
    expect(manifest['dependencies']).toEqual(Object.fromEntries(needed));
  });

  it('has the document that a running trainer serves as the description of its API', async () => {
    const { stdout } = spawnSync('tar', ['xzOf', file, 'package/openapi.json'], { encoding: 'utf8', maxBuffer: 1e8 });
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(await openApiDocument(loadSettings()))));
  });

  it('installs the server engine by a program without dependencies', () => {
    spawnSync('tar', ['xzf', file, '-C', folder, 'package/bin/engine.mjs']);
    const program = join(folder, 'package', 'bin', 'engine.mjs');
    const { status, stderr } = spawnSync(process.execPath, [program, '--help'], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, expect.stringContaining('Usage: npm run engine') as string]);
  });

  it('gives ten good signals where it is installed, with data and configuration outside the package', async () => {
    const node = process.execPath;
    const { MINUTEHAND_CONFIG: _, ...inherited } = process.env;
    const env = {
      ...inherited,
      PATH: `${dirname(node)}${delimiter}${process.env['PATH'] ?? ''}`,
      XDG_DATA_HOME: join(folder, 'data'),
      MINUTEHAND_DAEMON_PORT: '0',
      MINUTEHAND_TRAINER_PORT: '0',
    };
    const own = join(folder, 'own');
    mkdirSync(own);
    const unpacked = spawnSync('tar', ['xzf', file, '--strip-components', '1', '-C', own]);
    expect(unpacked.status).toBe(0);
    const install = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
    const installed = spawnSync('npm', install, { cwd: own, env, encoding: 'utf8' });
    expect(installed.status, installed.stderr).toBe(0);
    // npm refuses a lock that does not fit, and what it has installed is what the lock says, to the version.
    const lock = JSON.parse(readFileSync(join(own, 'npm-shrinkwrap.json'), 'utf8')) as {
      packages: Record<string, { version: string; optional?: true }>;
    };
    for (const [path, { version, optional }] of Object.entries(lock.packages)) {
      const at = join(own, path, 'package.json');
      if (path === '' || (optional && !existsSync(at))) continue;
      const { version: found } = JSON.parse(readFileSync(at, 'utf8')) as { version: string };
      expect([path, found]).toEqual([path, version]);
    }
    expect(spawnSync(node, [join(own, 'bin', 'prune.mjs')]).status).toBe(0);
    const others = readdirSync(join(own, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6'));
    expect(others).toEqual([process.platform]);
    const program = join(own, 'bin', 'minutehand.mjs');
    const home = join(folder, 'data', 'minutehand');
    const help = spawnSync(node, [program, '--version'], { env, encoding: 'utf8' });
    expect([help.status, existsSync(home)]).toEqual([0, false]);
    const up = spawn(node, [program, 'up'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let told = '';
    up.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
    try {
      const { pairs } = loadSettings({ env: {} }).minutehand;
      const modeOf = (pair: string): unknown => {
        const path = join(home, 'signals', pair, 'signal.json');
        return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { mode: string }).mode : null;
      };
      await eventually(
        () => `ten good signals: ${told}`,
        () => pairs.every((pair) => modeOf(pair) === 'OK'),
        8,
      );
      expect(existsSync(join(home, 'config', 'minutehand.yaml'))).toBe(true);
      expect(existsSync(join(own, 'var'))).toBe(false);
    } finally {
      const ended = once(up, 'exit');
      up.kill('SIGTERM');
      await ended;
    }
  });
});
