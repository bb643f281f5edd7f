import { sequenceBars } from '../../../shared/core/features/windows.ts';
import type * as z from 'zod';
import { readActive } from '../../../shared/bundle/bundle.ts';
import { featureSchema, type FeatureSchema } from '../../../shared/bundle/feature_schema.ts';
import { loadModelSet, servingSet, type ModelSet } from '../../../shared/bundle/model_set.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { InTurn } from '../../../shared/in_turn.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { predictRequest, rowScoresSchema } from '../schema/predict.ts';
import { pathInside } from '../../../shared/path_name.ts';

type Request = z.infer<typeof predictRequest>;

/** A row takes milliseconds. */
const MOST = 100;

/** Scores feature rows by the active bundle, in this process, independent of the daemons. */
export class ActiveScores {
  /** Of the configuration: the formulas of a bundle are its own. */
  readonly #schema: FeatureSchema;
  readonly #models: string;
  #set: ModelSet | null = null;
  /** Rows are scored sequentially, because a set reuses its output memory. */
  readonly #turns = new InTurn({ most: MOST, what: 'rows' });

  constructor({ minutehand }: Settings, { models }: Pick<HomePaths, 'models'>) {
    this.#schema = featureSchema(minutehand.windows);
    this.#models = models;
  }

  /** @throws MinutehandError FEATURES_REFUSED, MODEL_*, REQUESTS_TOO_MANY; the reason of `left` */
  score(request: Request, left: AbortSignal): Promise<z.infer<typeof rowScoresSchema>> {
    return this.#turns.run(() => this.#score(request), left);
  }

  async close(): Promise<void> {
    await this.#turns.settled();
    await this.#set?.release();
    this.#set = null;
  }

  async #score(request: Request): Promise<z.infer<typeof rowScoresSchema>> {
    const { subject } = request;
    const active = await this.#active();
    const bars = sequenceBars(active.schema.windows);
    if (bars > 1)
      throw new MinutehandError('FEATURES_REFUSED', {
        seen: `one row of features for ${active.version}, whose models read the rows of the last ${bars} bars`,
        expected: 'models that read one row',
        next: 'Ask for the answer to a bar instead: minutehand explain.',
      });
    const row = rowOf(request, active.schema);
    if (active.groups !== undefined && (subject === undefined || !active.manifest.pairs.includes(subject)))
      throw new MinutehandError('FEATURES_REFUSED', {
        seen: subject === undefined ? 'no subject' : `subject ${subject}`,
        expected: `a pair of ${active.version}, whose groups have models of their own`,
      });
    const set = subject === undefined ? active : servingSet(active, subject);
    const { return_prob, risk_prob, risk_score, position_scale } = await set.infer(row, 1);
    return {
      model_version: set.version,
      feature_schema: active.schema.hash,
      engines: { ...set.engines },
      return_prob: return_prob[0]!,
      risk_prob: risk_prob[0]!,
      risk_score: risk_score[0]!,
      position_scale: position_scale[0]!,
    };
  }

  async #active(): Promise<ModelSet> {
    const version = readActive(this.#models)?.version;
    if (version === undefined) throw new MinutehandError('MODEL_MISSING', { seen: 'no bundle is active' });
    if (this.#set?.version === version) return this.#set;
    const loaded = await loadModelSet(pathInside(this.#models, version), this.#schema, 1);
    await this.#set?.release();
    return (this.#set = loaded);
  }
}

/** @throws MinutehandError FEATURES_REFUSED */
function rowOf({ feature_schema, features }: Request, { hash, definitions }: FeatureSchema): Float32Array {
  if (feature_schema !== hash)
    throw new MinutehandError('FEATURES_REFUSED', { seen: `feature_schema ${feature_schema}`, expected: hash });
  const names = definitions.map(({ name }) => name);
  const values = Array.isArray(features) ? features : valuesOf(features, names);
  if (values.length !== names.length)
    throw new MinutehandError('FEATURES_REFUSED', {
      seen: `${values.length} features`,
      expected: `${names.length}`,
    });
  return Float32Array.from(values, (value) => value ?? NaN);
}

function valuesOf(features: Readonly<Record<string, number | null>>, names: readonly string[]): (number | null)[] {
  const missing = names.filter((name) => !Object.hasOwn(features, name));
  const unknown = Object.keys(features).filter((name) => !names.includes(name));
  if (missing.length + unknown.length > 0)
    throw new MinutehandError('FEATURES_REFUSED', {
      seen: [
        ...(missing.length === 0 ? [] : [`without ${missing.slice(0, 5).join(', ')}`]),
        ...(unknown.length === 0 ? [] : [`with ${unknown.slice(0, 5).join(', ')}`]),
      ].join(', '),
      expected: `${names.length} features; null where a value is missing`,
    });
  return names.map((name) => features[name]!);
}
