import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly integrity?: string; readonly dependencies?: object }>
  >;
}

const { STATED_FILES, lockOf, notesOf, versionFault, withRelease, withVersion } = (await import(
  pathToFileURL(join(packageRoot(), 'bin', 'release_text.mjs')).href
)) as {
  STATED_FILES: readonly string[];
  lockOf(manifest: object, lock: Lock): Lock;
  notesOf(section: string, commits: readonly string[]): string;
  versionFault(given: string, present: string): string | null;
  withRelease(text: string, version: string, day: string): { text: string; section: string };
  withVersion(name: string, text: string, from: string, to: string): string;
};

const read = (name: string): string => readFileSync(join(packageRoot(), name), 'utf8');
const { version } = JSON.parse(read('package.json')) as { version: string };

describe('a release', () => {
  it('states its version in every file that states the present one', () => {
    for (const name of STATED_FILES) {
      const changed = withVersion(name, read(name), version, '98.7.6');
      expect([name, changed.split('98.7.6').length > 1]).toEqual([name, true]);
      expect(withVersion(name, changed, '98.7.6', version)).toBe(read(name));
    }
    // Deployments name no other version than the one that was replaced.
    for (const name of STATED_FILES.filter((one) => one.startsWith('deploy/')))
      expect([name, withVersion(name, read(name), version, '98.7.6').includes(version)]).toEqual([name, false]);
    expect(() => withVersion('package.json', '{}', version, '98.7.6')).toThrow(
      `package.json does not state the version`,
    );
  });

  it.each([
    ['0.1.0', null],
    ['0.1.1', null],
    ['0.2.0', null],
    ['1.0.0', null],
    ['0.3.0', 'does not follow 0.1.0'],
    ['0.0.9', 'does not follow 0.1.0'],
    ['v0.2.0', 'is no version'],
  ])('of version %s after 0.1.0: %s', (given, fault) => {
    const found = versionFault(given, '0.1.0');
    if (fault === null) expect(found).toBeNull();
    else expect(found).toContain(fault);
  });

  it('closes the unreleased part of the changelog, and opens an empty one', () => {
    const before = '# Changelog\n\nIts format.\n\n## [Unreleased]\n\n### Added\n\n- One\n';
    const { text, section } = withRelease(before, '0.1.0', '2026-11-26');
    expect(text).toBe(
      '# Changelog\n\nIts format.\n\n## [Unreleased]\n\n## [0.1.0] - 2026-11-26\n\n### Added\n\n- One\n',
    );
    expect(section).toBe('## [0.1.0] - 2026-11-26\n\n### Added\n\n- One');
    expect(() => withRelease(text, '0.2.0', '2026-11-27')).toThrow('nothing below [Unreleased]');
    const later = withRelease(text.replace('[Unreleased]\n', '[Unreleased]\n\n- Two\n'), '0.2.0', '2026-11-27');
    expect(later.section).toBe('## [0.2.0] - 2026-11-27\n\n- Two');
    expect(withRelease(read('CHANGELOG.md'), '98.7.6', '2026-11-26').section).toContain('### Added');
  });

  it('has notes with the commits since the one before', () => {
    expect(notesOf('## [0.2.0]', ['b2 Second', 'a1 First'])).toBe(
      '## [0.2.0]\n\n### Commits\n\n- b2 Second\n- a1 First\n',
    );
  });
});

describe('the lock of a released package', () => {
  const lock = JSON.parse(read('package-lock.json')) as Lock;
  const own = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  const { esbuild: _, ...dependencies } = own.dependencies;
  const { packages } = lockOf({ ...own, dependencies }, lock);
  const paths = Object.keys(packages).filter((path) => path !== '');

  it('has every package that the released one needs, at any depth, with the hash of the project’s lock', () => {
    for (const name of Object.keys(dependencies)) expect(paths).toContain(`node_modules/${name}`);
    expect(paths.length).toBeGreaterThan(2 * Object.keys(dependencies).length);
    for (const path of paths) {
      expect(packages[path]).toBe(lock.packages[path]);
      expect([path, packages[path]!.integrity]).toEqual([path, expect.stringMatching(/^sha512-/)]);
    }
  });

  it('has nothing that only the build and the tests need', () => {
    for (const name of ['esbuild', 'vitest', 'typescript', 'bullmq', 'oxlint'])
      expect(paths).not.toContain(`node_modules/${name}`);
  });

  it('finds a package where Node does, nearest first, and refuses one that is nowhere', () => {
    const nested = {
      'node_modules/a': { dependencies: { b: '1' }, optionalDependencies: { only_mac: '1' } },
      'node_modules/a/node_modules/b': { version: '1.0.0', dependencies: { c: '1' } },
      'node_modules/b': { version: '2.0.0' },
      'node_modules/c': { version: '1.0.0' },
    };
    const manifest = { name: 'x', version: '1.0.0', dependencies: { a: '1' } };
    const found = Object.keys(lockOf(manifest, { packages: nested }).packages);
    expect(found).toEqual(['', 'node_modules/a', 'node_modules/a/node_modules/b', 'node_modules/c']);
    expect(() => lockOf({ ...manifest, dependencies: { d: '1' } }, { packages: nested })).toThrow('has no d, which x');
  });
});
