import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describeError } from './errors.ts';

/** What Node says of a module that is not there. */
async function errorOfImport(specifier: string): Promise<unknown> {
  return import(/* @vite-ignore */ specifier).then(
    () => null,
    (error: unknown) => error,
  );
}

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

  it('a package that is not installed, or another file, is none of that', async () => {
    const error = await errorOfImport('no-such-package-of-anyone');
    expect(error).toBeInstanceOf(Error);
    expect(describeError(error).code).toBe('INTERNAL');
    const elsewhere = Object.assign(new Error("Cannot find module '/home/ann/table.mjs'"), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
    expect(describeError(elsewhere).code).toBe('INTERNAL');
  });
});
