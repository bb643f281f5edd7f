import fc from '../node_modules/fast-check/lib/fast-check.js';

const DAY_MS = 86_400_000;
// A failure prints its seed and path, so that it can be repeated on another day.
fc.configureGlobal({ seed: Math.floor(Date.now() / DAY_MS) });

export * from '../node_modules/fast-check/lib/fast-check.js';
export default fc;
