import fc from 'fast-check';
import { Gauge, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { linesOf } from './metric.ts';

describe('the lines of a metric', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '"', '\\', '\n', '{', '}', ',', ' ') });

  it('are what prom-client writes, whatever the labels contain', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, text, fc.integer()), { maxLength: 5 }), async (rows) => {
        const samples = new Map(rows.map(([one, other, value]) => [JSON.stringify([one, other]), value]));
        const registers = [new Registry()];
        const gauge = new Gauge({ name: 'minutehand_x', help: 'Help.', labelNames: ['one', 'other'], registers });
        for (const [labels, value] of samples) gauge.set(labelsOf(labels), value);
        const lines = linesOf(
          { name: 'minutehand_x', help: 'Help.', type: 'gauge', labels: ['one', 'other'] },
          [...samples].map(([labels, value]) => [JSON.parse(labels) as string[], value]),
        );
        expect([...lines].join('\n')).toBe((await registers[0]!.metrics()).trimEnd());
      }),
    );
  });

  it('are one without labels, and only the description without values', () => {
    const metric = { name: 'minutehand_x_total', help: 'Help.', type: 'counter' } as const;
    const head = ['# HELP minutehand_x_total Help.', '# TYPE minutehand_x_total counter'];
    expect([...linesOf(metric, 7)]).toEqual([...head, 'minutehand_x_total 7']);
    expect([...linesOf(metric, null)]).toEqual(head);
  });
});

function labelsOf(json: string): { one: string; other: string } {
  const [one, other] = JSON.parse(json) as [string, string];
  return { one, other };
}
