import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { libraryHere } from './engine.fixture.ts';
import { librariesFrom, openLibrary } from './engine_library.ts';

const { open, note } = libraryHere('xgboost');
const NONE = { lightgbm: null, xgboost: null };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-library-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe.skipIf(open === null)(`openLibrary${note}`, () => {
  it.each([
    ['CONDA_PREFIX', 'lib/libxgboost.so'],
    ['CONDA_PREFIX', 'lib/python3.12/site-packages/xgboost/lib/libxgboost.so'],
    ['VIRTUAL_ENV', 'lib/python3.9/site-packages/xgboost/lib/libxgboost.so'],
    ['LD_LIBRARY_PATH', 'libxgboost.so.0'],
    // The environment of `minutehand learners install`.
    ['MINUTEHAND_HOME', 'learners/python/lib/python3.11/site-packages/xgboost/lib/libxgboost.so'],
  ])('finds the library of %s: %s', (variable, file) => {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(open!.path, path);
    expect(openLibrary('xgboost', NONE, { [variable]: folder }).path).toBe(path);
  });

  it('finds the library beside the Python that trains the networks, before that of the installation', () => {
    const file = 'lib/python3.11/site-packages/xgboost/lib/libxgboost.so';
    const named = join(folder, 'named', file);
    const installed = join(folder, 'home', 'learners', 'python', file);
    for (const path of [named, installed]) {
      mkdirSync(dirname(path), { recursive: true });
      symlinkSync(open!.path, path);
    }
    const env = { MINUTEHAND_HOME: join(folder, 'home') };
    expect(openLibrary('xgboost', NONE, env).path).toBe(installed);
    const python = join(folder, 'named', 'bin', 'python');
    expect(openLibrary('xgboost', NONE, { ...env, MINUTEHAND_NETWORKS_PYTHON: python }).path).toBe(named);
  });

  it('continues with the next location when a file does not load', () => {
    writeFileSync(join(folder, 'libxgboost.so'), 'torn');
    const { path } = openLibrary('xgboost', NONE, { ...process.env, LD_LIBRARY_PATH: folder });
    expect(dirname(path)).not.toBe(folder);
  });

  it('loads the configured file and no other', () => {
    const path = join(folder, 'mine.so');
    symlinkSync(open!.path, path);
    expect(openLibrary('xgboost', librariesFrom({ MINUTEHAND_XGBOOST_LIBRARY: path })).path).toBe(path);
    rmSync(path);
    expect(() => openLibrary('xgboost', { ...NONE, xgboost: path })).toThrow(
      expect.objectContaining({ code: 'LEARNER_MISSING' }) as Error,
    );
  });

  it('makes the threads of OpenMP wait without spinning, unless the user sets it', () => {
    openLibrary('xgboost', librariesFrom());
    expect(process.env['OMP_WAIT_POLICY']).toBe('passive');
  });
});

it('an empty variable names no library', () => {
  expect(librariesFrom({ MINUTEHAND_XGBOOST_LIBRARY: '', MINUTEHAND_LIGHTGBM_LIBRARY: '/a' })).toEqual({
    lightgbm: '/a',
    xgboost: null,
  });
});
