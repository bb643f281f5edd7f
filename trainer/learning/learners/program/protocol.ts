import * as z from 'zod';

/**
 * What minutehand and the program of a learner tell each other: one JSON object a line, on the program's standard input
 * and output. docs/guides/extend/WRITE_A_LEARNER.md describes it for who writes a program.
 */
export const PROTOCOL_VERSION = 2;

/** Name and version of what it trains. */
const programName = z.string().min(1).max(100);

const PROGRAM_TASKS = ['binary', 'multiclass'] as const;
export type ProgramTask = (typeof PROGRAM_TASKS)[number];

/**
 * The first line of the program. Version 2 names the tasks that it learns; a program of version 1 learns probabilities
 * alone, and is asked as it always was.
 */
export const helloSchema = z.union([
  z
    .object({ minutehand_learner: z.literal(1), name: programName })
    .transform((hello) => ({ ...hello, tasks: ['binary' as ProgramTask] })),
  z.object({
    minutehand_learner: z.literal(PROTOCOL_VERSION),
    name: programName,
    tasks: z.array(z.enum(PROGRAM_TASKS)).min(1),
  }),
]);
export type Hello = z.infer<typeof helloSchema>;

export interface ProgramRequest {
  readonly id: number;
  /** `multiclass`: the label of a row is the number of its class, and the model answers a probability of each class. */
  readonly task: ProgramTask;
  /** Number of classes, at least 2; absent: one probability. The last class is the complement of the others. */
  readonly classes?: number;
  /** Parquet file: the features as FLOAT (NaN = missing), then the columns of `ROW_COLUMNS`. */
  readonly rows: string;
  /** Names of the features, in the order of the model's input. */
  readonly features: readonly string[];
  /** A whole number below 2^31. */
  readonly seed: number;
  /** Steps (trees, epochs) to take; null: as many as help on the rows of `stopping`, or on rows of its own choice. */
  readonly iterations: number | null;
  /** `train.ai1` and so on: meant for trees, taken by whoever can use them. */
  readonly parameters: Readonly<Record<string, number>>;
  /** Of a model that gets a sequence of rows; absent: each row alone. */
  readonly sequence?: {
    /** Rows of a sequence, the row itself included. */
    readonly bars: number;
    /**
     * File of little-endian float32 numbers, [rows × features]: the rows of all sequences. Column `last` of the rows is
     * the row of the table at which a sequence ends.
     */
    readonly table: string;
  };
  /** Where the program writes the ONNX file. */
  readonly model: string;
  /** The answer holds the probabilities of so many rows, from the first one on, by rows; absent: none. */
  readonly check_rows?: number;
}

const losses = {
  /** Mean over the rows that were learned from. */
  loss: z.number(),
  /** Mean over the rows of `stopping`; null without any. */
  stopping_loss: z.number().nullable(),
};
const share = z.number().min(0).max(1);
const MOST_EPOCHS = 100_000;
const epochsSchema = z
  .array(
    z.object({
      ...losses,
      /** Share of the watched rows whose probability is above one half. */
      positive_share: share,
    }),
  )
  .max(MOST_EPOCHS);
const classEpochsSchema = z
  .array(
    z.object({
      ...losses,
      /** Share of the watched rows of which each class is the likeliest. */
      class_shares: z.array(share),
    }),
  )
  .max(MOST_EPOCHS);

/** What a network says after an epoch, of the watched rows. */
const seenEpoch = z.union([z.object({ positive_share: share }), z.object({ class_shares: z.array(share).min(2) })]);
export type SeenEpoch = z.infer<typeof seenEpoch>;

export const answerSchema = z.union([
  z.object({
    id: z.int(),
    progress: z.number().min(0).max(1),
    /** Seen just now; it is in `epochs` of the end as well. */
    epoch: seenEpoch.optional(),
  }),
  z.object({ id: z.int(), error: z.string() }),
  z.object({
    id: z.int(),
    done: z.literal(true),
    iterations: z.int().min(0).nullable().default(null),
    /** What was seen after each epoch, for the manifest. */
    epochs: epochsSchema.optional(),
    /** In place of `epochs` of a model of classes. */
    class_epochs: classEpochsSchema.optional(),
    /** Of the first `check_rows` rows, of each class of a row behind each other. */
    probabilities: z.array(z.number()).default([]),
  }),
]);
export type ProgramAnswer = z.infer<typeof answerSchema>;
export type Done = Extract<ProgramAnswer, { readonly done: true }>;

/** Columns behind the features. `stopping`: 1 = not to be learned from, the number of steps is chosen on it. */
export const ROW_COLUMNS = ['label', 'weight', 'time', 'label_end', 'stopping'] as const;
/** Column behind these where a model gets a sequence of rows. */
export const LAST_COLUMN = 'last';
