import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import type { Arm, KeyedHash } from '../core/rollout/assignment.ts';
import { MACHINE_FILES } from '../files.ts';
import { SUBJECT_ID, TIMEFRAME_NAMES } from '../pair.ts';
import type { FileSystem } from '../ports.ts';
import { VERSION } from './version_name.ts';
import { readPointer, whilePointerLocked, writeSealed } from './pointer_file.ts';
import type { PointerMarks } from './pointer_marks.ts';
import { despiteGatesSchema } from './recorded_gates.ts';
import { sealSchema, type WritableKind } from './sealed_pointer.ts';

export const ROLLOUT_STAGES = ['test', 'pilot', 'rollout', 'full'] as const;
export type RolloutStage = (typeof ROLLOUT_STAGES)[number];

/** What the daemon needs of a rollout: a replay of the journal reproduces all signals from it. */
const activeShape = {
  id: z.string().regex(/^[A-Za-z0-9_-]{1,40}$/),
  stage: z.enum(ROLLOUT_STAGES),
  /** Share of entries that the challenger decides. */
  share: z.number().min(0).max(1),
  champion: z.string().regex(VERSION),
  challenger: z.string().regex(VERSION),
  /** Of the assignment. */
  key: z.string().regex(/^[0-9a-f]{32}$/),
  /** Length of a time block of the assignment. */
  block_minutes: z.int().min(1).max(10_080),
  /** Of the instruments whose direction models are compared; absent: the models are those of pairs, or rules. */
  timeframe: z.enum(TIMEFRAME_NAMES).optional(),
  /**
   * Subject of the rules that are compared, an instrument or a pair. It keeps its name of when rules were of
   * instruments alone: signed pointers, their marks, bundles and journals have it, and a second name would have to be
   * read beside it for as long as any of them is.
   */
  instrument: z.string().regex(SUBJECT_ID).optional(),
  /** The challenger is whatever update of the champion is the newest: `online_learning`. Of models of pairs alone. */
  of_updates: z.literal(true).optional(),
};
const activeSchema = z.object(activeShape);
export type ActiveRollout = Readonly<z.infer<typeof activeSchema>>;

export const rolloutSchema = z.object({
  ...activeShape,
  status: z.enum(['active', 'promoted', 'aborted', 'inconclusive']),
  /** Of the last change of status; empty without one. */
  reason: z.string(),
  /** By the market's clock: opens of bars. */
  started: z.iso.datetime(),
  stage_started: z.iso.datetime(),
  /** All stages so far: first bar and share. */
  stages: z.array(z.object({ from: z.iso.datetime(), share: z.number().min(0).max(1) })),
  /** E-value of benefit that promotion needs: 1 / level of this candidate. */
  promotion_e_value: z.number().min(1),
  /** Why the challenger was admitted although gates failed. */
  despite_gates: despiteGatesSchema.optional(),
  /** Probability, stated at the start, that a challenger as good as in the shadow period is promoted in time. */
  power: z.number().min(0).max(1).nullable(),
  /** Outcomes of the earlier rollouts, oldest first: promoted or not. */
  history: z.array(z.boolean()),
  /** The updates that have been the challenger, oldest first, each from its first bar on; of `of_updates`. */
  updates: z.array(z.object({ from: z.iso.datetime(), version: z.string().regex(VERSION) })).optional(),
  /** The earlier rollouts, oldest first; absent in a file of an earlier version. */
  earlier: z
    .array(
      z.object({
        id: activeShape.id,
        challenger: activeShape.challenger,
        timeframe: activeShape.timeframe,
        instrument: activeShape.instrument,
        status: z.enum(['promoted', 'aborted', 'inconclusive']),
        reason: z.string(),
        promotion_e_value: z.number().min(1),
        candidate: z.int().min(1),
      }),
    )
    .optional(),
});
/** State of the newest rollout: `rollout.json`, beside `active.json`. */
export type Rollout = Readonly<z.infer<typeof rolloutSchema>>;

const rolloutFileSchema = rolloutSchema.extend({ seal: sealSchema.optional() });
export type RolloutFile = Readonly<z.infer<typeof rolloutFileSchema>>;

export const ROLLOUT_POINTER: WritableKind<RolloutFile> = {
  name: 'rollout',
  file: 'rollout.json',
  schema: rolloutFileSchema,
  content: (file) => [rolloutSchema.parse(file)],
  label: (file) => `${file.status} ${rolloutText(file)}`,
  sealOf: ({ seal }) => seal ?? {},
  withSeal: (file, seal) => ({ ...rolloutSchema.parse(file), seal }),
  next: 'Find out who put it there; `minutehand rollout abort` writes a newer one.',
};

const EXAMPLE = '{"id": "20261120_0830", "stage": "test", "share": 0.1, …}';

export function rolloutPath(modelsFolder: string): string {
  return join(modelsFolder, 'rollout.json');
}

/**
 * null when there was never one.
 * @param marks without them, signature and serial are not checked
 * @throws MinutehandError MODEL_MANIFEST, MODEL_FILE; as PointerMarks.check
 */
export function readRollout(
  modelsFolder: string,
  files: FileSystem = MACHINE_FILES,
  marks: Pick<PointerMarks<RolloutFile>, 'check'> | null = null,
): Rollout | null {
  const file = readRolloutFile(modelsFolder, files);
  if (file === null) return null;
  marks?.check(file);
  return rolloutSchema.parse(file);
}

/** `rollout.json` as it is. @throws MinutehandError MODEL_MANIFEST, MODEL_FILE */
export function readRolloutFile(modelsFolder: string, files: FileSystem = MACHINE_FILES): RolloutFile | null {
  const next = '`minutehand rollout abort` rewrites it.';
  return readPointer(rolloutPath(modelsFolder), rolloutFileSchema, files, { expected: EXAMPLE, next });
}

/** A reader sees the old or the new state, never a part. @throws MinutehandError as writeSealed */
export function writeRollout(
  modelsFolder: string,
  rollout: Rollout,
  files: FileSystem = MACHINE_FILES,
  marks: PointerMarks<RolloutFile> | null = null,
): void {
  writeSealed(ROLLOUT_POINTER, rolloutPath(modelsFolder), rolloutSchema.parse(rollout), { files, marks });
}

/** Trainer and people change the file from processes of their own. @throws MinutehandError as whilePointerLocked */
export function whileRolloutLocked<Result>(modelsFolder: string, change: () => Result): Result {
  return whilePointerLocked(rolloutPath(modelsFolder), MACHINE_FILES, change);
}

/** Ends the journal's line of a rollout whose challenger is the newest update; no subject has lower case. */
const OF_UPDATES = 'updates';

/** A rollout as one line of words for the journal; empty for none. */
export function rolloutText(rollout: ActiveRollout | null): string {
  if (rollout === null) return '';
  const { id, stage, share, champion, challenger, key, block_minutes, timeframe, instrument, of_updates } = rollout;
  const fields = [id, stage, share, champion, challenger, key, block_minutes];
  const of = instrument ?? timeframe ?? (of_updates && OF_UPDATES);
  return (of === undefined ? fields : [...fields, of]).join(' ');
}

/** Begins the journal's text of a rollout that ends because its challenger failed; its id follows. */
export const FAILED_ROLLOUT = 'failed ';

/** Parses the output of `rolloutText`. */
export function parseRolloutText(text: string): ActiveRollout | null {
  if (text === '') return null;
  const [id, stage, share, champion, challenger, key, block, of] = text.split(' ');
  return activeSchema.parse({
    id,
    stage,
    champion,
    challenger,
    key,
    share: Number(share),
    block_minutes: Number(block),
    ...comparedOf(of),
  });
}

function comparedOf(of: string | undefined): object {
  if (of === undefined) return {};
  if (of === OF_UPDATES) return { of_updates: true };
  return SUBJECT_ID.test(of) ? { instrument: of } : { timeframe: of };
}

/** All models that have answered in a rollout, so that a replay finds them. */
export function armVersions({ champion, challenger, updates = [] }: Rollout): readonly string[] {
  return [champion, ...new Set([...updates.map(({ version }) => version), challenger])];
}

/** HMAC-SHA-256 by the rollout's key. */
export function keyedHash(key: string): KeyedHash {
  const bytes = Buffer.from(key, 'hex');
  return (message) => createHmac('sha256', bytes).update(message).digest().readUInt32BE(0);
}

/** Name under which an arm's virtual answers are stored as shadow rows; unique per rollout, also of the same models. */
export function armVersion(version: string, rolloutId: string): string {
  return `${version}@${rolloutId}`;
}

/**
 * The name of an arm's virtual answers. All updates of a rollout have one, for they are one arm: its positions and its
 * evidence outlive each of them.
 */
export function armName(rollout: Pick<ActiveRollout, 'id' | 'of_updates' | Arm>, arm: Arm): string {
  const isOfUpdates = arm === 'challenger' && rollout.of_updates === true;
  return armVersion(isOfUpdates ? OF_UPDATES : rollout[arm], rollout.id);
}
