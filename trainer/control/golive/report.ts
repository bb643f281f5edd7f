import type { MarketKind } from '../../../shared/signal/signal.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Store } from '../../store/store.ts';
import type { ChannelStatus } from '../notify/channels/open_channels.ts';
import { goLiveChecks, isReadyForPaper, type GoLiveCheck } from './checks.ts';
import { readGoLiveFacts } from './facts.ts';

/** The checklist, as command, API and page show it. */
export interface GoLiveReport {
  readonly looked_at: string;
  readonly market: MarketKind;
  /** Nothing is left to do before trading on paper; what only a person can see does not count. */
  readonly ready_for_paper: boolean;
  /** Paper trading is done as well. */
  readonly ready: boolean;
  readonly checks: readonly GoLiveCheck[];
  /** The next step, in words. */
  readonly next: string;
}

/**
 * The one computation of command, API and page.
 * @throws MinutehandError when a journal or the store cannot be read
 */
export async function goLiveReport(
  settings: Settings,
  paths: HomePaths,
  store: Store | null,
  nowMs: number,
  channels: ChannelStatus,
): Promise<GoLiveReport> {
  const checks = goLiveChecks(await readGoLiveFacts(settings, paths, store, nowMs, channels));
  return {
    looked_at: new Date(nowMs).toISOString(),
    market: settings.minutehand.market,
    ready_for_paper: isReadyForPaper(checks),
    ready: checks.every(({ verdict }) => verdict !== 'todo'),
    checks,
    next: nextOf(checks),
  };
}

/** The first step that is left; paper trading comes last. */
export function nextOf(checks: readonly GoLiveCheck[]): string {
  const first = checks.find(({ verdict }) => verdict === 'todo');
  if (first !== undefined) return `Next, ${first.id}: ${first.fix}`;
  return 'Every step that minutehand can see is done. A demo account comes before real money.';
}
