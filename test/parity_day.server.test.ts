import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate } from './activate.ts';
import type { Certificate } from '../cli/parity/certificate.ts';
import { renderCertificate } from '../cli/parity/certificate_page.ts';
import { proveDay } from '../cli/parity/prove_day.ts';
import { computeEvidence } from '../cli/policy_evidence.ts';
import { barInput } from '../daemon/queue/input.ts';
import { byMinute, openBench, type Bench } from '../daemon/pipeline.fixture.ts';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { decisionRecord } from '../shared/policy/decision_record.ts';
import { homePaths } from '../shared/home.ts';
import { loadSettings, type Settings } from '../shared/policy/policy.ts';
import type { Signal, SignalBody } from '../shared/signal/signal.ts';
import { Database } from '../shared/store/sqlite.ts';
import { openJournal } from '../shared/store/journal.ts';
import { textsOf } from '../trainer/control/policy/config_texts.ts';
import { openStore } from '../trainer/store/store.ts';
import { writeConfig } from './cli_process.ts';
import { tinyBars, tinySettings, tinyModels } from './tiny_models.ts';

const settings = tinySettings();
const { windows, pairs } = settings.minutehand;
const MINUTES = 800;
/** Minutes before the day; the first ones arrive as history. */
const BEFORE = 250;
const HISTORY = 150;
const RECORDED = byMinute(tinyBars(settings, MINUTES));
const DAY = (Math.ceil(RECORDED.at(-1)!.time / 86_400) * 86_400) as OpenTime;
/** Recorded bars, shifted so that midnight is after `BEFORE` minutes. */
const MARKET = RECORDED.map(({ bars }, index) =>
  bars.map((bar) => ({ ...bar, time: (DAY + 60 * (index - BEFORE)) as OpenTime })),
);
const FIRST = pairs[0]!;
const SECOND = pairs[1]!;

const folder = mkdtempSync(join(tmpdir(), 'minutehand-parity-'));
const paths = homePaths({ MINUTEHAND_HOME: folder });
const sets: ModelSet[] = [];
beforeAll(async () => {
  mkdirSync(paths.models, { recursive: true });
  for (const seed of [7, 8]) {
    const { path } = await tinyModels(paths.models, { seed });
    sets.push(await loadModelSet(path, featureSchema(windows), pairs.length));
  }
});
afterAll(async () => {
  for (const set of sets) await set.release();
  rmSync(folder, { recursive: true, force: true });
});

interface LiveDay {
  /** Called before a minute. */
  readonly before?: (index: number, bench: Bench) => void;
  /** Whether a minute arrives as backfill. */
  readonly backfill?: (index: number) => boolean;
  /** A price factor of a bar, or 'late' for one minute late. */
  readonly change?: (symbol: string, index: number) => number | 'late';
  /** Changes the journal before the certificate. */
  readonly alter?: (path: string) => void;
  /** The daemon's settings; the certificate uses `settings`. */
  readonly daemon?: Settings;
}

/** A night and a day through a real pipeline into a journal. @returns the certificate of the day */
async function certify(live: LiveDay): Promise<Certificate> {
  const { path } = await record(live);
  live.alter?.(path);
  return proveDay({ settings, paths, market: 'simulated', shard: 'main', day: DAY, onProgress: () => undefined });
}

/** @returns the journal, and what was published */
async function record({ before, backfill, change, daemon = settings }: LiveDay, history = HISTORY) {
  const path = paths.journal('simulated', 'main');
  rmSync(path, { force: true });
  const journal = openJournal(path);
  const bench = openBench(daemon);
  const { inputs } = bench.pipeline;
  inputs.apply({ kind: 'swap', set: sets[0]! });
  const late: Bar[] = [];
  for (const [index, bars] of MARKET.entries()) {
    before?.(index, bench);
    const isHistory = index < history || backfill?.(index) === true;
    for (const bar of late.splice(0)) inputs.take(barInput(bar, false));
    for (const bar of bars) {
      const how = change?.(bar.symbol, index) ?? 1;
      if (how === 'late') late.push(bar);
      else inputs.take(barInput(scaled(bar, how), isHistory));
    }
    inputs.endMinute();
    await bench.pipeline.settled();
    journal.append(bench.inputs.splice(0), bench.rows.splice(0));
  }
  journal.close();
  return { path, signals: bench.signals };
}

function scaled(bar: Bar, factor: number): Bar {
  const { open, high, low, close } = bar;
  return { ...bar, open: open * factor, high: high * factor, low: low * factor, close: close * factor };
}

const total = (certificate: Certificate, value: (parity: Certificate['decisions'][string]) => number): number =>
  Object.values(certificate.decisions).reduce((sum, parity) => sum + value(parity), 0);

const DAY_MINUTES = MINUTES - BEFORE;

const haltOf = (version: string) =>
  ({
    pair_id: FIRST,
    reason: 'win_rate',
    version,
    seen: '0.4',
    limit: '0.5',
    since: '2024-01-01T00:00:00Z',
  }) as const;

/** Changes journaled signals; null keeps a signal. @returns number of changed signals */
function changeSignals(path: string, change: (body: SignalBody) => Partial<SignalBody> | null): number {
  const db = new Database(path);
  const update = db.prepare('UPDATE signals SET body = ? WHERE signal_row = ?');
  let changed = 0;
  for (const { row, text } of db.prepare('SELECT signal_row AS row, body AS text FROM signals').all() as Row[]) {
    const body = JSON.parse(`${text}}`) as SignalBody;
    const other = change(body);
    if (other === null) continue;
    update.run(JSON.stringify({ ...body, ...other }).slice(0, -1), row);
    changed++;
  }
  db.close();
  return changed;
}
interface Row {
  readonly row: number;
  readonly text: string;
}

describe('the parity certificate of a day', () => {
  it('finds every decision of an undisturbed day equal to the bit', async () => {
    const certificate = await certify({});
    expect(certificate.mismatches).toEqual([]);
    expect(certificate).toMatchObject({
      verdict: 'EQUAL',
      replay: { signals: DAY_MINUTES * pairs.length, different: 0 },
    });
    // The last bar has no next bar at which it could be filled.
    expect(total(certificate, ({ equal }) => equal)).toBe((DAY_MINUTES - 1) * pairs.length);
    expect(total(certificate, ({ compared }) => compared)).toBe((DAY_MINUTES - 1) * pairs.length);
  });

  it('has a cause for each decision that differs, and equal decisions in between', async () => {
    const certificate = await certify({
      before(index, { pipeline }) {
        if (index === BEFORE + 100) pipeline.inputs.apply({ kind: 'swap', set: sets[1]! });
        if (index === BEFORE + 300)
          pipeline.inputs.apply({
            kind: 'halts',
            standing: { halts: [haltOf(sets[1]!.version)], resumed: [] },
          });
      },
      backfill: (index) => index >= BEFORE + 200 && index < BEFORE + 220,
      change(symbol, index) {
        if (symbol === SECOND.slice(0, 6) && index % 50 === 20) return 'late';
        return symbol === FIRST.slice(0, 6) && index === BEFORE + 150 ? 1000 : 1;
      },
    });
    expect(certificate.mismatches).toEqual([]);
    expect(certificate).toMatchObject({ verdict: 'EXPLAINED', replay: { different: 0 } });
    expect(certificate.model_versions).toEqual(sets.map(({ version }) => version));
    const { [FIRST]: first, [SECOND]: second } = certificate.decisions;
    expect(first!.explained).toEqual({ BACKFILL: 20, BAR_SUSPECT: 1, KPI_HALT: expect.any(Number) as number });
    expect(second!.explained).toEqual({ BACKFILL: 20, LEG_MISSING: 11 });
    expect(second!.equal).toBe(second!.compared - 20);
    const { legs, backfilled, signals } = certificate.late!;
    expect(legs[SECOND]).toHaveLength(11);
    expect(Object.keys(legs)).toEqual([SECOND]);
    expect(new Set(Object.values(backfilled))).toEqual(new Set([20]));
    expect(signals).toEqual({});
  });

  it('is not equal where the journal ends before the last answers, and says how many', async () => {
    const lastMinute = (DAY + 60 * (DAY_MINUTES - 1)) as OpenTime;
    const certificate = await certify({
      alter(path) {
        const db = new Database(path);
        db.prepare('DELETE FROM signals WHERE time = ?').run(lastMinute);
        db.close();
      },
    });
    const compared = (DAY_MINUTES - 1) * pairs.length;
    expect(certificate).toMatchObject({
      verdict: 'EXPLAINED',
      replay: { signals: compared + pairs.length, equal: compared, different: 0, unanswered: pairs.length },
    });
    const page = renderCertificate(certificate);
    expect(page).toContain(`${compared} of ${compared} signals equal in the replay of the journal.`);
    expect(page).toContain(`${pairs.length} signals are replayed but not in the journal`);
  });

  it('finds a mismatch where the last signals of the day are missing, and the journal goes on behind them', async () => {
    const { path } = await record({});
    const from = DAY + 60 * (DAY_MINUTES - 30);
    const db = new Database(path);
    // What was the end of the day is followed by another one.
    db.prepare('UPDATE inputs SET time = time + 86400 WHERE time >= ?').run(from);
    db.prepare('UPDATE signals SET time = time + 86400 WHERE time >= ?').run(from);
    db.prepare('DELETE FROM signals WHERE time = ?').run(from - 60);
    db.close();
    const day = await proveDay({
      settings,
      paths,
      market: 'simulated',
      shard: 'main',
      day: DAY,
      onProgress: () => undefined,
    });
    expect(day).toMatchObject({ verdict: 'MISMATCH', replay: { different: pairs.length, unanswered: 0 } });
  });

  it('decides without models what was decided without them, an exit too', async () => {
    let removedAt = Infinity;
    let exits = 0;
    const certificate = await certify({
      before(index, { pipeline, signals }) {
        const isHeld = signals.slice(-pairs.length).some(({ target }) => target !== 0);
        if (index >= BEFORE + 100 && removedAt === Infinity && isHeld) {
          pipeline.inputs.apply({ kind: 'swap', set: null });
          removedAt = index;
        }
        if (index === removedAt + 100) pipeline.inputs.apply({ kind: 'swap', set: sets[0]! });
      },
      alter: (path) =>
        changeSignals(path, ({ action, model_version }) => {
          if (action === 'EXIT' && model_version === '') exits++;
          return null;
        }),
    });
    expect(exits).toBeGreaterThan(0);
    expect(certificate.mismatches).toEqual([]);
    expect(certificate).toMatchObject({ verdict: 'EXPLAINED', replay: { different: 0 } });
    for (const { explained } of Object.values(certificate.decisions)) expect(explained).toEqual({ NO_MODEL: 100 });
  });

  it('lets a halt explain a refused entry alone, not another z or another probability', async () => {
    let planted = 0;
    const certificate = await certify({
      before(index, { pipeline }) {
        if (index === BEFORE + 300)
          pipeline.inputs.apply({ kind: 'halts', standing: { halts: [haltOf(sets[0]!.version)], resumed: [] } });
      },
      alter(path) {
        planted = changeSignals(path, (body) => {
          const index = Date.parse(body.timestamp) / 60_000;
          // The last bar has no next bar at which it could be filled.
          const isLast = index === MARKET.at(-1)![0]!.time / 60 + 1;
          if (body.pair_id !== FIRST || body.reason !== 'KPI_HALT' || isLast) return null;
          const changes = [{ z_score: body.z_score! + 0.1 }, { return_prob: 0.123 }, { risk_score: 0.9 }, null];
          return changes[index % changes.length]!;
        });
      },
    });
    const { [FIRST]: first } = certificate.decisions;
    expect(planted).toBeGreaterThan(30);
    expect([certificate.verdict, first!.mismatches]).toEqual(['MISMATCH', planted]);
    expect(first!.explained.KPI_HALT).toBeGreaterThan(10);
  });

  const isDayOf = (body: SignalBody, first: number): boolean => {
    const index = Date.parse(body.timestamp) / 60_000 - DAY / 60 - 1;
    return body.pair_id === FIRST && index >= first && index < DAY_MINUTES - 1;
  };

  it('explains by a different configuration only what the backtest decides under it', async () => {
    const changed = tinySettings({ minutehand: { decision: { z_entry: 1.2 } } });
    const before = (index: number, { pipeline }: Bench): void => {
      if (index === BEFORE + 300) pipeline.inputs.apply({ kind: 'policy', record: decisionRecord(changed) });
    };
    const certificate = await certify({ before });
    expect(certificate.mismatches).toEqual([]);
    expect(certificate).toMatchObject({ verdict: 'EXPLAINED', replay: { different: 0 } });
    for (const { explained, equal } of Object.values(certificate.decisions))
      expect([explained, equal]).toEqual([{ POLICY_CHANGED: DAY_MINUTES - 1 - 300 }, 300]);

    let planted = 0;
    const plant = (path: string): void => {
      planted = changeSignals(path, (body) => {
        if (!isDayOf(body, 300)) return null;
        const changes = [
          { z_score: body.z_score! + 0.1 },
          { return_prob: 0.123 },
          { policy_hash: 'f'.repeat(16) },
          null,
        ];
        return changes[(Date.parse(body.timestamp) / 60_000) % changes.length]!;
      });
    };
    const altered = await certify({ before, alter: plant });
    expect(planted).toBeGreaterThan(100);
    expect(altered.decisions[FIRST]!.mismatches).toBe(planted);
  });

  it('accepts no reason that the signal’s other fields or the journal contradict', async () => {
    const lies: Partial<SignalBody>[] = [
      { reason: 'LEG_MISSING' },
      { reason: 'BAR_SUSPECT', z_score: null, return_prob: null, risk_score: null },
      { reason: 'WARMUP', z_score: null, return_prob: null, risk_score: null },
      { reason: 'NO_MODEL' },
      { reason: 'NO_MODEL', z_score: 1.5, return_prob: null, risk_score: null },
      { reason: 'KPI_HALT', return_prob: 0.123 },
    ];
    const lateAt = BEFORE + 400;
    const halfAt = BEFORE + 450;
    let planted = 0;
    let failed = 0;
    const certificate = await certify({
      change: (symbol, index) => (index === lateAt && symbol === FIRST.slice(0, 6) ? 'late' : 1),
      alter(path) {
        planted = changeSignals(path, (body) => {
          if (body.pair_id === FIRST && body.reason === 'LEG_MISSING') return { action: 'ENTER' };
          const index = Date.parse(body.timestamp) / 60_000;
          return isDayOf(body, 0) && body.target === 0 && index % 7 === 0 ? lies[(index / 7) % lies.length]! : null;
        });
        // The models that decide before and after it failed at this minute: nothing contradicts that.
        failed = changeSignals(path, (body) => {
          const isFlat = body.target === 0 && body.action === 'HOLD' && body.return_prob !== null;
          const isOther = (Date.parse(body.timestamp) / 60_000) % 7 === 1;
          if (!isDayOf(body, 0) || !isFlat || !isOther) return null;
          return { reason: 'NO_MODEL', return_prob: null, risk_score: null };
        });
        const db = new Database(path);
        // An entry of a minute behind the last bar.
        const copied = 'SELECT after_input, boot_id, seq + 1, pair_id, time + 60, signal_id, replace(body, ?, ?)';
        const { changes: behind } = db
          .prepare(
            `INSERT INTO signals (after_input, boot_id, seq, pair_id, time, signal_id, body, features_crc, risk_prob, position, generated_at_ms)
            ${copied}, features_crc, risk_prob, position, generated_at_ms FROM signals WHERE pair_id = ? ORDER BY time DESC LIMIT 1`,
          )
          .run('"action":"HOLD"', '"action":"ENTER"', FIRST);
        expect(behind).toBe(1);
        const halfTime = MARKET[halfAt]![0]!.time;
        const { changes: cut } = db.prepare('DELETE FROM signals WHERE pair_id = ? AND time = ?').run(FIRST, halfTime);
        const mark = db.prepare("UPDATE inputs SET backfill = 1 WHERE subject = ? AND time = ? AND kind = 'bar'");
        expect([cut, mark.run(FIRST.slice(0, 6), halfTime).changes]).toEqual([1, 1]);
        db.close();
      },
    });
    expect([planted, failed].every((count) => count > 30)).toBe(true);
    expect(certificate.decisions[FIRST]!.mismatches).toBe(planted + 2);
    expect(certificate.decisions[FIRST]!.explained).toEqual({ NO_MODEL: failed });
  });

  it('detects a position that differs although every field of its signal is equal', async () => {
    let planted = 0;
    const certificate = await certify({
      alter(path) {
        const db = new Database(path);
        const rows = db.prepare('SELECT signal_row AS row, body AS text, position FROM signals').all();
        const update = db.prepare('UPDATE signals SET position = ? WHERE signal_row = ?');
        for (const { row, text, position } of rows as (Row & { readonly position: string })[]) {
          const body = JSON.parse(`${text}}`) as SignalBody;
          const held = JSON.parse(position) as Record<string, unknown>;
          if (planted > 0 || !isDayOf(body, 50) || body.target === 0) continue;
          update.run(JSON.stringify({ ...held, zMean: (held['zMean'] as number) + 1e-9 }), row);
          planted++;
        }
        db.close();
      },
    });
    expect(planted).toBe(1);
    const { mismatches } = certificate;
    expect(certificate.verdict).toBe('MISMATCH');
    expect(Object.keys(mismatches[0]!.fields)).toEqual(['position']);
  });

  it('detects windows that are off by one', async () => {
    const z_window = windows.z_window + 1;
    const daemon = tinySettings({ minutehand: { windows: { z_window } } });
    const certificate = await certify({ daemon });
    expect(certificate.verdict).toBe('MISMATCH');
    expect(certificate.replay.equal).toBe(0);
    for (const { equal, mismatches } of Object.values(certificate.decisions)) expect(mismatches).toBeGreaterThan(equal);
  });
});

/** The minute at 17:00 in New York, in winter. */
const NIGHT = BEFORE - 120;

/**
 * What the entries of these signals earned, bps of gross notional at the published scale: those that were closed, and
 * those that the last minute closes. Each fill is at the open of the minute after the signal's, after half of 1.1 times
 * its quoted spread, commission and slippage. Who is in over the end of the trading day pays for one night.
 */
function resultsOf(signals: readonly Signal[]) {
  const market = MARKET.map((bars) => new Map(bars.map((bar) => [bar.symbol, bar])));
  const earned = ({ pair_id, target, beta, position_scale }: Signal, from: number, to: number): number => {
    const legs = pair_id.split('_').map((symbol, leg) => {
      const weight = (leg === 0 ? target : -target * beta!) / (1 + Math.abs(beta!));
      const { commission_bps, slippage_bps, ...swaps } = settings.minutehand.symbols[symbol]!;
      const swap = weight > 0 ? swaps.swap_long_bps_per_night : swaps.swap_short_bps_per_night;
      const swapDays = from < NIGHT && to >= NIGHT ? 1 : 0;
      const entry = market[from]!.get(symbol)!;
      const exit = market[to]!.get(symbol)!;
      const costOf = ({ spread, close }: Bar): number =>
        (0.5 * 1.1 * 1e4 * spread!) / close + commission_bps + slippage_bps;
      return (
        weight * 1e4 * (exit.open / entry.open - 1) -
        Math.abs(weight) * (costOf(entry) + costOf(exit) + swapDays * swap)
      );
    });
    return position_scale! * (legs[0]! + legs[1]!);
  };
  const fillOf = ({ timestamp }: Signal): number => (Date.parse(timestamp) / 1000 - MARKET[0]![0]!.time) / 60;
  const last = MARKET.length - 1;
  const [closed, open]: [number[], number[]] = [[], []];
  for (const pairId of pairs) {
    let entry: Signal | null = null;
    for (const signal of signals.filter(({ pair_id }) => pair_id === pairId)) {
      if (signal.action === 'EXIT' && fillOf(signal) <= last)
        closed.push(earned(entry!, fillOf(entry!), fillOf(signal)));
      if (signal.action !== 'HOLD') entry = signal.action === 'ENTER' ? signal : null;
    }
    if (entry !== null && fillOf(entry) < last) open.push(earned(entry, fillOf(entry), last));
  }
  return { closed, open };
}

function figuresOf(results: readonly number[], entries = results.length): object {
  const net = results.reduce((sum, result) => sum + result, 0);
  const close = (value: number): unknown => expect.closeTo(value, 6);
  const wins = results.filter((result) => result > 0).length;
  return { entries, net_bps: close(net), mean_net_bps: close(net / results.length), win_rate: wins / results.length };
}

describe('the evidence of a policy change', () => {
  it('has the figures of what a daemon under either policy publishes, fill by fill', async () => {
    activate(paths.models, sets[0]!.version);
    const changed = tinySettings({ minutehand: { decision: { z_entry: 2.4 } } });
    writeConfig(join(folder, 'config'), changed);
    const texts = textsOf(loadSettings({ configDir: join(folder, 'config'), env: {} }));
    const { signals: after } = await record({ daemon: changed }, 0);
    const { signals: before } = await record({}, 0);
    const store = await openStore(join(folder, 'trainer.db'));
    const task = { before: settings, texts, paths, store, onProgress: () => undefined };
    const { check, replay, backtest } = await computeEvidence(task);
    await store.close();
    expect(check).toEqual({ ok: true, policy_hash: changed.policyHash, text: '' });
    const expected = [before, after].map((signals) => {
      const { closed, open } = resultsOf(signals);
      expect(closed.length).toBeGreaterThan(10);
      const entries = signals.filter(({ action }) => action === 'ENTER').length;
      return { replay: figuresOf(closed, entries), backtest: figuresOf([...closed, ...open]) };
    });
    const sides = { from: expect.any(String) as string, to: expect.any(String) as string, error: null };
    expect(replay).toEqual({ ...sides, before: expected[0]!.replay, after: expected[1]!.replay });
    expect(backtest).toEqual({ ...sides, before: expected[0]!.backtest, after: expected[1]!.backtest });
  });
});
