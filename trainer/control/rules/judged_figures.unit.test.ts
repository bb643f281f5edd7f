import { describe, expect, it } from 'vitest';
import { judgedFigures } from './judged_figures.ts';

const RULE = { name: 'own', description: '', subject: 'instrument', entry_long: 'rsi(14) < 30', max_age: 3 };
const PARENT = { ...RULE, entry_long: 'rsi(7) < 20' };
const TRADE = {
  side: -1,
  entry_time: '2024-01-01T01:00:00Z',
  exit_time: '2024-01-01T04:00:00Z',
  reason: 'AGE_EXIT',
  gross_bps: 20,
  cost_bps: 12,
  swap_bps: 1,
  net_bps: 7,
};
const period = (trades: number) => ({
  performance: { trades, mean_net_bps: 7, net_return: 0.1 },
  one_bar_later_net_bps: 3,
  series_one_bar_later_net_bps: -1,
  doubled_costs_net_bps: null,
});
const JUDGED = { development: period(30), holdout: period(20), trades: [TRADE] };
const FIGURES = {
  net_bps: 7,
  one_bar_later_net_bps: 3,
  series_one_bar_later_net_bps: -1,
  doubled_costs_net_bps: null,
};
const PERIODS = { development: { trades: 30, ...FIGURES }, holdout: { trades: 20, ...FIGURES } };

describe('what a person sees of a judgement', () => {
  it('are the figures and trades of a rule that a person wrote', () => {
    expect(judgedFigures(JUDGED, 'report.json')).toEqual({ periods: PERIODS, trades: [TRADE], front: [], lineage: [] });
  });

  it('are also the front and the lineage of a search, in sentences', () => {
    const front = [{ strategy: PARENT, sharpe: 2, drawdown: 0.1, trades: 40 }];
    const report = { proposed: { ...JUDGED, strategy: RULE, lineage: [PARENT] }, front };
    const seen = judgedFigures(report, 'report.json');
    expect(seen).toMatchObject({ periods: PERIODS, trades: [TRADE] });
    expect(seen.front).toMatchObject([{ sharpe: 2, drawdown: 0.1, trades: 40 }]);
    for (const { en, ja } of [seen.front[0]!.sentence, seen.lineage[0]!]) {
      expect(en).toMatch(/^Buy the instrument when rsi\(close, 7\) < 20\. Close it after 3 bars/);
      expect(ja).toContain('銘柄を買う');
    }
  });

  it('are no trades and no later series of a report of an earlier version', () => {
    const { series_one_bar_later_net_bps: _, ...earlier } = period(30);
    const seen = judgedFigures({ development: earlier, holdout: earlier }, 'report.json');
    expect(seen.trades).toEqual([]);
    expect(seen.periods!.holdout).toMatchObject({ trades: 30, series_one_bar_later_net_bps: null });
  });

  it.each([{ made: 'by a test' }, { proposed: null, front: [] }, null])('are nothing of %j', (report) => {
    expect(judgedFigures(report, 'report.json')).toEqual({ periods: null, trades: [], front: [], lineage: [] });
  });
});
