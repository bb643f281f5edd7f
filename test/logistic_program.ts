import { join } from 'node:path';
import { packageRoot } from '../shared/root.ts';

/** MINUTEHAND_LEARNER_PROGRAM of a program that learns a logistic regression, and shares no code with minutehand. */
export const LOGISTIC_PROGRAM = JSON.stringify([
  process.execPath,
  join(packageRoot(), 'trainer/learning/learners/program/logistic_program.fixture.mjs'),
]);
