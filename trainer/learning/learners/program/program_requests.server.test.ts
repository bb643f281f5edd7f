import { afterEach, describe, expect, it, vi } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LEARNER_PROGRAM } from '../../../../shared/policy/environment.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import type { Budget } from '../contract/learner.ts';
import { PROGRAM } from './program.ts';
import { LONGEST_SILENCE_MS, ProgramProcess } from './program_process.ts';
import type { ProgramRequest } from './protocol.ts';

const ROWS = 60;
const NAMES = ['z_score', 'beta', 'half_life'];
const FIXTURE = join(import.meta.dirname, 'logistic_program.fixture.mjs');
const PARAMETERS = {
  rounds: 5,
  learning_rate: 0.1,
  leaves: 7,
  min_data_in_leaf: 10,
  l2: 1,
  row_fraction: 0.8,
  column_fraction: 0.8,
};

afterEach(() => {
  delete process.env[LEARNER_PROGRAM];
  vi.useRealTimers();
});

const numbers = (of: (row: number) => number): Float64Array => Float64Array.from({ length: ROWS }, (_, row) => of(row));

/** Every fourth row has no weight. */
const TABLE: FitRows = {
  x: {
    rows: ROWS,
    columns: NAMES.length,
    values: Float32Array.from({ length: ROWS * NAMES.length }, (_, i) => Math.sin(i)),
  },
  y: numbers((row) => Number(Math.sin(row * NAMES.length) > 0)),
  time: numbers((row) => 60 * row),
  labelEnd: numbers((row) => 60 * row + 60),
  weights: numbers((row) => (row % 4 === 3 ? 0 : 1)),
};

interface Asked {
  readonly budget?: Budget;
  readonly seed?: string;
  readonly columns?: readonly number[];
}

function fit(
  command: readonly string[],
  { budget = { kind: 'fixed', iterations: 5 }, seed = 'a', columns }: Asked = {},
) {
  process.env[LEARNER_PROGRAM] = JSON.stringify(command);
  return PROGRAM.open({ parameters: PARAMETERS, columnNames: NAMES }).fit({
    task: { kind: 'binary' },
    rows: TABLE,
    subset: Int32Array.from({ length: 40 }, (_, row) => row),
    columns: columns ?? null,
    budget,
    seed,
    continueFrom: null,
  });
}

/** A program in JavaScript. @param body is given `request` and `print` */
function programThat(body: string): string[] {
  return [
    process.execPath,
    '--input-type=module',
    '-e',
    `import { createInterface } from 'node:readline';
     import { parquetReadObjects } from 'hyparquet';
     import { readFileSync } from 'node:fs';
     console.log('{"minutehand_learner": 1, "name": "a test"}');
     createInterface({ input: process.stdin }).on('line', async (line) => {
       const request = JSON.parse(line);
       const print = (more) => console.log(JSON.stringify({ id: request.id, ...more }));
       ${body}
     });`,
  ];
}

const TELLS = programThat(`
  const file = Uint8Array.from(readFileSync(request.rows)).buffer;
  const rows = await parquetReadObjects({ file });
  const { iterations, seed, features } = request;
  const count = (of) => rows.filter(of).length;
  print({ error: '|' + JSON.stringify({ iterations, seed, features,
    learned: count((row) => row.stopping === 0), stopping: count((row) => row.stopping === 1),
    weightless: count((row) => row.weight === 0), times: rows.slice(0, 4).map(({ time }) => Number(time)),
    columns: Object.keys(rows[0]) }) + '|' });`);

/** What the program was asked: the last words of its error. */
async function askedOf(asked: Asked) {
  const { seen } = (await fit(TELLS, asked).catch((error: unknown) => error)) as { readonly seen: string };
  return JSON.parse(seen.split('|').at(-2)!) as Record<string, unknown> & { readonly seed: number };
}

describe('what a learner program is asked', () => {
  it('is a fit of a fixed length, or one with rows to choose it on, none of them without weight', async () => {
    expect(await askedOf({ budget: { kind: 'fixed', iterations: 7 } })).toMatchObject({
      iterations: 7,
      learned: 30,
      stopping: 0,
      weightless: 0,
      times: [0, 60, 120, 240],
    });
    const stopping = Int32Array.from({ length: 20 }, (_, row) => 40 + row);
    expect(await askedOf({ budget: { kind: 'early_stopping', stopping } })).toMatchObject({
      iterations: null,
      learned: 30,
      stopping: 15,
      weightless: 0,
    });
  });

  it('has the names of the columns that it may use, and a seed that follows from that of the fit alone', async () => {
    const last = await askedOf({ columns: [2, 0], seed: 'b' });
    expect(last).toMatchObject({ features: ['half_life', 'z_score'] });
    expect(last['columns']).toEqual(['half_life', 'z_score', 'label', 'weight', 'time', 'label_end', 'stopping']);
    const seeds = [last, await askedOf({}), await askedOf({})].map(({ seed }) => seed);
    expect(seeds[1]).toBe(seeds[2]);
    expect(seeds[0]).not.toBe(seeds[1]);
    for (const seed of seeds) expect(seed >= 0 && seed < 2 ** 31 && Number.isInteger(seed)).toBe(true);
  });
});

it('a model that has no probability where all features are missing is refused', async () => {
  const source = readFileSync(FIXTURE, 'utf8');
  const hollow = source.replace("['missing', 'zero', 'scaled']", "['missing', 'scaled', 'scaled']");
  expect(hollow).not.toBe(source);
  await expect(fit([process.execPath, '--input-type=module', '-e', hollow])).rejects.toMatchObject({
    code: 'LEARNER_FAILED',
    seen: expect.stringContaining('NaN where all features are missing') as string,
    next: expect.stringContaining('Impute') as string,
  });
  expect((await fit([process.execPath, FIXTURE])).iterations).toBe(5);
});

const LIMITS = { network: true, memoryMb: 4096, hours: 100 };

const request = (id: number): ProgramRequest => ({
  id,
  task: 'binary',
  rows: '',
  features: [],
  seed: 1,
  iterations: null,
  parameters: {},
  model: '',
  check_rows: 0,
});

describe('the process of a learner program', () => {
  it('does one fit after the other, and none that was canceled before its turn', async () => {
    const program = new ProgramProcess(
      programThat(`
        globalThis.busy = (globalThis.busy ?? 0) + 1;
        const alone = globalThis.busy === 1;
        await new Promise((resolve) => setTimeout(resolve, 100));
        globalThis.busy--;
        (globalThis.ids ??= []).push(request.id);
        print(alone ? { done: true, probabilities: globalThis.ids } : { error: 'two at once' });`),
      LIMITS,
    );
    const canceled = new AbortController();
    const answers = [1, 2, 3].map((id) =>
      program.inTurn(() => program.fit(request(id), id === 2 ? { signal: canceled.signal } : {})),
    );
    canceled.abort(new Error('not wanted'));
    await expect(answers[1]).rejects.toThrow('not wanted');
    expect((await answers[0]!).probabilities).toEqual([1]);
    expect(await answers[2]).toMatchObject({ probabilities: [1, 3], name: 'a test' });
  });

  it('that fails tells the last of what it said on standard error', async () => {
    const program = new ProgramProcess(
      programThat(`
        console.error('first words ' + 'x'.repeat(3000));
        console.error('CUDA out of memory');
        process.exitCode = 7;
        process.stdin.destroy();`),
      LIMITS,
    );
    const failure = (await program.fit(request(1), {}).catch((error: unknown) => error)) as { readonly seen: string };
    const said = failure.seen.slice(failure.seen.indexOf('it said:'));
    expect(said).toContain('CUDA out of memory');
    expect(said).not.toContain('first words');
    expect(said.length).toBeLessThan(2100);
  });

  it('lives as long as it says something, is ended by its silence, and ends when its fit fails', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const pidOf = (error: unknown): number => Number(/pid (\d+)/.exec((error as { seen: string }).seen)![1]);
    const isAlive = (pid: number): boolean => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    const program = new ProgramProcess(
      programThat(`
        console.error('pid ' + process.pid);
        const told = new Promise((resolve) => process.stderr.write('', resolve));
        await told;
        for (const progress of [0.1, 0.2, 0.3]) {
          print({ progress });
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        if (request.id === 1) print({ done: true, probabilities: [] });
        if (request.id === 2) print({ progress: 0.4 });`),
      LIMITS,
    );
    const shares: number[] = [];
    const onProgress = (share: number): void => {
      shares.push(share);
      vi.advanceTimersByTime(share === 0.4 ? LONGEST_SILENCE_MS : LONGEST_SILENCE_MS - 1);
    };
    expect(await program.fit(request(1), { onProgress })).toMatchObject({ probabilities: [] });
    const silent = await program.fit(request(2), { onProgress }).catch((error: unknown) => error);
    expect(shares).toEqual([0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.4]);
    expect(silent).toMatchObject({ seen: expect.stringContaining('said nothing for 10 minutes') as string });
    vi.useRealTimers();
    await expect.poll(() => isAlive(pidOf(silent))).toBe(false);
  });
});
