import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MinutehandError } from '../../../shared/errors.ts';
import { packageRoot } from '../../../shared/root.ts';
import { createRng } from '../../../shared/rng.ts';
import { IS_WEEKLY } from '../../../test/weekly.ts';
import { medianBests, OBJECTIVES, OPTUNA, type ObjectiveName } from './objectives.ts';
import type { Params, Space } from './space.ts';
import { createStudy, type Study, type StudyOptions } from './study.ts';
import type { Trial } from './trial.ts';

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'minutehand-study-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MIXED = OBJECTIVES.mixed;
const defaults = {
  space: MIXED.space,
  seed: 7,
  direction: 'minimize',
  sampler: 'tpe',
  journal: null,
} as const satisfies StudyOptions;

/** Calls ask and tell until there are this many trials. */
function run(study: Study, trials: number, evaluate: (params: Params) => number = MIXED.evaluate): Trial[] {
  const asked: Trial[] = [];
  while (study.trials().filter(({ state }) => state !== 'running').length < trials) {
    const trial = study.ask();
    asked.push(trial);
    study.tell(trial, evaluate(trial.params));
  }
  return asked;
}

describe('TPE', () => {
  const bests = new Map<ObjectiveName, readonly number[]>();
  /** Twenty searches, run once. */
  const bestsOf = (name: ObjectiveName): readonly number[] => {
    const known = bests.get(name) ?? medianBests(name, 'tpe');
    bests.set(name, known);
    return known;
  };

  // Six continuous dimensions take as long as the others together: `npm run test:weekly` has them.
  it.each(['branin', ...(IS_WEEKLY ? (['hartmann6', 'mixed'] as const) : [])] as const)(
    'is not worse than Optuna on %s after 30, 60 and 120 trials',
    (name) => {
      bestsOf(name).forEach((median, i) => expect(median).toBeLessThanOrEqual(OPTUNA[name].tpe[i]!));
    },
  );

  it('beats random search by far', () => {
    const tpe = bestsOf('branin');
    medianBests('branin', 'random').forEach((median, i) => expect(tpe[i]!).toBeLessThan(0.6 * median));
  });

  it('finds the branch of a tree that is good, and searches there', () => {
    const space: Space = {
      engine: { kind: 'categorical', choices: ['trees', 'linear'] },
      depth: { kind: 'integer', low: 1, high: 12, when: { parameter: 'engine', is: ['trees'] } },
      penalty: { kind: 'float', low: 1e-4, high: 1e4, log: true, when: { parameter: 'engine', is: ['linear'] } },
    };
    const evaluate = ({ engine, depth, penalty }: Params): number =>
      engine === 'trees' ? 1 + (Number(depth) - 5) ** 2 : Math.abs(Math.log10(Number(penalty)) - 2) / 2;
    const study = createStudy({ ...defaults, space });
    const asked = run(study, 80, evaluate);
    for (const { params } of asked) {
      expect('depth' in params).toBe(params.engine === 'trees');
      expect('penalty' in params).toBe(params.engine === 'linear');
    }
    expect(asked.slice(40).filter(({ params }) => params.engine === 'linear').length).toBeGreaterThan(25);
    expect(study.best()!.value).toBeLessThan(0.05);
  });

  it('works when all values are equal, and when the space has one point', () => {
    run(createStudy(defaults), 40, () => 1);
    const study = createStudy({ ...defaults, space: { k: { kind: 'integer', low: 3, high: 3 } } });
    expect(run(study, 15, () => 0).every(({ params }) => params.k === 3)).toBe(true);
  });
});

describe('a study', () => {
  it('gives the same trials for the same seed and tells, others for another seed', () => {
    const trials = run(createStudy(defaults), 40);
    expect(run(createStudy(defaults), 40)).toEqual(trials);
    expect(run(createStudy({ ...defaults, seed: 8 }), 40)).not.toEqual(trials);
    expect(run(createStudy({ ...defaults, seed: '7' }), 40)).not.toEqual(trials);
  });

  it('maximizes as it minimizes the negative', () => {
    const up = createStudy({ ...defaults, direction: 'maximize' });
    const trials = run(up, 40, (params) => -MIXED.evaluate(params));
    const down = createStudy(defaults);
    expect(run(down, 40)).toEqual(trials);
    expect(up.best()!.number).toBe(down.best()!.number);
  });

  it('begins with the values it is given', () => {
    const first = [{ lr: 0.01, k: 32, c: 'b', d: 0.3 }];
    const study = createStudy({ ...defaults, first });
    expect(study.ask().params).toEqual(first[0]);
    expect(() => createStudy({ ...defaults, first: [{ lr: 2, k: 32, c: 'b', d: 0.3 }] })).toThrow(RangeError);
  });

  it('can have several trials in progress', () => {
    const study = createStudy(defaults);
    for (let round = 0; round < 10; round++) {
      const batch = [study.ask(), study.ask(), study.ask()];
      for (const trial of batch.reverse()) study.tell(trial, MIXED.evaluate(trial.params));
    }
    expect(study.trials().map(({ number }) => number)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  it('counts failed measurements as bad, and avoids them', () => {
    const study = createStudy(defaults);
    const isBroken = ({ c }: Params): boolean => c === 'b';
    const asked = run(study, 60, (params) => (isBroken(params) ? NaN : MIXED.evaluate(params)));
    expect(study.trials().filter(({ state }) => state === 'failed').length).toBe(
      asked.filter(({ params }) => isBroken(params)).length,
    );
    expect(asked.slice(30).filter(({ params }) => isBroken(params)).length).toBeLessThan(8);
    expect(study.best()!.params.c).not.toBe('b');
  });

  it('has no best trial before one is complete', () => {
    const study = createStudy(defaults);
    expect(study.best()).toBeNull();
    study.fail(study.ask(), 'no rows');
    expect(study.best()).toBeNull();
    expect(study.trials()[0]!.reason).toBe('no rows');
  });

  it('refuses to end a trial twice, and reports that are not finite', () => {
    const study = createStudy(defaults);
    const trial = study.ask();
    expect(() => study.report(trial, 0, NaN)).toThrow(RangeError);
    study.tell(trial, 1);
    expect(() => study.tell(trial, 1)).toThrow(RangeError);
    expect(() => study.report(trial, 0, 1)).toThrow(RangeError);
  });

  it('prunes trials worse than the median at their step, after a warm-up, at little loss', () => {
    let steps = 0;
    const search = (isPruned: boolean): { best: number; steps: number; pruned: number } => {
      steps = 0;
      const study = createStudy(defaults);
      const noise = createRng('noise');
      for (let k = 0; k < 60; k++) {
        const trial = study.ask();
        const value = MIXED.evaluate(trial.params);
        let hopeless = false;
        for (let step = 0; step < 5 && !hopeless; step++) {
          steps++;
          const isBad = study.report(trial, step, value + (0.1 * noise.normal()) / (step + 1));
          if (step === 0) expect(isBad).toBe(false);
          hopeless = isPruned && isBad;
        }
        if (hopeless) study.prune(trial);
        else study.tell(trial, value);
      }
      const pruned = study.trials().filter(({ state }) => state === 'pruned').length;
      return { best: study.best()!.value!, steps, pruned };
    };
    const with_ = search(true);
    const without = search(false);
    expect(with_.pruned).toBeGreaterThan(10);
    expect(with_.steps).toBeLessThan(0.85 * without.steps);
    expect(with_.best).toBeLessThan(0.1);
  });
});

describe('the journal of a study', () => {
  const journal = (name: string): string => join(folder, `${name}.jsonl`);

  it('resumes at any point of interruption', () => {
    const path = journal('cut');
    const uninterrupted = run(createStudy(defaults), 25);
    const whole = createStudy({ ...defaults, journal: path });
    run(whole, 25);
    whole.close();
    const bytes = readFileSync(path);
    const cut = journal('truncated');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length }), (length) => {
        writeFileSync(cut, bytes.subarray(0, length));
        const study = createStudy({ ...defaults, journal: cut });
        run(study, 25);
        study.close();
        expect(study.trials().map(({ number, params }) => ({ number, params }))).toEqual(uninterrupted);
        // Byte-identical to the journal without interruption.
        expect(readFileSync(cut).equals(bytes)).toBe(true);
      }),
      { numRuns: IS_WEEKLY ? 60 : 25 },
    );
  });

  it('restarts a trial that was in progress', () => {
    const path = journal('under way');
    const first = createStudy({ ...defaults, journal: path });
    const trial = first.ask();
    first.report(trial, 0, 5);
    first.close();
    const second = createStudy({ ...defaults, journal: path });
    expect(second.trials()[0]!.reports.size).toBe(0);
    expect(second.ask()).toEqual(trial);
    second.report(trial, 0, 5);
    second.tell(trial, 5);
    second.close();
    expect(createStudy({ ...defaults, journal: path }).best()!.value).toBe(5);
  });

  it('is refused for another search, and when it is damaged in the middle', () => {
    const path = journal('other');
    const study = createStudy({ ...defaults, journal: path });
    run(study, 3);
    study.close();
    const code = (options: StudyOptions): string => {
      try {
        createStudy(options).close();
        return 'none';
      } catch (error) {
        return error instanceof MinutehandError ? error.code : String(error);
      }
    };
    expect(code({ ...defaults, journal: path })).toBe('none');
    expect(code({ ...defaults, journal: path, seed: 8 })).toBe('SEARCH_JOURNAL');
    expect(code({ ...defaults, journal: path, direction: 'maximize' })).toBe('SEARCH_JOURNAL');
    const lines = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, lines.with(2, lines[2]!.slice(0, 10)).join('\n'));
    expect(code({ ...defaults, journal: path })).toBe('SEARCH_JOURNAL');
    writeFileSync(path, lines.toSpliced(1, 1).join('\n'));
    expect(code({ ...defaults, journal: path })).toBe('SEARCH_JOURNAL');
    writeFileSync(path, 'something else altogether');
    expect(code({ ...defaults, journal: path })).toBe('SEARCH_JOURNAL');
    expect(readFileSync(path, 'utf8')).toBe('something else altogether');
  });

  it('of a process that is killed repeatedly ends with the trials of one that was never killed', async () => {
    const program = await buildProgram();
    const trials = 40;
    const calm = journal('calm');
    expect(await runProgram(program, calm, trials, null)).toBe('done');
    const killed = journal('killed');
    const rng = createRng('kills');
    let kills = 0;
    for (; kills < (IS_WEEKLY ? 20 : 10); kills++) {
      if ((await runProgram(program, killed, trials, 5 + rng.integer(60))) === 'done') break;
    }
    expect(kills).toBeGreaterThan(2);
    // On a slow machine it never ends on its own.
    expect(await runProgram(program, killed, trials, null)).toBe('done');
    expect(ends(killed)).toEqual(ends(calm));
    expect(existsSync(killed)).toBe(true);
  });

  /** The requests and their ends; reports may occur twice. */
  const ends = (path: string): unknown[] =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('{"kind":"report"'))
      .map((line) => JSON.parse(line) as unknown);

  async function buildProgram(): Promise<string> {
    await build({
      configFile: false,
      root: packageRoot(),
      logLevel: 'error',
      build: {
        ssr: true,
        outDir: folder,
        emptyOutDir: false,
        target: 'node24',
        minify: false,
        rollupOptions: {
          input: { program: join(import.meta.dirname, 'study_program.fixture.ts') },
          output: { entryFileNames: '[name].mjs' },
        },
      },
    });
    return join(folder, 'program.mjs');
  }

  /** @param killAfterMs counted from the first trial; null = never */
  function runProgram(
    program: string,
    path: string,
    trials: number,
    killAfterMs: number | null,
  ): Promise<'done' | 'killed'> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [program, path, String(trials)], { stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.on('data', (data: Buffer) => {
        if (output === '' && killAfterMs !== null) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
        output += data.toString();
      });
      child.on('error', reject);
      child.on('close', (code) => {
        if (code !== 0 && code !== null) reject(new Error(`the program ended with ${code}`));
        else resolve(output.endsWith('done\n') ? 'done' : 'killed');
      });
    });
  }
});
