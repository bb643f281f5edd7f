import { defineConfig } from 'vitest/config';

/** The tests that judge one area under mutation (bin/mutate.mjs). */
export default defineConfig({
  test: {
    include: JSON.parse(process.env.MUTATION_TESTS ?? '[]') as string[],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    isolate: false,
  },
});
