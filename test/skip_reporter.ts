import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';
import { SKIPPED } from './skip_note.ts';

/**
 * Prints every skipped test's reason: the note of `context.skip`, otherwise the suffix of the title of the test or a
 * parent suite (`skipNote`). A test skipped without a reason fails the run. With a name pattern (`-t`) nothing is
 * printed, because most tests are left out then.
 */
export default class SkipReporter implements Reporter {
  private isFiltered = false;

  onInit({ config }: Vitest): void {
    this.isFiltered = config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.isFiltered) return;
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')]);
    const byReason = new Map<string, TestCase[]>();
    for (const test of skipped) {
      const reason = reasonOf(test);
      if (reason === null) process.exitCode = 1;
      const key = reason ?? `NO REASON GIVEN for "${test.fullName}"`;
      byReason.set(key, [...(byReason.get(key) ?? []), test]);
    }
    for (const [reason, tests] of byReason) {
      const files = [...new Set(tests.map(({ module }) => module.relativeModuleId))];
      process.stderr.write(`skipped ${tests.length}: ${reason} (${files.join(', ')})\n`);
    }
  }
}

/** Reason for skipping a test; null without one. */
export function reasonOf(test: TestCase): string | null {
  const result = test.result();
  if (result.state === 'skipped' && result.note !== undefined) return result.note;
  for (let at: TestCase | TestSuite | TestModule = test; at.type !== 'module'; at = at.parent) {
    const found = SKIPPED.exec(at.name)?.[1];
    if (found !== undefined) return found;
  }
  return null;
}
