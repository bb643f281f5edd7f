import { statSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';

/**
 * Small files first: most mutants fail a quick test, and the run of a mutant ends with its first failure. Vitest's own
 * order depends on the run before, which was that of another mutant.
 */
class SmallestFirst extends BaseSequencer {
  override sort(...[files]: Parameters<BaseSequencer['sort']>): ReturnType<BaseSequencer['sort']> {
    const size = new Map(files.map((file) => [file, statSync(file.moduleId).size]));
    return Promise.resolve([...files].sort((a, b) => size.get(a)! - size.get(b)!));
  }
}

/** The tests that check one area under mutation (bin/mutate.mjs). */
export default defineConfig({
  test: {
    include: JSON.parse(process.env.MUTATION_TESTS ?? '[]') as string[],
    setupFiles: ['test/no_shrinking.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    isolate: false,
    sequence: { sequencer: SmallestFirst },
  },
});
