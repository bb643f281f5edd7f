import type { OpenTime } from '../../shared/bar.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { instrumentSchema, type InstrumentSchema } from '../../shared/bundle/feature_schema.ts';
import { INSTRUMENT_WINDOWS } from '../../shared/core/features/instrument/definitions.ts';
import { InstrumentFeatures } from '../../shared/core/features/instrument/instrument_features.ts';
import type { InstrumentReading } from '../../shared/core/formula/bar_inputs.ts';
import { barOpen } from '../../shared/core/resample/bar_resampler.ts';
import { barSecondsOf, timeframeOf, type Pair, type Timeframe } from '../../shared/pair.ts';
import { checksum } from '../../shared/signal/encode.ts';
import { isHeartbeat, type PairMinute } from '../align/minute.ts';
import type { MinuteItem } from '../queue/queue.ts';
import type { FormulaPlan, PlannedBar } from './formula_plan.ts';
import { FormulaPlans } from './formula_plans.ts';
import { FormulaWarmUp, type WarmUpTurns } from './formula_warm_up.ts';
import { copyOfInstrumentBar, instrumentHistoryOf, planOfInstruments } from './instrument_plan.ts';
import type { FormulaStore } from '../../shared/store/warm_bars.ts';
import type { SeriesReader } from './series_reader.ts';
import type { InstrumentRules } from './served_rules.ts';

/** What decides which rows a direction model takes. */
type Columned = Pick<DirectionModel, 'rowSchema'>;

/** The instruments of one timeframe, and their rows of a batch. */
export interface TimeframeRows {
  readonly barSeconds: number;
  readonly timeframe: Timeframe;
  readonly featureSchema: string;
  /** float32, [rows × columns]; the first `rows` are those of the last batch. */
  readonly values: Float32Array;
  rows: number;
  /** The rows of the last batch, as a model takes them. @throws Error for a schema whose rows are not computed here */
  valuesOf(model: Columned): Float32Array;
}

/** The same, with the formulas of the models of its timeframe. */
interface Group extends TimeframeRows {
  readonly plans: FormulaPlans<InstrumentReading, InstrumentSchema>;
}

interface Tracked {
  readonly symbol: string;
  readonly features: InstrumentFeatures;
  readonly bytes: Uint8Array;
  readonly group: Group;
  /** Among the instruments of its group. */
  readonly place: number;
  /** Row in its group in the last batch; −1 = not scored. */
  row: number;
  /** NaN before the first bar. */
  close: number;
  /** Open of the last minute of the newest bar; null before the first. */
  time: OpenTime | null;
}

/** The features of all instruments; positions in the list of subjects begin at `first`. */
export class InstrumentMatrix {
  readonly groups: readonly Group[];
  readonly #first: number;
  readonly #instruments: readonly Pair[];
  readonly #series: Pick<SeriesReader, 'valuesAt'>;
  readonly #tracked: readonly Tracked[];
  readonly #rules: Pick<InstrumentRules, 'reads' | 'take'>;
  /** Reused for each bar, to allocate nothing: plans keep no reference to it, and a warm-up copies it. */
  readonly #planned = {} as {
    -readonly [Field in keyof PlannedBar<InstrumentReading>]: PlannedBar<InstrumentReading>[Field];
  };
  #hasTaker = false;

  constructor(
    instruments: readonly Pair[],
    first: number,
    series: Pick<SeriesReader, 'valuesAt'>,
    rules: Pick<InstrumentRules, 'reads' | 'take'>,
  ) {
    this.#rules = rules;
    this.#instruments = instruments;
    this.#first = first;
    this.#series = series;
    const groups = new Map<number, Group>();
    for (const barSeconds of new Set(instruments.map(barSecondsOf))) {
      const { hash, definitions } = instrumentSchema(INSTRUMENT_WINDOWS, barSeconds);
      const own = instruments.filter((instrument) => barSecondsOf(instrument) === barSeconds);
      const values = new Float32Array(own.length * definitions.length);
      const plans = new FormulaPlans<InstrumentReading, InstrumentSchema>({
        planOf: (schema) => planOfInstruments(schema, own, definitions),
        warmUpOf: (plan) => new FormulaWarmUp(plan, own, this.#lastOf(own), copyOfInstrumentBar),
      });
      groups.set(barSeconds, {
        barSeconds,
        timeframe: timeframeOf(barSeconds),
        featureSchema: hash,
        values,
        rows: 0,
        plans,
        valuesOf: (model) => planOf(plans, model)?.values ?? values,
      });
    }
    this.groups = [...groups.values()];
    const counts = new Map<number, number>();
    this.#tracked = instruments.map((instrument) => {
      const barSeconds = barSecondsOf(instrument);
      const features = new InstrumentFeatures(INSTRUMENT_WINDOWS, barSeconds);
      const { buffer, byteOffset, byteLength } = features.values;
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      const place = counts.get(barSeconds) ?? 0;
      counts.set(barSeconds, place + 1);
      const group = groups.get(barSeconds)!;
      return { symbol: instrument.a, features, bytes, group, place, row: -1, close: NaN, time: null };
    });
  }

  /** Updates the features by the complete bars and fills in the rows that are to be scored. */
  step(batch: readonly MinuteItem[]): void {
    for (const group of this.groups) group.rows = 0;
    for (const { minute } of batch) if (minute.outcome === 'COMPLETE') this.#take(minute);
    for (const { plans } of this.groups) plans.run();
    for (const { minute, publish } of batch) {
      const own = this.#of(minute.pairIndex);
      const isScored = publish && (minute.outcome === 'COMPLETE' || isHeartbeat(minute)) && own.features.ready;
      own.row = isScored ? own.group.rows++ : -1;
      if (!isScored) continue;
      const { values } = own.features;
      own.group.values.set(values, own.row * values.length);
      for (const plan of own.group.plans.list) plan.fillRow(own.place, values, own.row);
    }
  }

  #take({ pairIndex, time, a }: PairMinute): void {
    const own = this.#of(pairIndex);
    const { barSeconds } = own.group;
    const open = barOpen(time, barSeconds);
    const { open: first, high, low, close, volume, takerBuyVolume = NaN } = a!;
    const series = this.#series.valuesAt(own.symbol, open + barSeconds);
    const bar = { time: open, open: first, high, low, close, volume, takerBuyVolume };
    own.features.step(bar, series);
    if (!Number.isNaN(takerBuyVolume)) this.#hasTaker = true;
    own.close = close;
    own.time = time;
    if (!own.group.plans.isEmpty) this.#plan(own, bar, series);
    const index = pairIndex - this.#first;
    if (this.#rules.reads(index)) this.#rules.take(index, { bar, features: own.features.values, series });
  }

  /** The formulas of models take the newest bar of an instrument. */
  #plan({ place, group, features }: Tracked, bar: InstrumentReading['bar'], series: Float64Array): void {
    const planned = this.#planned;
    planned.index = place;
    planned.bar = bar;
    planned.features = features.values;
    planned.series = series;
    planned.isWarm = features.ready;
    group.plans.take(planned);
  }

  /** Computes the formulas of a loaded model from its last bars on. See `FormulaPlans.warm`. */
  async warm(
    { manifest, rowSchema }: Pick<DirectionModel, 'manifest' | 'rowSchema'>,
    store: FormulaStore,
    turns: WarmUpTurns,
  ): Promise<void> {
    const group = this.groups.find(({ barSeconds }) => barSeconds === manifest.timeframe);
    if (rowSchema === undefined || group === undefined) return;
    await group.plans.warm(rowSchema, instrumentHistoryOf(store), turns);
  }

  /** Models of a timeframe that answer from now on. See `FormulaPlans.use`. */
  use(barSeconds: number, models: readonly Columned[]): void {
    const group = this.groups.find((own) => own.barSeconds === barSeconds);
    group?.plans.use(models.flatMap(({ rowSchema }) => rowSchema ?? []));
  }

  #lastOf(instruments: readonly Pair[]): (OpenTime | null)[] {
    return instruments.map((instrument) => this.#tracked[this.#instruments.indexOf(instrument)]!.time);
  }

  /** Open of the last minute of the newest bar of an instrument, by its index among them; null before the first. */
  lastOf(index: number): OpenTime | null {
    return this.#tracked[index]!.time;
  }

  /** Whether any bar had its taker volume. */
  get hasTaker(): boolean {
    return this.#hasTaker;
  }

  groupOf(pairIndex: number): TimeframeRows {
    return this.#of(pairIndex).group;
  }

  /** Of the last batch; −1 = the instrument is not scored, or the rows of the model are not warm. */
  rowOf(pairIndex: number, model: Columned | null = null): number {
    const own = this.#of(pairIndex);
    return own.row >= 0 && isWarmFor(own, model) ? own.row : -1;
  }

  /** Whether the features of an instrument are warm, and the rows of a model. */
  isReady(pairIndex: number, model: Columned | null = null): boolean {
    const own = this.#of(pairIndex);
    return own.features.ready && isWarmFor(own, model);
  }

  /** Hash of the columns that a model scores. */
  featureSchemaOf(pairIndex: number, model: Columned | null): string {
    return model?.rowSchema?.hash ?? this.#of(pairIndex).group.featureSchema;
  }

  /** Of its newest bar; NaN before the first. */
  closeOf(pairIndex: number): number {
    return this.#of(pairIndex).close;
  }

  /**
   * CRC-32 of the feature values (float64, little endian).
   * @param schema hash of the features that were scored: with formulas, their values come behind
   */
  checksum(pairIndex: number, schema?: string): string {
    const { group, place, features, bytes } = this.#of(pairIndex);
    const plan = schema === undefined ? null : group.plans.find(schema);
    return checksum(plan?.bytes(place, features.values) ?? bytes);
  }

  #of(pairIndex: number): Tracked {
    return this.#tracked[pairIndex - this.#first]!;
  }
}

/** null: its rows are the newest hand-written features. @throws Error for a schema whose rows are not computed */
function planOf(
  plans: Group['plans'],
  { rowSchema }: Columned,
): FormulaPlan<InstrumentReading, InstrumentSchema> | null {
  if (rowSchema === undefined) return null;
  const plan = plans.find(rowSchema.hash);
  if (plan !== null) return plan;
  throw new Error(`the rows of schema ${rowSchema.hash} are not computed`);
}

function isWarmFor({ group, place }: Tracked, model: Columned | null): boolean {
  return model === null || planOf(group.plans, model)?.ready(place) !== false;
}
