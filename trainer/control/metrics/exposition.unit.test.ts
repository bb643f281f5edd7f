import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linesOf, type Metric, type Sample } from '../../../shared/metrics/metric.ts';
import { TrainerExposition } from './exposition.ts';
import { TRAINER_METRICS, type TrainerMetricsSource } from './metrics.ts';

const NOTHING = {} as TrainerMetricsSource;
const text = fc.string({ unit: fc.constantFrom('a', 'é', '"', '\\', '\n', '{', '}', ',', ' ') });
const value = fc.oneof(fc.integer({ min: 0 }), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }));

/** The metrics of a trainer with these readings: the declarations are its own. */
function readingAs(readings: ReadonlyMap<string, number | null | readonly Sample[]>): Metric<TrainerMetricsSource>[] {
  return TRAINER_METRICS.map((metric) => ({ ...metric, read: () => readings.get(metric.name) ?? null }));
}

/** A reading for each metric; no series twice. */
const readings = fc
  .tuple(
    ...TRAINER_METRICS.map(({ labels = [] }) =>
      labels.length === 0
        ? fc.option(value)
        : fc.uniqueArray(fc.tuple(fc.tuple(...labels.map(() => text)), value), {
            maxLength: 4,
            selector: ([names]) => JSON.stringify(names),
          }),
    ),
  )
  .map((all) => new Map(TRAINER_METRICS.map(({ name }, i) => [name as string, all[i]!])));

const withoutGaps = (lines: string): string[] => lines.split('\n').filter((line) => line !== '');

describe('/metrics of a trainer', () => {
  it('has the lines that our own text had: names, help, types, labels and values, in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(readings, async (given) => {
        const own = readingAs(given);
        const lines = own.flatMap((metric) => [...linesOf(metric, given.get(metric.name)!)]);
        expect(withoutGaps(await new TrainerExposition(NOTHING, own).text())).toEqual(lines);
      }),
      { numRuns: 60 },
    );
  });

  it('shows what is read at each request, also of several at once, and nothing of earlier ones', async () => {
    let now = 1;
    const kinds = (): readonly Sample[] => (now === 3 ? [] : [[`kind ${now}`, now]]);
    const gauge = TRAINER_METRICS.find(({ name, labels }) => name !== 'retrain_duration' && labels === undefined)!;
    const counter = TRAINER_METRICS.find(({ type }) => type === 'counter')!;
    const exposition = new TrainerExposition(NOTHING, [
      { ...gauge, read: () => Promise.resolve(now === 3 ? null : now) },
      { ...counter, labels: ['kind'], read: () => Promise.resolve(kinds()) },
    ]);
    for (const expected of [1, 2, 3]) {
      now = expected;
      const lines = [...linesOf(gauge, now === 3 ? null : now), ...linesOf({ ...counter, labels: ['kind'] }, kinds())];
      const texts = await Promise.all([exposition.text(), exposition.text(), exposition.text()]);
      for (const own of texts) expect(withoutGaps(own)).toEqual(lines);
    }
  });
});
