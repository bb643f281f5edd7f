import { join } from 'node:path';

/** Used by bin/mutate.mjs, which defines what is mutated and which tests evaluate it. */
const { mutate, incremental, report, concurrency } = JSON.parse(process.env.MUTATION_RUN ?? '{}');

export default {
  testRunner: 'vitest',
  plugins: [
    join(import.meta.dirname, 'var/mutate/packages/node_modules/@stryker-mutator/vitest-runner/dist/src/index.js'),
  ],
  vitest: { configFile: 'vitest.mutate.config.ts', related: false },
  coverageAnalysis: 'perTest',
  mutate,
  concurrency,
  incremental: true,
  incrementalFile: incremental,
  // Code that runs while a module is loaded would need a new process for each mutant.
  ignoreStatic: true,
  ignorePatterns: ['var', 'models', 'coverage', '.ci'],
  tempDirName: 'var/mutate/sandbox',
  reporters: ['progress-append-only', 'clear-text', 'json'],
  clearTextReporter: { allowColor: false, reportTests: false, logTests: false, reportScoreTable: true },
  jsonReporter: { fileName: report },
  timeoutMS: 20_000,
  disableTypeChecks: false,
  allowConsoleColors: false,
};
