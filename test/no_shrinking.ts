import fc from 'fast-check';

// Under mutation a counterexample is enough: to shrink it takes most of the time of a run.
fc.configureGlobal({ endOnFailure: true });
