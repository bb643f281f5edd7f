import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describeError } from './errors.ts';

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
