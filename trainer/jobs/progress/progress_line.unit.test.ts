import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { progressLine, readProgressLine } from './progress_line.ts';

describe('a line of progress', () => {
  it('is parsed as it was written, for any name of a stage', () => {
    const counts = fc.tuple(fc.nat(1000), fc.nat(1000)).filter(([, total]) => total > 0);
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'binary' }), counts, (stage, [done, total]) => {
        const line = progressLine(stage, done, total);
        expect(line).not.toContain('\n');
        const read = readProgressLine(line)!;
        expect(read.stage).toBe(stage);
        // Four decimals: half of the last one, and the error of the sum.
        expect(Math.abs(read.share - Math.min(1, done / total))).toBeLessThanOrEqual(0.500001e-4);
      }),
    );
  });

  it('of an empty stage is done', () => {
    expect(readProgressLine(progressLine('reading bars', 0, 0))).toEqual({ stage: 'reading bars', share: 1 });
  });

  it.each([
    '',
    'learning: 25 %',
    '(node:1) Warning: something',
    '{"progress":',
    '{"progress":null}',
    '{"progress":{"stage":"","share":0.5}}',
    '{"progress":{"stage":"learning","share":2}}',
    '{"progress":{"stage":"learning","share":"0.5"}}',
    '{"error":{"code":"USAGE"}}',
  ])('is not %j', (line) => {
    expect(readProgressLine(line)).toBeNull();
  });
});
