import fc from 'fast-check';

// In mutation testing one counterexample is enough; shrinking would take most of the time.
fc.configureGlobal({ endOnFailure: true });
