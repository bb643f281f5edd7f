import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as z from 'zod';
import type { Settings } from '../../../shared/policy/policy.ts';
import { homePaths } from '../../../shared/home.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import type { TrainingJob } from './pair_reversion_job.ts';
import { experimentTraining } from './experiment_training.ts';
import { requestedJobSchema } from './registry.ts';
import { SCAN_JOB } from './scan_job.fixture.ts';
import { refuseManyTrials } from './run_scan.ts';
import { withTrainOptions } from './run_training.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-early-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The refusal of a training whose folder of bars does not exist: what is said before bars are read. */
async function refusalOf(
  parameters: Partial<TrainingJob['parameters']>,
  settings: Settings = tinySettings(),
): Promise<unknown> {
  const job = experimentTraining({
    folder: join(folder, 'no bars'),
    holdoutFrom: null,
    market: 'live',
    window: { from: null, to: null, days: null },
    seed: 1,
    resources: { workers: 0, cache: false },
    trigger: { code: 'command', values: { command: 'train' } },
  });
  const context = {
    settings,
    paths: homePaths({ MINUTEHAND_HOME: folder }),
    gitCommit: null,
    onProgress: () => undefined,
  };
  const own = { ...job, parameters: { ...job.parameters, ...parameters } };
  return await withTrainOptions(own, context, () => Promise.resolve()).then(
    () => null,
    (error: unknown) => error,
  );
}

it('without anything wrong, a training of no bars fails for want of bars', async () => {
  expect(await refusalOf({})).toMatchObject({ code: 'DATA_MISSING' });
});

it('a learner that is not on this machine, or a GPU that none would use, is refused before bars are read', async () => {
  const python = process.env['MINUTEHAND_NETWORKS_PYTHON'];
  process.env['MINUTEHAND_NETWORKS_PYTHON'] = join(folder, 'no_python');
  try {
    expect(await refusalOf({ engine: 'lstm' })).toMatchObject({ code: 'LEARNER_MISSING' });
  } finally {
    if (python === undefined) delete process.env['MINUTEHAND_NETWORKS_PYTHON'];
    else process.env['MINUTEHAND_NETWORKS_PYTHON'] = python;
  }
  expect(await refusalOf({ device: 'gpu' })).toMatchObject({ code: 'SETTING_UNSUPPORTED' });
});

it('a loss that the engine does not have is refused before bars are read', async () => {
  const focal = { balance: { ai1: 'focal' as const } };
  expect(await refusalOf({ ...focal, engine: 'logistic' })).toMatchObject({ code: 'LEARNER_TASK' });
  expect(await refusalOf({ ...focal, engine: 'vote' })).toMatchObject({ code: 'LEARNER_TASK' });
  expect(await refusalOf({ ...focal, engine: 'gbdt' })).toMatchObject({ code: 'DATA_MISSING' });
});

it('a configured GPU is left to the engines that can use it', async () => {
  const { minutehand, ...others } = tinySettings();
  const configured = (train: object): Settings => ({
    ...others,
    minutehand: { ...minutehand, train: { ...minutehand.train, ...train } },
  });
  const ofDirections = configured({ device: 'gpu', direction_engine: 'neural_net' });
  expect(await refusalOf({}, ofDirections)).toMatchObject({ code: 'DATA_MISSING' });
  expect(await refusalOf({ device: 'gpu' }, ofDirections)).toMatchObject({ code: 'SETTING_UNSUPPORTED' });
  expect(await refusalOf({}, configured({ device: 'gpu' }))).toMatchObject({ code: 'SETTING_UNSUPPORTED' });
});

it('a file that is no model is refused before bars are read', async () => {
  const file = join(folder, 'junk.onnx');
  writeFileSync(file, 'junk');
  const source = { file, preprocess: null, learned_until: '2026-01-01T00:00:00Z' };
  expect(await refusalOf({ imported: { ai1: source } })).toMatchObject({
    code: 'MODEL_LOAD',
    seen: expect.stringContaining('no ONNX model') as string,
  });
});

interface JsonSchema {
  readonly type?: string;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly maximum?: number;
  readonly format?: string;
  readonly pattern?: string;
  readonly enum?: unknown;
  readonly const?: unknown;
  readonly [key: string]: unknown;
}

/** Places of a schema that take lists, texts and whole numbers of any size. */
function unboundedIn(schema: JsonSchema, place: string): string[] {
  const { type, maxItems, maxLength, maximum = Number.MAX_SAFE_INTEGER } = schema;
  const isChosen = 'enum' in schema || 'const' in schema || 'format' in schema || 'pattern' in schema;
  const isSeed = /\.(?:seed|coins)$/.test(place);
  const isUnbounded =
    (type === 'array' && maxItems === undefined) ||
    (type === 'string' && maxLength === undefined && !isChosen) ||
    (type === 'integer' && maximum === Number.MAX_SAFE_INTEGER && !isChosen && !isSeed);
  const inner = [
    ...Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>),
    ...['items', 'additionalProperties', 'propertyNames'].map((key) => [`[${key}]`, schema[key]] as const),
  ].filter((entry): entry is [string, JsonSchema] => typeof entry[1] === 'object');
  const same = ['anyOf', 'oneOf', 'allOf'].flatMap((key) => (schema[key] ?? []) as JsonSchema[]);
  return [
    ...(isUnbounded ? [`${place}: ${type}`] : []),
    ...inner.flatMap(([name, one]) => unboundedIn(one, `${place}.${name}`)),
    ...same.flatMap((one) => unboundedIn(one, place)),
  ];
}

it('a job of a request has a limit for every list, text and number by which it could grow', () => {
  const schema = z.toJSONSchema(requestedJobSchema, { io: 'input' }) as JsonSchema;
  expect(unboundedIn(schema, 'job')).toEqual([]);
  const { parameters } = SCAN_JOB;
  const windows = Array.from({ length: 101 }, () => ({ beta_window: 10, z_window: 10 }));
  for (const own of [{ windows }, { resamples: 100_001 }, { windows: [{ beta_window: 10, z_window: 1e6 }] }])
    expect(requestedJobSchema.safeParse({ ...SCAN_JOB, parameters: { ...parameters, ...own } }).success).toBe(false);
  expect(requestedJobSchema.safeParse(SCAN_JOB).success).toBe(true);
});

it('a scan of more trials than a machine keeps is refused before it computes any', () => {
  expect(() => refuseManyTrials(100_000)).not.toThrow();
  expect(() => refuseManyTrials(100_001)).toThrow(expect.objectContaining({ code: 'JOB_INVALID' }));
});

it.each([
  { code: 'schedule', values: { schedule: 'full' } },
  { code: 'first_models', values: {} },
  { code: 'monitor', values: { findings: [], more: 0 } },
  { code: 'other', values: { text: 'x' } },
])('a request cannot say that its job is of the trainer itself: $code', (trigger) => {
  const { error } = requestedJobSchema.safeParse({ ...SCAN_JOB, trigger });
  expect(error?.issues[0]?.path[0]).toBe('trigger');
});
