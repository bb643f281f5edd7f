import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{shared,daemon,trainer,cli,bench,sim,test,mt5}/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // One for each core: most files wait for processes of their own half of the time.
    maxWorkers: 2,
  },
});
