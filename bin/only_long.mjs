/**
 * Test files that `npm run test:long` runs and CI leaves out, for which its twenty minutes have no room: simulations of
 * error rates, whose code rarely changes, and chains of programs whose parts have tests of their own. Anywhere else
 * vitest runs them.
 */
export const ONLY_LONG = [
  'trainer/learning/profile/drift.unit.test.ts',
  'trainer/control/rollout/simulation/rollouts.unit.test.ts',
  'trainer/learning/automl/screen.unit.test.ts',
  'trainer/learning/validate/quality_gate.unit.test.ts',
  'test/storage.chain.test.ts',
  'test/verify_deep.server.test.ts',
  'test/scan_command.server.test.ts',
  'test/evolve_crash.server.test.ts',
];
