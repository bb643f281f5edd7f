import { withOtherBars } from '../../../../shared/bar_file/other_bars.ts';
import { legBars } from '../../../../shared/bar_file/resampled_bars.ts';
import type { BarColumns } from '../../../../shared/bar_file/bar_file.ts';
import { warmupBars } from '../../../../shared/core/features/features.ts';
import type { Dataset, DatasetPolicy } from '../../strategies/pair_reversion/dataset/dataset.ts';
import { buildPairHistory, type PriceHistory } from '../../history/pair_history.ts';
import type { GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import { isCandidate, reversionLabel } from '../../strategies/pair_reversion/label/reversion.ts';
import { riskLabel } from '../../strategies/pair_reversion/label/risk.ts';
import { scaleLabel } from '../../strategies/pair_reversion/label/scale.ts';
import { checkFeatureLookAhead, checkLabelEnds, longRun, type LookAheadOptions } from './look_ahead.ts';

/** Sampled bars of each test. */
const SAMPLES = 100;

/** The leakage tests that need the bars: features use no data after their bar, labels none after their stated end. */
export function checkBars(
  { histories, definitions, outsideColumns }: Pick<Dataset, 'histories' | 'definitions' | 'outsideColumns'>,
  known: ReadonlyMap<string, BarColumns>,
  policy: DatasetPolicy,
  seed: string,
): GateResult[] {
  const { windows } = policy;
  const bars = withOtherBars(known, windows);
  const runs = histories.map((history) =>
    longRun(history, legBars(bars, history.pair, 'a')!, legBars(bars, history.pair, 'b')!),
  );
  const options: LookAheadOptions = {
    build: (pair, a, b) => buildPairHistory(pair, a, b, windows, () => true),
    names: definitions.map(({ name }) => name),
    outside: outsideColumns,
    warmupBars: warmupBars(windows),
    samples: SAMPLES,
    seed,
  };
  const isEntry = (history: PriceHistory, t: number): boolean => isCandidate(history, t, policy.barriers);
  return [
    checkFeatureLookAhead(runs, options),
    checkLabelEnds(
      'ai1',
      runs,
      (history, t) => (isEntry(history, t) ? reversionLabel(history, t, policy.barriers) : null),
      options,
    ),
    checkLabelEnds('ai2', runs, (history, t) => riskLabel(history, t, policy.risk), options),
    checkLabelEnds('ai3', runs, (history, t) => scaleLabel(history, t, policy.scale), options),
  ];
}
