import { describe, expect, it } from 'vitest';
import { createRng } from '../rng.ts';
import { LEAST_TRADES, plainVerdict, type ProvenSubject } from './plain_verdict.ts';

const proven = (subject: string, changes: Partial<ProvenSubject> = {}): ProvenSubject => ({
  subject,
  has_edge: false,
  trades: 192,
  gross_bps: 0.4,
  net_bps: -0.9,
  break_even_cost_bps: 0.35,
  ...changes,
});

describe('a plain verdict', () => {
  it('says that nothing will trade, by how much, and what could change that', () => {
    const all = [proven('EURUSD_GBPUSD', { net_bps: -1.2 }), proven('AUDUSD_NZDUSD')];
    const verdict = plainVerdict(all, 240);
    expect(verdict.text).toBe(
      'This will not trade: over 240 days none of 2 earned more than its costs at all (best: AUDUSD_NZDUSD, 192 trades, each +0.40 bps before costs and −0.90 bps after). What could change that: round trips of AUDUSD_NZDUSD that cost less than 0.35 bps, more history, or another pair or timeframe (minutehand scan), a formula of your own (config/features.yaml), or a rule.',
    );
    expect(verdict).toMatchObject({ kind: 'no_edge', will_trade: false, with_edge: [], best: all[1] });
    expect(plainVerdict([proven('A_B', { net_bps: 0.2 })], 30).text).toContain(
      'none earned more than its costs beyond chance',
    );
  });

  it('says what will trade, and that too few trades show nothing', () => {
    const edge = proven('XAUUSD_XAGUSD', { has_edge: true, gross_bps: 3, net_bps: 1.5 });
    expect(plainVerdict([proven('A_B', { net_bps: 9 }), edge], 60).text).toBe(
      'This will trade: XAUUSD_XAGUSD earned more than costs over 60 days, beyond chance (best: XAUUSD_XAGUSD, 192 trades, each +3.00 bps before costs and +1.50 bps after).',
    );
    expect(plainVerdict([proven('A_B', { trades: 7 })], 5).text).toMatch(
      /nothing made the 20 trades .* \(most: A_B, 7 trades\)/,
    );
    expect(plainVerdict([], 1)).toMatchObject({ kind: 'few_trades', best: null, will_trade: false });
  });

  it('has no figure in its text that is none of its fields, in 1,000 drawn results', () => {
    const rng = createRng('plain verdicts');
    const drawn = (): number | null => (rng.uniform() < 0.1 ? null : 4 * rng.normal());
    for (let i = 0; i < 1000; i++) {
      const all = Array.from({ length: rng.integer(5) }, (_, k): ProvenSubject => {
        const trades = rng.integer(60);
        const net_bps = trades === 0 ? null : drawn();
        const has_edge = trades >= LEAST_TRADES && (net_bps ?? 0) > 0 && rng.uniform() < 0.3;
        return proven(`P${'ABCDE'[k]!}`, {
          trades,
          gross_bps: drawn(),
          net_bps,
          break_even_cost_bps: drawn(),
          has_edge,
        });
      });
      const { text, best, days, subjects, least_trades, will_trade, with_edge } = plainVerdict(
        all,
        1 + rng.integer(400),
      );
      const known = [
        days,
        subjects,
        least_trades,
        best?.trades,
        best?.gross_bps,
        best?.net_bps,
        best?.break_even_cost_bps,
      ]
        .filter((value) => typeof value === 'number')
        .flatMap((value) => [String(value), Math.abs(value).toFixed(2)]);
      for (const [figure] of text.matchAll(/\d+(\.\d+)?/g)) expect(known, text).toContain(figure);
      expect(will_trade).toBe(all.some(({ has_edge }) => has_edge));
      expect(text.startsWith(will_trade ? 'This will trade: ' : 'This will not trade: ')).toBe(true);
      for (const subject of with_edge) expect(text).toContain(subject);
    }
  });
});
