import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { warmupBars } from '../../../shared/core/features/features.ts';
import { defaultProfile, multipleAt } from '../../../shared/core/cost/spread_profile.ts';
import { exp } from '../../../shared/elementary.ts';
import { parsePair } from '../../../shared/pair.ts';
import { pairCosts, tradingCosts } from '../../../shared/policy/costs.ts';
import { decisionPolicy, loadSettings } from '../../../shared/policy/policy.ts';
import { createRng } from '../../../shared/rng.ts';
import { executabilityOf, tallyExecutability } from '../../../trainer/learning/backtest/executability.ts';
import { checkExecutable } from '../../../trainer/learning/gates/executable.ts';
import { buildPairHistory } from '../../../trainer/learning/history/pair_history.ts';
import { backtest } from '../../../trainer/learning/trades/backtest.ts';
import { amplitudeLine, worldBars } from '../planted_world.ts';
import type { GateCase } from './gate_case.ts';

const WEEKS = 4;
/** Minutes between bad ticks, on average. */
const TICK_MINUTES = { everywhere: 120, 'in wide minutes': 15 } as const;
/** Size of a bad tick, log. */
const TICK = { everywhere: 1.5e-3, 'in wide minutes': 4e-3 } as const;
/** Spreads of this multiple of their usual size belong to the widest quarter of minutes. */
const WIDE_MULTIPLE = 1.5;

interface Defect {
  /** Net result of entering every candidate of the reverting spread, bps; null: a spread that does not revert. */
  readonly edge: number | null;
  /** Where the prices of leg A are wrong for one minute: an edge that nobody can trade. */
  readonly ticks: 'none' | 'everywhere' | 'in wide minutes';
}

const pair = parsePair('EURUSD_GBPUSD');
let prepared: ReturnType<typeof prepare> | undefined;

/** On first use: the line takes seconds. */
function prepare() {
  const settings = loadSettings({ env: {} });
  return { settings, amplitudeOf: amplitudeLine(pair, settings) };
}

const GATES = [
  ['executable_one_minute_later', 'after_1'],
  ['executable_outside_wide_minutes', 'narrow_net_bps'],
] as const;

export const EXECUTABILITY_CASES: readonly GateCase[] = [
  ...GATES.flatMap(([gate, left]) =>
    [3, 5].map((edge): GateCase => ({
      gate,
      measures: 'false alarms',
      worlds: 60,
      world: `${WEEKS} weeks of a reverting spread that pays ${edge} bps`,
      refuses: (index) => isRefused(gate, left, { edge, ticks: 'none' }, index),
    })),
  ),
  {
    gate: GATES[0][0],
    measures: 'power',
    worlds: 60,
    world: 'an edge in prices that are wrong for one minute',
    refuses: (index) => isRefused(...GATES[0], { edge: null, ticks: 'everywhere' }, index),
  },
  {
    gate: GATES[1][0],
    measures: 'power',
    worlds: 60,
    world: 'the same in wide minutes alone, entered at any time of day',
    refuses: (index) => isRefused(...GATES[1], { edge: null, ticks: 'in wide minutes' }, index),
  },
];

function isRefused(
  gate: (typeof GATES)[number][0],
  left: 'narrow_net_bps' | 'after_1',
  defect: Defect,
  index: number,
): boolean {
  prepared ??= prepare();
  const { settings, amplitudeOf } = prepared;
  // The delivered windows leave the widest minutes out.
  const isAlways = defect.ticks === 'in wide minutes';
  const amplitude = defect.edge === null ? 0 : amplitudeOf(defect.edge);
  const bars = worldBars({ pair, seed: `executable ${index}`, weeks: WEEKS, amplitude });
  const legA = withTicks(bars.get(pair.a)!, defect.ticks, index);
  const { windows } = settings.minutehand;
  const history = buildPairHistory(pair, legA, bars.get(pair.b)!, windows, () => false);
  const from = warmupBars(windows);
  const costs = pairCosts(tradingCosts(settings), pair);
  const trades = backtest(history, from, history.length, {
    thresholds: { theta1: 0, theta2: 1 },
    policy: { ...decisionPolicy(settings), require_edge: false, ...(isAlways && { no_entry_windows: [] }) },
    edge: true,
    costs,
    scores: () => ({ return_prob: 1, risk_score: 0 }),
  });
  const figures = executabilityOf([tallyExecutability(history, from, trades, costs)]);
  return !checkExecutable(gate, figures, left, settings.retrain).passed;
}

/** Closes of single minutes, and the opens after them, that are off. */
function withTicks(bars: BarColumns, ticks: Defect['ticks'], index: number): BarColumns {
  if (ticks === 'none') return bars;
  const rng = createRng(`ticks ${index}`);
  const profile = defaultProfile('currency');
  const open = bars.open.slice();
  const close = bars.close.slice();
  const high = bars.high.slice();
  const low = bars.low.slice();
  for (let i = 1; i + 1 < bars.length; i++) {
    const isPlace = ticks === 'everywhere' || multipleAt(profile, bars.time[i + 1]!) >= WIDE_MULTIPLE;
    if (!isPlace || rng.uniform() * TICK_MINUTES[ticks] >= 1) continue;
    const factor = exp(rng.uniform() < 0.5 ? TICK[ticks] : -TICK[ticks]);
    close[i]! *= factor;
    open[i + 1]! *= factor;
    for (const bar of [i, i + 1]) {
      high[bar] = Math.max(high[bar]!, open[bar]!, close[bar]!);
      low[bar] = Math.min(low[bar]!, open[bar]!, close[bar]!);
    }
  }
  return { ...bars, open, close, high, low };
}
