import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../shared/bar_file/verdict/finding.ts';
import { knownFindings } from './known_findings.ts';

const gap = (from: number, to: number, gaps: number): Finding => ({
  code: 'GAP',
  by: 'distance',
  values: { days: 365, from, to, before: 120, after: 80, gaps },
});
const scaled: Finding = { code: 'SCALED', by: 'usual_prices', values: { price: 11, low: 0.8, high: 1.6 } };

function run(accepted: readonly string[], findings: readonly Finding[], more = {}) {
  const verdicts = JSON.stringify({ symbols: { EURUSD: { verdict: 'GAP', findings } }, accepted });
  return { verdicts, undone_ms: null, finished_ms: 1, ...more };
}

describe('findings that an import has accepted', () => {
  it('are known for its symbol, by the same test and of the same gap', () => {
    const isKnown = knownFindings([run(['GAP'], [gap(100, 200, 2), scaled]), { ...run([], []), verdicts: '{}' }]);
    expect(isKnown('EURUSD', gap(100, 200, 2))).toBe(true);
    expect(isKnown('EURUSD', gap(100, 200, 1))).toBe(true);
    expect(isKnown('EURUSD', gap(100, 200, 3))).toBe(false);
    expect(isKnown('EURUSD', gap(100, 300, 1))).toBe(false);
    expect(isKnown('GBPUSD', gap(100, 200, 2))).toBe(false);
    expect(isKnown('EURUSD', scaled)).toBe(false);
    const isKnownToo = knownFindings([run(['SCALED'], [scaled])]);
    expect(isKnownToo('EURUSD', { ...scaled, values: { price: 12 } })).toBe(true);
    expect(isKnownToo('EURUSD', { ...scaled, by: 'known_closes' })).toBe(false);
  });

  it('are not known once the import is undone, or was not finished', () => {
    for (const more of [{ undone_ms: 2 }, { finished_ms: null }])
      expect(knownFindings([run(['GAP'], [gap(100, 200, 1)], more)])('EURUSD', gap(100, 200, 1))).toBe(false);
  });
});
