import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readBarFolder, writeBarFile } from '../../../../../shared/bar_file/bar_file.ts';
import { parsePair, symbolsOf } from '../../../../../shared/pair.ts';
import { packageRoot } from '../../../../../shared/root.ts';
import { createRng } from '../../../../../shared/rng.ts';
import { tinyBars, tinySettings } from '../../../../../test/tiny_models.ts';
import { datasetPolicy } from './dataset_policy.ts';
import { buildDataset } from './dataset.ts';
import type { DatasetJob } from './dataset_program.fixture.ts';
import type { CacheReport } from './pair_cache.ts';
import { skipNote } from '../../../../../test/skip_note.ts';

vi.setConfig({ testTimeout: 180_000 });

const settings = tinySettings();
const policy = datasetPolicy(settings);
const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD', 'XAUUSD_EURUSD', 'GBPUSD_AUDUSD'];

let folder: string;
/** Result of the sources in this process, without threads or cache. */
let expectedId: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-dataset-'));
  await build({
    configFile: false,
    root: packageRoot(),
    logLevel: 'error',
    build: {
      ssr: true,
      outDir: folder,
      target: 'node24',
      minify: false,
      rollupOptions: {
        input: {
          program: join(import.meta.dirname, 'dataset_program.fixture.ts'),
          pair_worker: join(import.meta.dirname, 'pair_worker.ts'),
        },
        output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' },
      },
    },
  });
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  mkdirSync(join(folder, 'data'));
  for (const [symbol, columns] of tinyBars(settings)) {
    await writeBarFile(join(folder, 'data', `${symbol}.csv`), columns);
  }
  const pairs = PAIRS.map(parsePair);
  const bars = await readBarFolder(join(folder, 'data'), symbolsOf(pairs));
  expectedId = (await buildDataset(pairs, bars, policy, { workers: 0, cache: null, onProgress: () => undefined }))
    .snapshotId;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let jobs = 0;
interface Finished {
  readonly code: number | null;
  readonly signal: string | null;
  readonly end: { readonly snapshotId: string; readonly cache: CacheReport | null } | null;
}
interface RunOptions {
  readonly workers?: number;
  readonly cache?: string | null;
  /** Command prefix: `node` with preloaded modules. */
  readonly command?: readonly string[];
  /** Called with the number of completed pairs. */
  onDone?(done: number, kill: () => void): void;
}

function run({ workers = 0, cache = null, command = [process.execPath], onDone }: RunOptions): Promise<Finished> {
  const job: DatasetJob = {
    pairs: PAIRS,
    data: join(folder, 'data'),
    policy,
    workers,
    cache: cache === null ? null : { folder: cache, maxBytes: 1e9 },
  };
  const path = join(folder, `job-${jobs++}.json`);
  writeFileSync(path, JSON.stringify(job));
  return new Promise((resolve, reject) => {
    const [program, ...words] = [...command, join(folder, 'program.js'), path];
    const child = spawn(program!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let end: Finished['end'] = null;
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const printed = JSON.parse(line) as { done: number } | NonNullable<Finished['end']>;
        if ('done' in printed) onDone?.(printed.done, () => child.kill('SIGKILL'));
        else end = printed;
      }
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, end }));
  });
}

/** Node with a preloaded module that kills the process half-way through its n-th write to a file. */
function killedInWrite(n: number): string[] {
  const module = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { writeSync } = fs;
    let writes = 0;
    fs.writeSync = (file, data, ...rest) => {
      if (data instanceof Uint8Array && ++writes === ${n}) {
        writeSync(file, data, 0, data.length >> 1);
        process.kill(process.pid, 'SIGKILL');
      }
      return writeSync(file, data, ...rest);
    };
    syncBuiltinESMExports();`;
  return [process.execPath, '--import', `data:text/javascript,${encodeURIComponent(module)}`];
}

const namesIn = (path: string): string[] => readdirSync(path).sort();
const isEntry = (name: string): boolean => /^[0-9a-f]{64}$/.test(name);

describe('a dataset built in a separate process', () => {
  it('is the same for any number of threads, with and without a cache', async () => {
    expect(await run({ workers: 2 })).toMatchObject({ code: 0, end: { snapshotId: expectedId, cache: null } });
    const built = { hits: 0, built: 5, dropped: 0, failure: null };
    const bytesOf = async (workers: number): Promise<string[]> => {
      const cache = join(folder, `threads-${workers}`);
      expect(await run({ workers, cache })).toMatchObject({ code: 0, end: { snapshotId: expectedId, cache: built } });
      return namesIn(cache).map((name) => `${name} ${readFileSync(join(cache, name)).toString('base64')}`);
    };
    // The bytes of cache entries do not depend on threads either.
    expect((await bytesOf(3)).join() === (await bytesOf(0)).join()).toBe(true);
    const again = await run({ workers: 1, cache: join(folder, 'threads-0') });
    expect(again.end).toEqual({ snapshotId: expectedId, cache: { ...built, hits: 5, built: 0 } });
  });

  it('is the same after kills in the middle of writing a pair, whose partial file is ignored and removed', async () => {
    const cache = join(folder, 'torn');
    // A file is written in 21 to 45 parts, and complete entries are not rebuilt.
    let whole = 0;
    for (const write of [5, 45, 45]) {
      expect(await run({ cache, command: killedInWrite(write) })).toMatchObject({ signal: 'SIGKILL', end: null });
      expect(namesIn(cache).filter((name) => name.endsWith('.tmp')).length).toBeGreaterThan(0);
      const before = whole;
      whole = namesIn(cache).filter(isEntry).length;
      expect(whole - before).toBeGreaterThanOrEqual(write === 5 ? 0 : 1);
    }
    const { end } = await run({ workers: 2, cache });
    expect(end).toEqual({
      snapshotId: expectedId,
      cache: { hits: whole, built: PAIRS.length - whole, dropped: 0, failure: null },
    });
    expect(namesIn(cache).every(isEntry)).toBe(true);
    expect(namesIn(cache)).toHaveLength(PAIRS.length);
  });

  it('is the same after kills at any time, with threads', async () => {
    const rng = createRng('kills');
    const cache = join(folder, 'killed');
    for (let attempt = 0; attempt < 4; attempt++) {
      const at = rng.integer(PAIRS.length);
      const delayMs = rng.integer(4);
      await run({
        workers: 2,
        cache,
        onDone: (done, kill) => {
          if (done === at) setTimeout(kill, delayMs);
        },
      });
      if (attempt === 1) rmSync(cache, { recursive: true, force: true });
    }
    const { end } = await run({ workers: 2, cache });
    expect(end).toMatchObject({ snapshotId: expectedId, cache: { dropped: 0, failure: null } });
    expect(namesIn(cache).every(isEntry)).toBe(true);
  });

  const isWindows = process.platform === 'win32';
  const note = skipNote(isWindows, 'there is no ulimit');
  it.skipIf(isWindows)(`is the same when the disk is full, and reports that${note}`, async () => {
    const cache = join(folder, 'full');
    // Files of at most 64 kB: every entry fails half-way.
    const command = ['bash', '-c', 'ulimit -f 64; exec "$0" "$@"', process.execPath];
    const { end } = await run({ cache, command });
    expect(end!.snapshotId).toBe(expectedId);
    expect(end!.cache).toMatchObject({ hits: 0, built: PAIRS.length, dropped: 0 });
    expect(end!.cache!.failure).toMatch(/EFBIG/);
    expect(namesIn(cache)).toEqual([]);
  });
});
