import type { OpenTime } from '../../../shared/bar.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { shardsOf, type Settings } from '../../../shared/policy/policy.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { leaveOut, type Decision } from '../../jobs/bars/received_decisions.ts';
import type { TouchedBars } from '../../store/import_runs.ts';
import type { Store } from '../../store/store.ts';
import { modelsTrainedOn } from '../registry/trained_on.ts';
import { isThere } from '../../../shared/files.ts';

export interface LeaveOutOptions {
  readonly store: Store;
  readonly settings: Pick<Settings, 'minutehand'>;
  readonly paths: Pick<HomePaths, 'models' | 'journal'>;
  readonly symbol: string;
  /** Opens of bars, `to` exclusive; an absent side is open. */
  readonly period: { readonly from?: OpenTime; readonly to?: OpenTime };
  /** null: only what would change. */
  readonly decision: Decision | null;
}

export interface LeftOutBars {
  /** null: nothing was changed. */
  readonly number: number | null;
  readonly touched: TouchedBars;
  /** Versions that were trained on these bars. */
  readonly models: readonly string[];
}

/**
 * Leaves bars that the live daemons of this home received out of all that learns, as a numbered change.
 * @throws MinutehandError DATA_MISSING where they received none in the period
 */
export async function leaveOutReceived(options: LeaveOutOptions): Promise<LeftOutBars> {
  const { store, paths, symbol, period, decision } = options;
  const touched = receivedSpan(options);
  if (touched === null)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no received bars of ${symbol} in this period`,
      next: `Imported bars are taken out by \`minutehand bars delete --symbol ${symbol} --from … --to …\`; \`bars undo\` brings them back.`,
    });
  const { from = null, to = null } = period;
  const number = decision === null ? null : await leaveOut(store, { symbol, from, to }, decision);
  return { number, touched, models: await modelsTrainedOn(store, paths.models, 'live', [touched]) };
}

/** How many bars of a symbol the live journals of this home have in a period; null: none. */
function receivedSpan({ settings, paths, symbol, period }: LeaveOutOptions): TouchedBars | null {
  const files = shardsOf(settings.minutehand).map(({ name }) => paths.journal('live', name));
  let bars = 0;
  let first = Infinity;
  let last = -Infinity;
  for (const file of files.filter((path) => isThere(path))) {
    const journal = openJournal(file, { readOnly: true });
    try {
      for (const { time } of journal.bars(symbol, period.from, period.to)) {
        bars++;
        first = Math.min(first, time);
        last = Math.max(last, time);
      }
    } finally {
      journal.close();
    }
  }
  return bars === 0 ? null : { symbol, bars, first, last };
}
