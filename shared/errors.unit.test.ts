import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readBundleFile } from './bundle/manifest_file.ts';
import { describeError, type MinutehandError } from './errors.ts';
import { MACHINE_FILES } from './files.ts';

describe('an error of loading', () => {
  it('a part of the program that a new build has removed says so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-errors-'));
    const bundle = join(folder, 'dist', 'bundle');
    mkdirSync(bundle, { recursive: true });
    writeFileSync(join(bundle, 'main.mjs'), `export const load = () => import('./part-A1B2.mjs');`);
    const { load } = (await import(/* @vite-ignore */ pathToFileURL(join(bundle, 'main.mjs')).href)) as {
      load(): Promise<unknown>;
    };
    const error: unknown = await load().catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' });
    expect(describeError(error)).toMatchObject({ code: 'PROGRAM_REPLACED', next: expect.stringContaining('Restart') });
    expect(describeError(new Error('the work failed', { cause: error })).code).toBe('PROGRAM_REPLACED');
    rmSync(folder, { recursive: true });
  });

  it('a package that is not installed says how it is installed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-errors-'));
    writeFileSync(join(folder, 'main.mjs'), `export const load = () => import('no-such-package-of-anyone');`);
    const { load } = (await import(/* @vite-ignore */ pathToFileURL(join(folder, 'main.mjs')).href)) as {
      load(): Promise<unknown>;
    };
    const error: unknown = await load().catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' });
    expect(describeError(error)).toMatchObject({
      code: 'NOT_INSTALLED',
      message: expect.stringContaining('no-such-package-of-anyone') as string,
      next: expect.stringContaining('npm run tools') as string,
    });
    rmSync(folder, { recursive: true });
  });

  it('another file that is missing is none of that', () => {
    const elsewhere = Object.assign(new Error("Cannot find module '/home/ann/table.mjs'"), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
    expect(describeError(elsewhere).code).toBe('INTERNAL');
  });
});

it('a file that this user may not use is named, and is no defect; a port is another matter', () => {
  const denied = Object.assign(new Error("EACCES: permission denied, scandir '/home/of/ann'"), {
    code: 'EACCES',
    syscall: 'scandir',
    path: '/home/of/ann',
  });
  for (const error of [denied, new Error('the work failed', { cause: denied })])
    expect(describeError(error)).toMatchObject({
      code: 'FILE_DENIED',
      message: expect.stringContaining('Seen: /home/of/ann (EACCES).'),
    });
  const port = Object.assign(new Error('listen EACCES'), { code: 'EACCES', syscall: 'listen', path: '/run/a.sock' });
  expect(describeError(port).code).toBe('INTERNAL');
});

it('a bundle that this user may not read is not missing', () => {
  const denied = Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'open', path: '/m/manifest.json' });
  const read = (error: Error): string => {
    try {
      const files = {
        ...MACHINE_FILES,
        read: () => {
          throw error;
        },
      };
      readBundleFile('/m/manifest.json', 'manifest', files);
      return '';
    } catch (thrown) {
      return (thrown as MinutehandError).code;
    }
  };
  expect(read(denied)).toBe('FILE_DENIED');
  expect(read(Object.assign(new Error('ENOENT'), { code: 'ENOENT', path: '/m' }))).toBe('MODEL_MISSING');
});
