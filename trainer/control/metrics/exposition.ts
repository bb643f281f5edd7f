import { Counter, Gauge, Registry } from 'prom-client';
import type { Metric, Reading } from '../../../shared/metrics/metric.ts';
import { TRAINER_METRICS, type TrainerMetricsSource } from './metrics.ts';

/** `/metrics` of a trainer, by prom-client: each metric is read when it is asked for. */
export class TrainerExposition {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #registry = new Registry();

  constructor(source: TrainerMetricsSource, metrics: readonly Metric<TrainerMetricsSource>[] = TRAINER_METRICS) {
    for (const metric of metrics) register(metric, source, this.#registry);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

/** @throws RangeError for a type that no metric of a trainer has */
function register({ name, help, type, labels = [], read }: Metric<TrainerMetricsSource>, ...place: Place): void {
  const [source, registry] = place;
  const about = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === 'gauge') {
    new Gauge({
      ...about,
      async collect() {
        const reading = await read(source);
        clear(this, labels);
        for (const [values, value] of samplesOf(reading)) this.set(labelsOf(labels, values), value);
      },
    });
  } else if (type === 'counter') {
    new Counter({
      ...about,
      async collect() {
        const reading = await read(source);
        clear(this, labels);
        for (const [values, value] of samplesOf(reading)) this.inc(labelsOf(labels, values), value);
      },
    });
  } else throw new RangeError(`${name} is a ${type}`);
}

type Place = [source: TrainerMetricsSource, registry: Registry];

/** Removes all series. Without labels, `reset` would leave one of 0, where there is nothing to show. */
function clear(metric: Gauge | Counter, labels: readonly string[]): void {
  if (labels.length === 0) metric.remove({});
  else metric.reset();
}

/** @throws RangeError for series that keep their own text: those of a daemon */
function samplesOf(reading: Reading): Iterable<readonly [labels: string | readonly string[], value: number]> {
  if (reading === null) return [];
  if (typeof reading === 'number') return [[[], reading]];
  if ('lines' in reading) throw new RangeError('prom-client takes values, not lines');
  return reading;
}

function labelsOf(labels: readonly string[], values: string | readonly string[]): Record<string, string> {
  const list = typeof values === 'string' ? [values] : values;
  return Object.fromEntries(labels.map((label, i) => [label, list[i]!]));
}
