import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWindowsWorkplace, IS_WINDOWS, windowsPath, WINDOWS_NOTE, type WindowsWorkplace } from './windows.ts';

/** What publishers, locks, journal, store and server must hold, whatever the system. */
const SUITES = {
  publishers: ['daemon/publish/'],
  locks: ['shared/process/', 'shared/owner/', 'shared/held_folder', 'shared/durable_file', 'cli/stop_door'],
  journal: ['shared/store/', 'daemon/journal/'],
  store: ['trainer/store/'],
  server: ['daemon/serve/'],
};

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

describe.runIf(IS_WINDOWS)(`the suites of parts on Windows${WINDOWS_NOTE}`, () => {
  let place: WindowsWorkplace;
  beforeAll(() => void (place = createWindowsWorkplace()));
  afterAll(() => place.remove(), 60_000);

  it.each(Object.entries(SUITES))('of the %s hold', { timeout: 900_000 }, async (name, files) => {
    const path = join(place.folder, `${name}.json`);
    const reporters = ['./test/run_reporter.ts', 'json'].map((one) => `--reporter=${one}`);
    const report = `--outputFile.json=${windowsPath(path)}`;
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--maxWorkers=2', ...reporters, report, ...files];
    const run = place.start(vitest);
    const code = await run.ended;
    const output = `${run.stdout()}${run.stderr()}`;
    expect(existsSync(path), output).toBe(true);
    const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as Report;
    const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
    const failed = tests.filter(({ status }) => status === 'failed');
    const unloaded = testResults.filter(
      ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
    );
    expect([
      ...failed.map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0]?.slice(0, 500)}`),
      ...unloaded.map(({ name: file, message }) => `${file}: ${message.slice(0, 500)}`),
    ]).toEqual([]);
    expect(code, output).toBe(0);
    const passed = tests.filter(({ status }) => status === 'passed').length;
    expect(passed).toBeGreaterThan(0);
    const skipped = run.stderr().match(/^skipped \d+: .*$/gm) ?? [];
    process.stderr.write([`${name}: ${passed} passed, ${tests.length - passed} skipped`, ...skipped, ''].join('\n'));
  });
});
