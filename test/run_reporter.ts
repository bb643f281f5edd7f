import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import {
  DefaultReporter,
  type TestCase,
  type TestModule,
  type TestRunEndReason,
  type TestSpecification,
  type TestSuite,
  type SerializedError,
  type Vitest,
} from 'vitest/node';
import { packageRoot } from '../shared/root.ts';
import { keepDurations, readDurations, type Durations, type Took } from './durations.ts';
import { SKIPPED } from './skip_note.ts';

/** What bin/steps.mjs reads of a run. Files are relative to the root of the project. */
export interface RunReport {
  readonly passed: number;
  readonly skipped: readonly { readonly reason: string; readonly tests: number; readonly files: readonly string[] }[];
  readonly failures: readonly { readonly file: string; readonly test: string; readonly message: string }[];
  /** Names of tests that passed, by file. */
  readonly passedNames: Readonly<Record<string, readonly string[]>>;
  readonly took: Durations;
}

/** In place of the name of a test: its file failed outside all tests. */
const WHOLE_FILE = 'the file itself';

/**
 * Says how far a run is: each finished file with its time, how many are done of all, about how long the others will
 * take, and each failure when it happens. Keeps what every file took. Writes a report to the file that TEST_RUN_REPORT
 * names. A test that is skipped without a reason fails the run; with a name pattern (`-t`), which leaves most tests
 * out, it does not, and no times are kept.
 */
export default class RunReporter extends DefaultReporter {
  readonly #reportFile = process.env['TEST_RUN_REPORT'];
  #root = '';
  #isFiltered = false;
  #before: Durations = {};
  #waiting = new Set<string>();
  #files = 0;
  #startMs = 0;
  /** Of files that are done: seconds by the run before, for the speed of this one. */
  #doneSeconds = 0;
  readonly #took: Record<string, Took> = {};

  constructor() {
    super({ summary: false });
    // A run that a test starts has a report of its own.
    delete process.env['TEST_RUN_REPORT'];
  }

  override onInit(vitest: Vitest): void {
    super.onInit(vitest);
    this.#root = vitest.config.root;
    this.#isFiltered = vitest.config.testNamePattern !== undefined;
    this.#before = readDurations();
  }

  override onTestRunStart(specifications: readonly TestSpecification[]): void {
    super.onTestRunStart(specifications);
    this.#waiting = new Set(specifications.map(({ moduleId }) => this.#nameOf(moduleId)));
    this.#files = this.#waiting.size;
    this.#startMs = performance.now();
  }

  override onTestCaseResult(test: TestCase): void {
    super.onTestCaseResult(test);
    const result = test.result();
    if (result.state !== 'failed') return;
    const file = this.#nameOf(test.module.moduleId);
    this.log(`FAILED ${file}: ${test.fullName}\n       ${firstLine(result.errors[0]?.message)}`);
  }

  protected override printTestModule(module: TestModule): void {
    const file = this.#nameOf(module.moduleId);
    const tests = [...module.children.allTests()];
    const took = tookOf(module);
    if (!this.#isFiltered) {
      this.#took[file] = took;
      // Kept at once: a run that is cut off has measured something too.
      if (this.#root === packageRoot()) keepDurations({ [file]: took });
    }
    this.#waiting.delete(file);
    this.#doneSeconds += this.#expected(file);
    const count = (state: 'failed' | 'skipped'): string => {
      const found = tests.filter((test) => test.result().state === state).length;
      return found === 0 ? '' : `, ${found} ${state}`;
    };
    const sign = module.state() === 'failed' ? '×' : '✓';
    const seconds = `${took.wall_s.toFixed(1)} s${took.processor_s === null ? '' : `, processor ${took.processor_s.toFixed(1)} s`}`;
    const done = String(this.#files - this.#waiting.size).padStart(String(this.#files).length);
    this.log(
      `${sign} ${done}/${this.#files} ${file} (${tests.length} tests${count('failed')}${count('skipped')}) ${seconds}${this.#timeLeft()}`,
    );
  }

  override onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    super.onTestRunEnd(modules, errors, reason);
    const skipped = this.#isFiltered ? [] : this.#skippedOf(modules);
    for (const { reason: why, tests, files } of skipped)
      process.stderr.write(`skipped ${tests}: ${why} (${files.join(', ')})\n`);
    if (this.#reportFile !== undefined)
      writeFileSync(this.#reportFile, JSON.stringify({ ...this.#results(modules), skipped } satisfies RunReport));
  }

  #skippedOf(modules: readonly TestModule[]): RunReport['skipped'] {
    const byReason = new Map<string, TestCase[]>();
    for (const test of modules.flatMap((module) => [...module.children.allTests('skipped')])) {
      const reason = reasonOf(test);
      if (reason === null) process.exitCode = 1;
      const key = reason ?? `NO REASON GIVEN for "${test.fullName}"`;
      byReason.set(key, [...(byReason.get(key) ?? []), test]);
    }
    return [...byReason].map(([reason, tests]) => ({
      reason,
      tests: tests.length,
      files: [...new Set(tests.map(({ module }) => this.#nameOf(module.moduleId)))],
    }));
  }

  #results(modules: readonly TestModule[]): Omit<RunReport, 'skipped'> {
    const passedNames: Record<string, string[]> = {};
    const failures: { file: string; test: string; message: string }[] = [];
    let passed = 0;
    for (const module of modules) {
      const file = this.#nameOf(module.moduleId);
      const tests = [...module.children.allTests()];
      const names = tests.filter((test) => test.result().state === 'passed').map(({ fullName }) => fullName);
      passed += names.length;
      passedNames[file] = names;
      const failed = tests.flatMap((test) => {
        const result = test.result();
        return result.state === 'failed'
          ? [{ file, test: test.fullName, message: firstLine(result.errors[0]?.message) }]
          : [];
      });
      failures.push(...failed);
      if (failed.length === 0 && module.state() === 'failed')
        failures.push({ file, test: WHOLE_FILE, message: firstLine(errorOf(module)) });
    }
    return { passed, failures, passedNames, took: this.#took };
  }

  #nameOf(path: string): string {
    return relative(this.#root, path).replaceAll('\\', '/');
  }

  /** Seconds, by the run before; for a file that it lacks, the mean of the others. */
  #expected(file: string): number {
    const known = Object.values(this.#before);
    const mean = known.reduce((sum, { wall_s }) => sum + wall_s, 0) / Math.max(1, known.length);
    return this.#before[file]?.wall_s ?? mean;
  }

  #timeLeft(): string {
    const left = [...this.#waiting].reduce((sum, file) => sum + this.#expected(file), 0);
    if (this.#doneSeconds === 0 || left === 0) return '';
    const elapsed = (performance.now() - this.#startMs) / 1000;
    const minutes = ((elapsed / this.#doneSeconds) * left) / 60;
    return minutes < 1 ? '; less than a minute left' : `; about ${Math.round(minutes)} min left`;
  }
}

function tookOf(module: TestModule): Took {
  const { environmentSetupDuration, prepareDuration, collectDuration, setupDuration, duration } = module.diagnostic();
  const wallMs = environmentSetupDuration + prepareDuration + collectDuration + setupDuration + duration;
  const processor = module.meta().processorSeconds;
  return {
    wall_s: Number((wallMs / 1000).toFixed(2)),
    processor_s: processor === undefined ? null : Number(processor.toFixed(2)),
  };
}

/** Of a file, or of a suite in it. */
function errorOf(module: TestModule): string | undefined {
  const suites = [...module.children.allSuites()];
  return [module, ...suites].flatMap((one: TestModule | TestSuite) => one.errors()).at(0)?.message;
}

function firstLine(text: string | undefined): string {
  return (text ?? '').trimStart().split('\n')[0]!.slice(0, 300);
}

/** Of a test that did not run because something around it failed, which is a failure of its own. */
const SET_UP_FAILED = 'the set-up of its suite or file failed';

/** Why a test is skipped: the note of `context.skip`, else the suffix (`skipNote`) of a title; null without one. */
export function reasonOf(test: TestCase): string | null {
  const result = test.result();
  if (result.state === 'skipped' && result.note !== undefined) return result.note;
  for (let at: TestCase | TestSuite | TestModule = test; at.type !== 'module'; at = at.parent) {
    const found = SKIPPED.exec(at.name)?.[1];
    if (found !== undefined) return found;
  }
  return errorOf(test.module) === undefined ? null : SET_UP_FAILED;
}
