import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

interface Runtime {
  readonly node: string;
  readonly modules: string;
  readonly machine: string;
  readonly glibc: string | null;
}

const { engineMisfit, thisRuntime } = (await import(
  pathToFileURL(join(packageRoot(), 'bin', 'engine', 'keep_build.mjs')).href
)) as { engineMisfit(runtime: Runtime): string | null; thisRuntime(): Runtime };

const DEBIAN_13: Runtime = { node: '24.22.3', modules: '137', machine: 'linux-x64', glibc: '2.41' };

describe('a build of uWebSockets.js', () => {
  it.each<[string, Partial<Runtime>, RegExp | null]>([
    ['Debian 13', {}, null],
    ['the oldest glibc', { glibc: '2.38' }, null],
    ['a later major version of glibc', { glibc: '3.0' }, null],
    ['Debian 12', { glibc: '2.36' }, /glibc 2\.36, .* 2\.38 or newer/],
    ['an old glibc whose digits would sort behind', { glibc: '2.4' }, /glibc 2\.4,/],
    ['musl', { glibc: null }, /not glibc/],
    ['arm64', { machine: 'linux-arm64' }, null],
    ['macOS, which has no glibc', { machine: 'darwin-arm64', glibc: null }, null],
    ['another processor', { machine: 'linux-s390x' }, /no build for linux-s390x/],
    ['Node 26', { node: '26.1.0', modules: '147' }, /no build for Node 26\.1\.0, only for 20, 22, 24, 25/],
  ])('fits %s, or says why it does not', (_, changes, why) => {
    const misfit = engineMisfit({ ...DEBIAN_13, ...changes });
    if (why === null) expect(misfit).toBeNull();
    else expect(misfit).toMatch(why);
  });

  it.runIf(process.platform === 'linux')('is sought for the C library that this Node runs with', () => {
    const { glibc, modules } = thisRuntime();
    expect(modules).toBe(process.versions.modules);
    const said = execFileSync('ldd', ['--version'], { encoding: 'utf8' });
    expect(said).toMatch(new RegExp(`^ldd .* ${glibc?.replace('.', '\\.')}\n`));
  });
});
