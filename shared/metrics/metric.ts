/** Series that keep their own text, for counts of every bar. */
export interface TextSeries {
  /** Lines of the exposition format, without newlines. @param name of the metric */
  lines(name: string): Iterable<string>;
}

/** Label values in the order of the metric's labels, and the value of that series. */
export type Sample = readonly [labels: string | readonly string[], value: number];

/** One value, or one for each combination of label values; null = nothing to show. */
export type Reading = number | null | Iterable<Sample> | TextSeries;

/** Names that the specification gives; the same is exported as `minutehand_…`. */
export const SPECIFIED_NAMES = ['inference_latency', 'signals_per_min', 'retrain_duration'] as const;

/** One declaration: `/metrics` and docs/reference/METRICS.md show it. */
export interface Metric<Source> {
  readonly name: `minutehand_${string}` | (typeof SPECIFIED_NAMES)[number];
  /** One line. */
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'summary' | 'histogram';
  readonly labels?: readonly string[];
  /** A bound of a histogram: the dashboard shows how large a share lies up to it, instead of the 99th percentile. */
  readonly shownUpTo?: number;
  /** Called at each scrape. */
  read(source: Source): Reading | Promise<Reading>;
}

/** A metric with its series, line by line, in the exposition format. */
export function* linesOf(
  { name, help, type, labels = [] }: Omit<Metric<never>, 'read'>,
  reading: Reading,
): Generator<string> {
  yield `# HELP ${name} ${help}`;
  yield `# TYPE ${name} ${type}`;
  if (reading === null) return;
  if (typeof reading === 'number') yield `${name} ${reading}`;
  else if ('lines' in reading) yield* reading.lines(name);
  else for (const [values, value] of reading) yield `${name}${labelsText(labels, values)} ${value}`;
}

function labelsText(labels: readonly string[], values: string | readonly string[]): string {
  const list = typeof values === 'string' ? [values] : values;
  return `{${labels.map((label, index) => `${label}="${escaped(list[index]!)}"`).join()}}`;
}

function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');
}
