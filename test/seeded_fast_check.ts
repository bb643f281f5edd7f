import fc from '../node_modules/fast-check/lib/fast-check.js';

// Of the day, by `CI=true npm test`, which prints it: TEST_SEED=20787 repeats a run of another day.
fc.configureGlobal({ seed: Number(process.env['TEST_SEED']) });

export * from '../node_modules/fast-check/lib/fast-check.js';
export default fc;
