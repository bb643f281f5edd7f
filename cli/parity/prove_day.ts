import type { MarketKind } from '../../shared/signal/signal.ts';
import { utcDay } from '../../shared/utc_day.ts';
import type { OpenTime } from '../../shared/bar.ts';
import { ruleOpener } from '../../shared/bundle/rule/active_rule.ts';
import { directionOpener } from '../../shared/bundle/direction/active_direction.ts';
import { formulaWindows } from '../../shared/bundle/bundle_windows.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../../shared/bundle/model_set.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { pairCosts, tradingCosts } from '../../shared/policy/costs.ts';
import { settingsOfRecord } from '../../shared/policy/decision_record.ts';
import type { HomePaths } from '../../shared/home.ts';
import { decisionPolicy, shardOf, type Settings } from '../../shared/policy/policy.ts';
import { bootIdAt } from '../../shared/signal/boot_id.ts';
import { openJournal, type JournalFile } from '../../shared/store/journal.ts';
import { replayJournal } from '../../daemon/replay.ts';
import { ROWS_PER_SCORE } from '../../trainer/learning/strategies/pair_reversion/backtest/bar_scores.ts';
import { verifyAudit } from '../../trainer/control/api/audit.ts';
import { against } from '../../trainer/control/fills/live_kpis.ts';
import { readTrades } from '../../trainer/control/fills/live_trades.ts';
import { fillPerformance } from '../../trainer/control/monitor/fill_performance.ts';
import {
  compareDecisions,
  type Mismatch,
  type PairDay,
  type ParityPolicies,
} from '../../trainer/control/parity/decisions.ts';
import { readJournalDay, type DayPeriod, type JournalDay } from '../../trainer/control/parity/journal_day.ts';
import { openStoreIfThere } from '../../trainer/store/store.ts';
import { CERTIFICATE_SCHEMA, verdictOf, type Certificate, type PairParity } from './certificate.ts';
import { pathInside } from '../../shared/path_name.ts';

const SHOWN_MISMATCHES = 50;
export const DAY_SECONDS = 86_400;
const DAY_MS = 1000 * DAY_SECONDS;

export interface DayOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly market: MarketKind;
  readonly shard: string;
  /** Midnight UTC; null: yesterday, on a simulated market the day before that of its last signal. */
  readonly day: OpenTime | null;
  onProgress(part: string, done: number, total: number): void;
}

/**
 * Compares the signals of one day and one shard with a replay of the journal and with a backtest of its bars.
 * @throws MinutehandError DATA_MISSING where the journal has no signals of the day (any more), MODEL_MISSING …
 */
export async function proveDay(options: DayOptions): Promise<Certificate> {
  const { settings, paths, market } = options;
  const shard = shardOf(settings.minutehand, options.shard);
  const path = paths.journal(market, shard.name);
  const journal = openJournal(path, { readOnly: true });
  try {
    const day = options.day ?? defaultDay(journal, market);
    const period: DayPeriod = { from: day, to: (day + DAY_SECONDS) as OpenTime };
    const pairIds = shard.pairs.map(({ id }) => id);
    const journalDay = await journal.snapshot(() =>
      Promise.resolve(
        readJournalDay(journal, pairIds, settings.minutehand.windows, period, (version) =>
          formulaWindows(pathInside(paths.models, version), settings.minutehand.windows),
        ),
      ),
    );
    if (journalDay.signals === 0)
      throw new MinutehandError('DATA_MISSING', {
        seen: `${path} has no signals of bars of ${isoDay(day)}`,
        expected: daysText(journal),
        next: 'Give --day the UTC day of bars in the journal, which keeps signals_journal_days; `minutehand signals list --day` shows older signals.',
      });
    const instrumentIds = shard.instruments.map(({ id }) => id);
    const replay = await replayDay(journal, options, { pairIds, instrumentIds }, period);
    const { decisions, mismatches } = await compareDay(journalDay, journal, options);
    const parts = { replay, decisions };
    return {
      schema: CERTIFICATE_SCHEMA,
      day: isoDay(day),
      market,
      shard: shard.name,
      created_at: new Date(MACHINE_CLOCK.nowMs()).toISOString(),
      verdict: verdictOf(parts),
      policy_hash: settings.policyHash,
      model_versions: journalDay.versions,
      ...parts,
      mismatches,
      instruments: journalDay.instruments,
      late: market === 'live' ? journalDay.late : { ...journalDay.late, signals: {} },
      fills: await fillsOf(options, period),
      audit: await auditOf(options),
    };
  } finally {
    journal.close();
  }
}

async function replayDay(
  store: JournalFile,
  { settings, paths, onProgress }: DayOptions,
  { pairIds, instrumentIds }: { readonly pairIds: readonly string[]; readonly instrumentIds: readonly string[] },
  period: DayPeriod,
): Promise<Certificate['replay']> {
  onProgress('replay', 0, 1);
  const schema = featureSchema(settings.minutehand.windows);
  const { signals, equal, different, unanswered, sha256 } = await replayJournal({
    settings,
    pairIds: [...pairIds, ...instrumentIds],
    clock: MACHINE_CLOCK,
    bootId: bootIdAt(MACHINE_CLOCK.nowMs()),
    store,
    period,
    loadModels: (version) => loadModelSet(pathInside(paths.models, version), schema, pairIds.length),
    loadDirection: directionOpener(paths.models, instrumentIds.length),
    loadRule: ruleOpener(paths.models),
    onSignals: () => undefined,
  });
  return { signals, equal, different, unanswered, sha256 };
}

async function compareDay(
  { pairs, versions }: JournalDay,
  journal: Pick<JournalFile, 'policyText'>,
  { settings, paths, onProgress }: DayOptions,
): Promise<{ decisions: Record<string, PairParity>; mismatches: Mismatch[] }> {
  const { windows, inference } = settings.minutehand;
  const policies = policiesOf(journal, settings);
  const sets = new Map<string, ModelSet>();
  try {
    for (const version of versions)
      sets.set(
        version,
        await loadModelSet(pathInside(paths.models, version), featureSchema(windows), ROWS_PER_SCORE, {
          engine: inference.engine,
        }),
      );
    const decisions: Record<string, PairParity> = {};
    const mismatches: Mismatch[] = [];
    for (const [done, pairDay] of pairs.entries()) {
      const { pair } = pairDay.history;
      onProgress('backtest', done, pairs.length);
      const parity = await compareDecisions(pairDay, sets, policies(pair));
      decisions[pair.id] = { ...parity, mismatches: parity.mismatches.length };
      mismatches.push(...parity.mismatches.slice(0, SHOWN_MISMATCHES - mismatches.length));
    }
    return { decisions, mismatches };
  } finally {
    for (const set of sets.values()) await set.release();
  }
}

/** The present configuration, and those that the journal has. */
function policiesOf(
  journal: Pick<JournalFile, 'policyText'>,
  settings: Settings,
): (pair: PairDay['history']['pair']) => ParityPolicies {
  const settingsOf = (hash: string): Settings | null => {
    if (hash === settings.policyHash) return settings;
    const text = journal.policyText(hash);
    return text === null ? null : settingsOfRecord(text, hash, settings);
  };
  return (pair) => ({
    current: settings.policyHash,
    of(hash) {
      const own = settingsOf(hash);
      if (own === null) return null;
      return { decision: decisionPolicy(own), costs: pairCosts(tradingCosts(own, 'profile'), pair) };
    },
  });
}

async function fillsOf(
  { settings, paths, market }: DayOptions,
  { from, to }: DayPeriod,
): Promise<Certificate['fills']> {
  const store = await openStoreIfThere(process.env, paths);
  if (store === null) return {};
  try {
    const all = await readTrades(store, { market, fromMs: from * 1000 });
    const trades = all.filter(({ time_ms }) => time_ms < to * 1000);
    const signals = against(settings, paths, from * 1000 - DAY_MS, to * 1000, MACHINE_CLOCK.nowMs());
    const costs = settings.minutehand.symbols;
    const accounts = fillPerformance({ trades, ...signals }, { edge: {} }, costs, settings.retrain);
    return Object.fromEntries(Object.entries(accounts).map(([account, { symbols }]) => [account, symbols]));
  } finally {
    await store.close();
  }
}

async function auditOf({ paths }: DayOptions): Promise<NonNullable<Certificate['audit']> | null> {
  const store = await openStoreIfThere(process.env, paths);
  if (store === null) return null;
  try {
    const { entries, head, breaks, missing } = await verifyAudit(store);
    return { entries, head, breaks, missing };
  } finally {
    await store.close();
  }
}

/** Bars of a simulated market have days of their own. */
function defaultDay(journal: Pick<JournalFile, 'lastSignals'>, market: DayOptions['market']): OpenTime {
  const newest = Math.max(...journal.lastSignals().map(({ time }) => time));
  const seconds = market === 'live' || newest === -Infinity ? MACHINE_CLOCK.nowMs() / 1000 : newest;
  return (dayOfTime(seconds) - DAY_SECONDS) as OpenTime;
}

/** The days that the journal has signals of. */
function daysText(journal: Pick<JournalFile, 'lastSignals' | 'signalsBetween'>): string {
  const newest = Math.max(...journal.lastSignals().map(({ time }) => time));
  for (const first of journal.signalsBetween(0 as OpenTime, Number.MAX_SAFE_INTEGER as OpenTime))
    return `a day from ${isoDay(first.time)} to ${isoDay(newest as OpenTime)}`;
  return 'a journal with signals';
}

function dayOfTime(seconds: number): number {
  return Math.floor(seconds / DAY_SECONDS) * DAY_SECONDS;
}

function isoDay(time: OpenTime): string {
  return utcDay(time * 1000);
}
