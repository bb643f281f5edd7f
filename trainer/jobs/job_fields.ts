import * as z from 'zod';
import type { OpenTime } from '../../shared/bar.ts';
import type { ImportedSource } from '../learning/options/train_options.ts';

/** Fields that jobs of several kinds have. None has a default. */

export const jobInstant = z.iso.datetime().describe('A UTC minute, as 2019-03-01T12:00:00Z');

/** Symbols or pairs of a job at most. */
export const MAX_SUBJECTS = 1000;
/** Name of a symbol or a pair. */
export const subjectName = z.string().min(1).max(100);
/** A path of the machine that does the job. */
export const jobPath = z.string().min(1).max(4096);
/** Threads of a job, which affect speed only; a machine uses no more than it has cores. */
export const MAX_WORKERS = 1024;

/** The bars that a job uses. */
export const jobWindow = z.strictObject({
  from: jobInstant.nullable().describe('First bar; null: all from the first one on'),
  to: jobInstant.nullable().describe('End, exclusive; null: up to the newest bar'),
  days: z.int().min(1).max(36_525).nullable().describe('Only the last days of these bars; null: all'),
});

/** A model of another program. */
export const importedSource = z.strictObject({
  file: z.string().min(1).describe('ONNX file'),
  preprocess: z.string().min(1).nullable().describe('JSON file with columns, impute, mean, scale; null: none'),
  learned_until: jobInstant.describe('Labels that it was learned from were known before this'),
});

/** An instant of a job as the open of a bar. */
export function openTimeOf(instant: string): OpenTime {
  return (Date.parse(instant) / 1000) as OpenTime;
}

/** A model of another program as a training opens it. */
export function importedSourceOf({ file, preprocess, learned_until }: z.infer<typeof importedSource>): ImportedSource {
  return { file, preprocess, learnedUntil: openTimeOf(learned_until) };
}
