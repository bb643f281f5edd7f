import { entryLegs } from '../../../shared/strategies/pair_reversion/entry_legs.ts';
import type { OpenTime } from '../../../shared/bar.ts';
import { pairLabel, parsePair } from '../../../shared/pair.ts';
import { createRng } from '../../../shared/rng.ts';
import { bootIdAt } from '../../../shared/signal/boot_id.ts';
import { encodeBody } from '../../../shared/signal/encode.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { openJournal, type SignalRow as JournalSignal } from '../../../shared/store/journal.ts';
import { DAY_MS, dayStartMs } from './day.ts';

export const TEN_PAIRS = [
  'XAUUSD_XAGUSD',
  'AUDUSD_NZDUSD',
  'EURUSD_GBPUSD',
  'EURUSD_USDCHF',
  'AUDUSD_USDCAD',
  'NZDUSD_USDCAD',
  'GBPUSD_USDCHF',
  'SPXUSD_NSXUSD',
  'USDCAD_BCOUSD',
  'USDJPY_USDCHF',
];

export interface SimulatedSignals {
  readonly pairs?: readonly string[];
  /** Minutes of the day, from its start. */
  readonly minutes?: number;
  /** Boots per day; each starts at its own minute. */
  readonly boots?: number;
}

/** Deterministic journal rows of a daemon for a day, in order. */
export function simulatedDay(
  day: string,
  { pairs = TEN_PAIRS, minutes = 1440, boots = 1 }: SimulatedSignals = {},
): JournalSignal[] {
  const rng = createRng(`signals ${day}`);
  const startMs = dayStartMs(day);
  const rows: JournalSignal[] = [];
  const seqs = new Map<string, number>();
  let bootId = '';
  for (let minute = 0; minute < minutes; minute++) {
    if (minute % Math.ceil(minutes / boots) === 0) {
      bootId = bootIdAt(startMs + minute * 60_000 + 1);
      seqs.clear();
    }
    for (const pairId of pairs) {
      const seq = (seqs.get(pairId) ?? 0) + 1;
      seqs.set(pairId, seq);
      const time = (startMs / 1000 + (minute - 1) * 60) as OpenTime;
      const isMissing = rng.integer(200) === 0;
      const body = simulatedBody(pairId, new Date((time + 60) * 1000), rng, isMissing);
      rows.push({
        bootId,
        seq,
        pairId,
        time,
        signalId: body.signal_id,
        body: encodeBody(body),
        featuresCrc: isMissing
          ? null
          : rng
              .integer(2 ** 32)
              .toString(16)
              .padStart(8, '0'),
        riskProb: isMissing ? null : rng.uniform(),
        position: '{"side":0}',
        generatedAtMs: startMs + minute * 60_000 + 40 + rng.integer(20),
      });
    }
  }
  return rows;
}

type Rng = ReturnType<typeof createRng>;

function simulatedBody(pairId: string, close: Date, rng: Rng, isMissing: boolean): SignalBody {
  const pair = parsePair(pairId);
  const z = rng.normal() * 1.1;
  const returnProb = rng.uniform();
  const riskScore = rng.uniform();
  const beta = rng.normal();
  const isEnter = !isMissing && Math.abs(z) > 2 && returnProb > 0.7;
  const id = [0, 1, 2, 3]
    .map(() =>
      rng
        .integer(2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    )
    .join('');
  const side = z > 0 ? -1 : 1;
  const or = <Value>(value: Value): Value | null => (isMissing ? null : value);
  return {
    timestamp: `${close.toISOString().slice(0, 19)}Z`,
    pair: pairLabel(pair),
    z_score: or(z),
    return_prob: or(returnProb),
    risk_score: or(riskScore),
    entry: isEnter ? entryLegs(side, beta, pair.a, pair.b) : '',
    confidence: or(returnProb * (1 - riskScore)),
    risk_flag: or(riskScore >= 0.3 ? 1 : 0),
    theta1: or(0.7),
    theta2: or(0.3),
    position_scale: or(rng.uniform()),
    action: isEnter ? 'ENTER' : 'HOLD',
    reason: isMissing ? 'LEG_MISSING' : isEnter ? 'ENTRY' : Math.abs(z) > 2 ? 'PROB_LOW' : 'NO_SETUP',
    target: isEnter ? side : 0,
    position_id: isEnter ? id : '',
    max_age_bars: 60,
    beta: or(beta),
    price_a: or(Math.round(410_000 + rng.normal() * 1000) / 100),
    price_b: or(Math.round(510_000 + rng.normal() * 1000) / 1e5),
    pair_id: pairId,
    signal_id: id,
    model_version: '20261101_0300',
    feature_schema: '0123456789abcdef',
    policy_hash: 'fedcba9876543210',
    mode: isMissing ? 'DEGRADED' : 'OK',
    expected_net_bps: or(rng.normal()),
    leverage_reduction_rate: 1,
    // Of candidates alone.
    ...(!isMissing && Math.abs(z) > 2 && { novelty: returnProb ** 4 }),
  };
}

/** Appends signals to a daemon's journal. */
export function journalSignals(path: string, rows: readonly JournalSignal[]): void {
  const journal = openJournal(path);
  journal.append([], rows);
  journal.close();
}

/** Expected archive line, computed independently. */
export function expectedLine(row: JournalSignal, market = 'live'): string {
  const behind = {
    market,
    boot_id: row.bootId,
    seq: row.seq,
    generated_at_ms: row.generatedAtMs,
    bar_time: row.time,
    risk_prob: row.riskProb,
    features_crc: row.featuresCrc,
  };
  return `${row.body},${JSON.stringify(behind).slice(1)}`;
}

/** Expected lines in archive order. */
export function expectedLines(rows: readonly JournalSignal[], market = 'live'): string[] {
  const key = (row: JournalSignal): string =>
    `${String(row.generatedAtMs).padStart(15, '0')} ${row.pairId} ${row.bootId} ${String(row.seq).padStart(9, '0')}`;
  return rows
    .map((row) => ({ key: key(row), line: expectedLine(row, market) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ line }) => line);
}

export const nextDay = (day: string, days = 1): string =>
  new Date(dayStartMs(day) + days * DAY_MS).toISOString().slice(0, 10);
