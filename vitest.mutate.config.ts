import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';

/** Small files first (Vitest starts with the largest): most mutants fail a quick test, and the run of a mutant ends with its first failure. */
class SmallestFirst extends BaseSequencer {
  override async sort(...args: Parameters<BaseSequencer['sort']>): ReturnType<BaseSequencer['sort']> {
    return (await super.sort(...args)).reverse();
  }
}

/** The tests that judge one area under mutation (bin/mutate.mjs). */
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
