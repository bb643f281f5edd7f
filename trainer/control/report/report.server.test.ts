import type { MarketKind } from '../../../shared/signal/signal.ts';
import { gateReason } from '../../../shared/bundle/gates/gate_text.ts';
import { FAILED_GATE } from '../../../test/passed_gates.ts';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CompiledQuery } from 'kysely';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { adopt } from '../../../test/activate.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { writeRandomBundle } from '../../../shared/bundle/random_bundle.fixture.ts';
import { closeFill, openFill, refusedFill } from '../../../shared/fill/fill.fixture.ts';
import type { Fill } from '../../../shared/fill/fill.ts';
import { homePaths } from '../../../shared/home.ts';
import type { EpochMs } from '../../../shared/bar.ts';
import { encodeInstrumentBody } from '../../../shared/signal/instrument_signal.ts';
import { enterBody, enterInstrument, idOf, instrumentBodyOf } from '../../../shared/signal/signal.fixture.ts';
import { createWorkplace } from '../../../test/cli_process.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { tradeOf } from '../fills/trade.fixture.ts';
import { openSignalTables } from '../history/signal_tables.ts';
import { simulatedDay } from '../history/signals.fixture.ts';
import { signalRow } from '../history/signal_row.ts';
import { writeDrift } from '../monitor/drift_history.ts';
import type { Notice } from '../notify/outbox.ts';
import { keepParityResult } from '../parity/parity_results.ts';
import { createRegistry } from '../registry/registry.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../store/store.ts';
import { makeReport, targetsOf } from './make_report.ts';
import { reportPage } from './report_page.ts';
import { daySummary, makeUpMissedSummary, sendDailySummary, type DayFigures } from './daily_summary.ts';
import { makeUpMissed, sendWeeklyReport, summaryOf, type WeeklyReportOptions } from './weekly_report.ts';

const settings = tinySettings({ minutehand: { market: 'live' } });
const FROM = '2026-11-16T00:00:00.000Z';
const TO = '2026-11-23T00:00:00.000Z';
const FROM_MS = Date.parse(FROM);
const TO_MS = Date.parse(TO);
const DAY_MS = 86_400_000;

let root: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-report-'));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

describe.each([
  { kind: 'sqlite' as const, note: '', newUrl: (folder: string) => Promise.resolve(join(folder, 'trainer.db')) },
  { kind: 'postgres' as const, note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('the report of a period on $kind $note', ({ kind, note, newUrl }) => {
  let folder: string;
  let url: string;
  let store: Store;
  beforeAll(async () => {
    if (note !== '') return;
    folder = mkdtempSync(join(root, 'home-'));
    url = await newUrl(folder);
    store = await openStore(url);
    await fillStore(store, join(folder, 'models'));
  });
  beforeEach(({ skip }) => {
    if (note !== '') skip(note);
  });
  afterAll(async () => {
    if (note === '') await store.close();
  });

  /** SQL with names as PostgreSQL has them; numbers come as numbers. */
  async function rows(text: string): Promise<Record<string, unknown>[]> {
    const own = kind === 'sqlite' ? text.replace(/\b(core|audit|signals|ai)\.(\w+)/g, '$1_$2') : text;
    const { rows: found } = await store.db.executeQuery<Record<string, unknown>>(CompiledQuery.raw(own));
    return found.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          name,
          typeof value === 'string' && /^-?\d+(\.\d+)?(e-?\d+)?$/i.test(value) ? Number(value) : value,
        ]),
      ),
    );
  }
  const IN_PERIOD = `time_ms >= ${FROM_MS} AND time_ms < ${TO_MS} AND market = 'live'`;
  const HISTORY = settings.signals.signals_history_table;
  const PUBLISHED = `generated_at_ms >= ${FROM_MS} AND generated_at_ms < ${TO_MS} AND market = 'live'`;

  it('has figures of signals that equal SQL queries', async () => {
    const { signals, refusal, risk_score_histogram } = await makeReport(
      store,
      settings,
      homePaths({ MINUTEHAND_HOME: folder }),
      FROM,
      TO,
    );
    const counts = (condition: string) =>
      rows(
        `SELECT action, reason, count(*) AS count FROM ${HISTORY} WHERE ${PUBLISHED} AND ${condition} GROUP BY 1, 2 ORDER BY 1, 2`,
      );
    expect(signals).toEqual([
      ...(await counts(`pair_id <> 'BTCUSDT@1h'`)).map((row) => ({ subjects: 'pairs', ...row })),
      { subjects: 'instruments', action: 'ENTER', reason: 'ENTRY', count: 1 },
      { subjects: 'instruments', action: 'HOLD', reason: 'THETA', count: 3 },
    ]);
    const [ofPairs] = await rows(
      `SELECT count(*) AS n FROM ${HISTORY} WHERE ${PUBLISHED} AND action = 'ENTER' AND pair_id <> 'BTCUSDT@1h'`,
    );
    const entered = ofPairs!['n'];
    const far = `(z_score >= ${settings.minutehand.decision.z_entry} OR z_score <= -${settings.minutehand.decision.z_entry})`;
    const flat = `action = 'HOLD' AND position_id = '' AND ${far} AND reason <> 'SILENCE' AND reason <> 'SHUTDOWN'`;
    const refused = (await rows(`SELECT count(*) AS n FROM ${HISTORY} WHERE ${PUBLISHED} AND ${flat}`))[0]!['n'];
    expect(refused).toBeGreaterThan(5);
    expect(refusal).toMatchObject({ entered, refused, candidates: Number(entered) + Number(refused) });
    const count = async (reasons: string): Promise<number> =>
      Number(
        (await rows(`SELECT count(*) AS n FROM ${HISTORY} WHERE ${PUBLISHED} AND reason IN (${reasons})`))[0]!['n'],
      );
    const [risk_refused, admitted] = [await count(`'RISK_HIGH'`), await count(`'COST_HIGH', 'EXPOSURE'`)];
    expect(risk_refused).toBeGreaterThan(0);
    expect(admitted).toBeGreaterThan(0);
    expect(refusal).toMatchObject({ risk_refused, judged: risk_refused + admitted + Number(entered) });
    expect(refusal.rate).toBeCloseTo(risk_refused / refusal.judged, 12);
    expect(refusal.reasons).toEqual(
      await rows(
        `SELECT reason, count(*) AS count FROM ${HISTORY} WHERE ${PUBLISHED} AND ${flat} GROUP BY reason ORDER BY reason`,
      ),
    );
    for (const [bin, count] of risk_score_histogram.entries()) {
      const upper = bin === 9 ? '' : `AND risk_score < ${(bin + 1) / 10}`;
      const [row] = await rows(
        `SELECT count(*) AS n FROM ${HISTORY} WHERE ${PUBLISHED} AND risk_score >= ${bin / 10} ${upper}`,
      );
      expect(count, `bin ${bin}`).toBe(row!['n']);
    }
    expect(risk_score_histogram.filter((count) => count > 0).length).toBe(10);
  });

  it('has figures of fills that equal SQL queries, with paper, demo and real apart', async () => {
    const { pnl, positions, costs } = await makeReport(
      store,
      settings,
      homePaths({ MINUTEHAND_HOME: folder }),
      FROM,
      TO,
    );
    const close = (value: unknown): unknown => (typeof value === 'number' ? Number(value.toFixed(9)) : value);
    const rounded = (found: readonly object[]) =>
      found.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, close(value)])));
    const byAccount = await rows(
      `SELECT account, place, currency, count(*) AS closes, sum(pnl) AS pnl, avg(slippage_bps) AS mean_slippage_bps
       FROM core.live_trades WHERE ${IN_PERIOD} AND kind = 'close' GROUP BY account, place, currency ORDER BY account, place, currency`,
    );
    const named = (found: readonly Record<string, unknown>[]) =>
      found.map(({ place, ...row }) => ({ ...row, account_id: `${String(row['account'])}/${String(place)}` }));
    expect(new Set(byAccount.map(({ account }) => account))).toEqual(new Set(['demo', 'paper', 'real']));
    expect(rounded(pnl)).toEqual(rounded(named(byAccount)));
    const each = `SELECT p.account, p.currency, p.position_id, p.place, sum(p.pnl) AS total FROM core.live_trades p
      WHERE p.kind = 'close' AND p.market = 'live' AND ${TO_MS} > (SELECT max(q.time_ms) FROM core.live_trades q
        WHERE q.kind = 'close' AND q.market = 'live' AND q.account = p.account AND q.place = p.place AND q.position_id = p.position_id)
      AND ${FROM_MS} <= (SELECT max(q.time_ms) FROM core.live_trades q
        WHERE q.kind = 'close' AND q.market = 'live' AND q.account = p.account AND q.place = p.place AND q.position_id = p.position_id)
      GROUP BY 1, 2, 3, 4`;
    const expected = await rows(
      `SELECT account, place, currency, count(*) AS closed, count(CASE WHEN total > 0 THEN 1 END) AS wins,
       count(CASE WHEN total > 0 THEN 1 END) * 1.0 / count(*) AS win_rate, sum(total) AS pnl
       FROM (${each}) e GROUP BY account, place, currency ORDER BY account, place, currency`,
    );
    expect(rounded(positions)).toEqual(rounded(named(expected)));
    const paid = await rows(
      `SELECT account, symbol, count(*) AS fills, avg(slippage_bps) AS slippage_bps,
       avg((filled_price - signal_price) / signal_price * 10000.0 * (CASE side WHEN 'BUY' THEN 1 ELSE -1 END)) AS shortfall_bps
       FROM core.live_trades WHERE ${IN_PERIOD} AND kind IN ('open', 'close') GROUP BY account, symbol ORDER BY account, symbol`,
    );
    expect(paid.some(({ shortfall_bps }) => typeof shortfall_bps === 'number')).toBe(true);
    const configured = (symbol: string) => settings.minutehand.symbols[symbol]!;
    expect(rounded(costs)).toEqual(
      rounded(
        paid.map((row) => ({
          account: row['account'],
          symbol: row['symbol'],
          fills: row['fills'],
          slippage_bps: row['slippage_bps'],
          configured_slippage_bps: configured(String(row['symbol'])).slippage_bps,
          shortfall_bps: row['shortfall_bps'],
          configured_bps:
            0.5 * configured(String(row['symbol'])).spread_bps + configured(String(row['symbol'])).slippage_bps,
        })),
      ),
    );
  });

  it('has figures of models, runs, drift and parity that equal SQL queries', async () => {
    const { evaluations, runs, thresholds, drift, parity } = await makeReport(
      store,
      settings,
      homePaths({ MINUTEHAND_HOME: folder }),
      FROM,
      TO,
    );
    const field = (path: string) =>
      kind === 'sqlite'
        ? `json_extract(manifest, '$.${path}')`
        : `CAST(manifest AS json) #>> '{${path.replaceAll('.', ',')}}'`;
    const bundles = await rows(
      `SELECT version, status, ${field('theta1')} AS theta1, ${field('metrics.ai1.holdout.rows')} AS ai1_rows
       FROM core.model_registry WHERE created >= '${FROM}' AND created < '${TO}' AND ${field('market')} = 'live' ORDER BY created`,
    );
    expect(bundles).toHaveLength(2);
    expect(
      evaluations.map(({ version, status, theta1, models }) => ({
        version,
        status,
        theta1,
        ai1_rows: models['ai1']!.rows,
      })),
    ).toEqual(bundles);
    expect(evaluations.map(({ reasons }) => reasons)).toEqual([[], [gateReason(FAILED_GATE)]]);
    const paths = ['theta1', 'theta2', ...MEASURED];
    const select = paths.map((path) => `${field(path)} AS "${path}"`).join(', ');
    const [measured] = await rows(
      `SELECT version, created, ${select} FROM core.model_registry WHERE version = '${evaluations[0]!.version}'`,
    );
    const { version, created, theta1, theta2, models, backtest } = evaluations[0]!;
    const shown = [
      ...Object.entries(models).flatMap(([name, own]) =>
        Object.entries(own).map(([key, value]) => [`metrics.${name}.holdout.${key}`, value] as const),
      ),
      ...Object.entries(backtest!).map(([key, value]) => [`backtest.${key}`, value] as const),
    ];
    expect({ version, created, theta1, theta2, ...Object.fromEntries(shown) }).toEqual(measured);
    const ended = `finished_at >= '${FROM}' AND finished_at < '${TO}' AND market = 'live'`;
    expect(runs).toEqual(
      await rows(
        `SELECT kind, status, count(*) AS count FROM core.training_runs WHERE ${ended} GROUP BY 1, 2 ORDER BY 1, 2`,
      ),
    );
    expect(thresholds).toEqual(
      await rows(
        `SELECT run_id, finished_at, model_version, theta1, theta2 FROM core.training_runs WHERE ${ended} AND status = 'adopted' ORDER BY run_id`,
      ),
    );
    expect(thresholds).toHaveLength(2);
    const days = `market = 'live' AND day BETWEEN '2026-11-16' AND '2026-11-22'`;
    expect(drift).toEqual(
      await rows(
        `SELECT day, model_version, feature, psi, psi_noise FROM core.drift_figures WHERE ${days} ORDER BY 1, 2, 3`,
      ),
    );
    expect(drift.map(({ psi }) => psi)).toEqual([0.3, 0.1]);
    expect(parity).toEqual(
      await rows(
        `SELECT day, shard, verdict, signals, equal_signals, mismatches FROM core.parity_results WHERE ${days} ORDER BY day, shard`,
      ),
    );
    expect(parity.map(({ mismatches }) => mismatches)).toEqual([0, 3]);
  });

  it('has targets and a summary that equal SQL queries', async () => {
    const report = await makeReport(store, settings, homePaths({ MINUTEHAND_HOME: folder }), FROM, TO);
    const one = async (text: string): Promise<number> => Number(Object.values((await rows(text))[0]!)[0]);
    const days = `market = 'live' AND day BETWEEN '2026-11-16' AND '2026-11-22'`;
    const { kpi_win_rate_min, kpi_refusal_rate_min, kpi_refusal_rate_max, drift_psi_max, fill_cost_gap } =
      settings.retrain;
    const targetOf = (name: string, subject = '') =>
      report.targets.find((target) => target.name === name && target.subject === subject);
    const paper = `SELECT %s FROM (SELECT sum(pnl) AS total, max(time_ms) AS closed FROM core.live_trades
      WHERE market = 'live' AND kind = 'close' AND account = 'paper' GROUP BY place, position_id) p
      WHERE closed >= ${FROM_MS} AND closed < ${TO_MS}`;
    const closed = await one(paper.replace('%s', 'count(*)'));
    const wins = await one(paper.replace('%s', 'count(CASE WHEN total > 0 THEN 1 END)'));
    const pnl = await one(paper.replace('%s', 'sum(total)'));
    expect(targetOf('win_rate', 'paper/result.json')).toMatchObject({
      measured: wins / closed,
      least: kpi_win_rate_min,
      most: null,
    });
    const judged = `FROM ${HISTORY} WHERE ${PUBLISHED} AND pair_id <> 'BTCUSDT@1h'`;
    const refused = await one(`SELECT count(*) ${judged} AND reason = 'RISK_HIGH'`);
    const admitted = await one(`SELECT count(*) ${judged} AND reason IN ('ENTRY', 'COST_HIGH', 'EXPOSURE')`);
    const least = kpi_refusal_rate_min;
    const most = kpi_refusal_rate_max;
    expect(targetOf('refusal_rate')).toMatchObject({ measured: refused / (refused + admitted), least, most });
    const psi = await one(`SELECT max(psi) FROM core.drift_figures WHERE ${days}`);
    expect(targetOf('largest_psi')).toMatchObject({ measured: psi, most: drift_psi_max, met: psi <= drift_psi_max! });
    const mismatches = await one(`SELECT count(*) FROM core.parity_results WHERE ${days} AND verdict = 'MISMATCH'`);
    expect(targetOf('parity_mismatches')).toMatchObject({ measured: mismatches, most: 0, met: false });
    const [worst] = await rows(
      `SELECT symbol, avg(10000.0 * (filled_price / signal_price - 1) * (CASE side WHEN 'BUY' THEN 1 ELSE -1 END)) AS paid
       FROM core.live_trades WHERE ${IN_PERIOD} AND kind <> 'refused' AND account = 'paper' GROUP BY symbol ORDER BY symbol`,
    );
    const { spread_bps, slippage_bps } = settings.minutehand.symbols[String(worst!['symbol'])]!;
    const cost = targetOf('cost_ratio', `paper ${String(worst!['symbol'])}`)!;
    expect(cost.measured).toBeCloseTo(Number(worst!['paid']) / (spread_bps / 2 + slippage_bps), 9);
    expect(cost.most).toBe(fill_cost_gap === null ? null : 1 + fill_cost_gap);
    const made = `FROM core.model_registry WHERE created >= '${FROM}' AND created < '${TO}' AND version IN ('${report.evaluations.map(({ version }) => version).join("','")}')`;
    const text = summaryOf(report, 'file').split('\n');
    expect(text).toContain(`paper/result.json: ${closed} positions, ${wins} won, ${pnl.toFixed(2)} USD.`);
    expect(text).toContain(
      `Bundles: ${await one(`SELECT count(*) ${made}`)} trained, ${await one(`SELECT count(*) ${made} AND status IN ('active', 'archived')`)} adopted.`,
    );
    const certificates = await one(`SELECT count(*) FROM core.parity_results WHERE ${days}`);
    expect(text).toContain(
      `Parity: ${certificates} ${certificates === 1 ? 'day' : 'days'}, ${mismatches} ${mismatches === 1 ? 'mismatch' : 'mismatches'}.`,
    );
    // Without a page, nothing is said twice.
    const lines = summaryOf(report, null).split('\n');
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.filter((line) => !line.endsWith('.'))).toEqual([]);
  });

  it('is a page without script whose targets are those of the policy, and is sent once a week', async () => {
    const report = await makeReport(store, settings, homePaths({ MINUTEHAND_HOME: folder }), FROM, TO);
    const page = reportPage(report);
    expect(page).not.toMatch(/<script|javascript:|\son\w+=| style="/i);
    expect(page).toContain('やらない勇気発動率');
    expect(report.targets.find(({ name }) => name === 'parity_mismatches')).toMatchObject({
      measured: 1,
      most: 0,
      met: false,
    });
    expect(report.targets.find(({ name }) => name === 'largest_psi')).toMatchObject({ measured: 0.3 });
    const raised: Notice[] = [];
    const paths = homePaths({ MINUTEHAND_HOME: folder });
    const file = await sendWeeklyReport({
      settings,
      paths,
      log: pino({ level: 'silent' }),
      env: { MINUTEHAND_DATABASE_URL: url },
      clock: { nowMs: () => (TO_MS + 6 * 3_600_000) as EpochMs, monotonicUs: () => 0 },
      notifier: { raise: (notice) => Promise.resolve(void raised.push(notice)), clear: () => Promise.resolve() },
    });
    expect(readFileSync(file!, 'utf8')).toBe(page);
    expect(raised).toMatchObject([
      { key: 'report:2026-11-16', event: 'report', isOnce: true, details: { from: FROM, to: TO } },
    ]);
    expect(raised[0]!.text).toContain(`Refusal rate: ${(report.refusal.rate! * 100).toFixed(1)} %`);
  });

  it('is made up at the next start when its time has passed, once, for its own week; not for a week without signals', async () => {
    const raised: Notice[] = [];
    const options = (nowMs: number): WeeklyReportOptions => ({
      settings,
      paths: homePaths({ MINUTEHAND_HOME: join(folder, 'missed') }),
      log: pino({ level: 'silent' }),
      env: { MINUTEHAND_DATABASE_URL: url },
      clock: { nowMs: () => nowMs as EpochMs, monotonicUs: () => 0 },
      notifier: { raise: (notice) => Promise.resolve(void raised.push(notice)), clear: () => Promise.resolve() },
    });
    // TO is a Monday: due at 06:00, started on Wednesday.
    const wednesday = TO_MS + 2 * 86_400_000;
    const file = await makeUpMissed(options(wednesday), '0 6 * * 1');
    expect(file).toContain(`${FROM.slice(0, 10)}_${TO.slice(0, 10)}.html`);
    expect(raised).toMatchObject([
      { key: `report:${FROM.slice(0, 10)}`, isOnce: true, details: { from: FROM, to: TO } },
    ]);
    expect(await makeUpMissed(options(wednesday), '0 6 * * 1')).toBeNull();
    expect(await makeUpMissed(options(wednesday + 21 * 86_400_000), '0 6 * * 1')).toBeNull();
    expect(raised).toHaveLength(1);
  });

  it('is summed up by day: results by account and entries, once a day, and for a missed day too', async () => {
    const raised: Notice[] = [];
    const options = (nowMs: number): WeeklyReportOptions => ({
      settings,
      paths: homePaths({ MINUTEHAND_HOME: join(folder, 'daily') }),
      log: pino({ level: 'silent' }),
      env: { MINUTEHAND_DATABASE_URL: url },
      clock: { nowMs: () => nowMs as EpochMs, monotonicUs: () => 0 },
      notifier: { raise: (notice) => Promise.resolve(void raised.push(notice)), clear: () => Promise.resolve() },
    });
    // The paper account closed its first position at the begin of November 17.
    const after = FROM_MS + 2 * DAY_MS + 900_000;
    expect(await sendDailySummary(options(after))).toBe(true);
    expect(raised).toMatchObject([{ key: 'daily_summary:2026-11-17', event: 'daily_summary', isOnce: true }]);
    expect(raised[0]!.text).toMatch(/^2026-11-17 \(UTC\)\n/);
    expect(raised[0]!.text).toMatch(/^paper\/\S+: 7\.00 USD net of costs, \d positions? opened, 1 closed \(1 won\)/m);
    // It opened a position a minute before the day ended, and closed none.
    expect(raised[0]!.text).toMatch(/^demo\/\S+: 0\.00 USD net of costs, 1 position opened, 0 closed/m);
    expect(raised[0]!.text).toMatch(/^Pairs: \d+ signals, \d+ entr(y|ies)/m);
    expect(raised[0]!.text).toContain('Instruments: 4 signals, 1 entry; bars without one:\n- THETA 100 % (3)');
    expect(await makeUpMissedSummary(options(after + 3_600_000), '15 0 * * *')).toBe(true);
    expect(raised[1]!.key).toBe(raised[0]!.key);
    // Before the first signal of the store there is nothing to sum up.
    expect(await makeUpMissedSummary(options(FROM_MS - 5 * DAY_MS), '15 0 * * *')).toBe(false);
    expect(raised).toHaveLength(2);
  });
});

describe('the summary of a day', () => {
  const performance = { market: 'live', is_simulated: false, from: null, to: null, accounts: [] };
  const none = { candidates: 0, entered: 0, refused: 0, judged: 0, risk_refused: 0, rate: null, reasons: [] };
  const figures = (report: Partial<DayFigures['report']>, openAlerts = 0): DayFigures => ({
    day: '2026-11-26',
    report: { signals: [], refusal: none, performance, runs: [], parity: [], ...report },
    zEntry: 2,
    openAlerts,
  });
  const hold = (reason: string, count: number) => ({ subjects: 'pairs', action: 'HOLD', reason, count }) as const;

  it('says why there was no entry: no signal, no candidate, or what refused the candidates', () => {
    expect(daySummary(figures({}))).toBe(
      '2026-11-26 (UTC)\nNo signal was published: the daemon did not run, or no bar came.\nNo open alert',
    );
    expect(daySummary(figures({ signals: [hold('NO_SETUP', 90), hold('WARMUP', 10)] }, 2)).split('\n')).toEqual([
      '2026-11-26 (UTC)',
      'Pairs: 100 signals, 0 entries: no pair was 2 standard deviations from its mean.',
      '- NO_SETUP 90 % (90): |z| is below z_entry.',
      '- WARMUP 10 % (10): the pair has not seen enough bars yet.',
      'Open alerts: 2',
    ]);
    const reasons = ['NO_EDGE', 'SESSION', 'NEWS', 'COST_HIGH', 'RISK_HIGH'].map((reason, i) => ({
      reason,
      count: 6 - i,
    }));
    const refusal = { candidates: 20, entered: 0, refused: 20, judged: 5, risk_refused: 2, rate: 0.4, reasons };
    const lines = daySummary(figures({ signals: [hold('NO_EDGE', 20)], refusal })).split('\n');
    expect(lines[1]).toBe('Pairs: 20 signals, 0 entries; 20 of 20 candidates refused:');
    expect(lines[2]).toBe('- NO_EDGE 30 % (6): the models have shown no edge after costs for this pair.');
    expect(lines[6]).toBe('- other reasons: 2');
  });

  it('tells instruments from pairs, whose candidates they are not, in their own words', () => {
    const own = { subjects: 'instruments', action: 'HOLD' } as const;
    const ofInstruments = [
      { ...own, action: 'ENTER', reason: 'ENTRY', count: 2 },
      { ...own, action: 'EXIT', reason: 'STOP_EXIT', count: 2 },
      { ...own, reason: 'THETA', count: 15 },
      { ...own, reason: 'NO_EDGE', count: 5 },
      { ...own, reason: 'IN_POSITION', count: 9 },
    ];
    const lines = [
      'Instruments: 33 signals, 2 entries; bars without one:',
      '- THETA 75 % (15): no direction has a probability above its threshold.',
      '- NO_EDGE 25 % (5): the model has shown no edge after costs for this instrument.',
      'No account reported a fill of these entries: does a consumer follow the signals?',
      'No open alert',
    ];
    expect(
      daySummary(figures({ signals: ofInstruments }))
        .split('\n')
        .slice(1),
    ).toEqual(lines);
    expect(
      daySummary(figures({ signals: [hold('NO_SETUP', 4), ...ofInstruments] }))
        .split('\n')
        .slice(1),
    ).toEqual([
      'Pairs: 4 signals, 0 entries: no pair was 2 standard deviations from its mean.',
      '- NO_SETUP 100 % (4): |z| is below z_entry.',
      ...lines,
    ]);
  });

  it('names entries that nobody followed, failed trainings, mismatches and a simulated market', () => {
    const text = daySummary(
      figures({
        signals: [{ subjects: 'pairs', action: 'ENTER', reason: 'ENTRY', count: 1 }],
        refusal: { candidates: 1, entered: 1, refused: 0, judged: 1, risk_refused: 0, rate: 0, reasons: [] },
        performance: { ...performance, is_simulated: true },
        runs: [{ kind: 'full', status: 'failed', count: 2 }],
        parity: [{ verdict: 'MISMATCH' }] as unknown as DayFigures['report']['parity'],
      }),
    );
    expect(text.split('\n')).toEqual([
      '2026-11-26 (UTC), on a SIMULATED market',
      'Pairs: 1 signal, 1 entry',
      'No account reported a fill of these entries: does a consumer follow the signals?',
      'Trainings failed: 2',
      'Parity: 1 mismatch',
      'No open alert',
    ]);
  });
});

describe('`minutehand report`', () => {
  it('prints the same figures, and writes the same page', { timeout: 120_000 }, async () => {
    const workplace = createWorkplace();
    const url = join(workplace.folder, 'store.db');
    const store = await openStore(url);
    try {
      await fillStore(store, join(workplace.folder, 'models'));
      const html = join(workplace.folder, 'report.html');
      const args = [
        'report',
        '--from',
        FROM.slice(0, 10),
        '--to',
        TO.slice(0, 10),
        '--market',
        'live',
        '--html',
        html,
        '--json',
      ];
      const { code, stdout } = await workplace.run(args, { env: { MINUTEHAND_DATABASE_URL: url } });
      const report = await makeReport(store, settings, homePaths({ MINUTEHAND_HOME: workplace.home }), FROM, TO);
      expect([code, JSON.parse(stdout)]).toEqual([0, report]);
      expect(readFileSync(html, 'utf8')).toBe(reportPage(report));
    } finally {
      await store.close();
      await workplace.remove();
    }
  });
});

describe('a target', () => {
  it('is met within its limits, missed outside, and undecided without a measurement or a limit', () => {
    const policy = {
      ...settings.retrain,
      kpi_win_rate_min: 0.5,
      kpi_refusal_rate_min: 0.2,
      kpi_refusal_rate_max: null,
    };
    const position = { currency: 'USD', closed: 4, wins: 1, pnl: 1 };
    const input = {
      positions: [
        { ...position, account: 'demo', account_id: 'demo/a', win_rate: 0.25 },
        { ...position, account: 'real', account_id: 'real/b', win_rate: 0.5 },
      ],
      refusal: { candidates: 0, entered: 0, refused: 0, judged: 0, risk_refused: 0, rate: null, reasons: [] },
      drift: [],
      parity: [],
      costs: [],
    };
    const met = targetsOf(input, policy).map(({ name, subject, met: isMet }) => [name, subject, isMet]);
    expect(met).toEqual([
      ['win_rate', 'demo/a', false],
      ['win_rate', 'real/b', true],
      ['refusal_rate', '', null],
      ['largest_psi', '', null],
      ['parity_mismatches', '', null],
    ]);
  });
});

/** Figures inside and outside the period, of both markets. */
async function fillStore(store: Store, models: string): Promise<void> {
  await addSignals(store);
  await addFills(store);
  const registry = createRegistry(store, models);
  const schema = featureSchema(settings.minutehand.windows);
  const bundle = (day: number, market: MarketKind) =>
    basename(
      writeRandomBundle(models, {
        schema,
        trees: 1,
        leaves: 2,
        seed: `${day}`,
        market,
        created: new Date(FROM_MS + day * DAY_MS),
      }),
    );
  await adopt(registry, models, bundle(-1, 'live'));
  await adopt(registry, models, bundle(1, 'live'));
  await registry.reject(bundle(2, 'live'), [FAILED_GATE]);
  await registry.register(bundle(3, 'simulated'));
  await measure(store);
  const runs = [
    [-1, 'adopted', 'live'],
    [1, 'adopted', 'live'],
    [2, 'rejected', 'live'],
    [4, 'adopted', 'live'],
    [4, 'adopted', 'simulated'],
    [7, 'adopted', 'live'],
  ] as const;
  for (const [day, status, market] of runs) await addRun(store, FROM_MS + day * DAY_MS, status, market);
  const drift = (psi: number) => ({
    version: 'v',
    drift: { rows: 9, features: [{ name: 'z', psi, psi_noise: Infinity }] },
  });
  for (const [day, psi] of [
    [-1, 0.9],
    [0, 0.2],
    [0, 0.3],
    [6, 0.1],
    [7, 0.8],
  ] as const)
    await writeDrift(
      store,
      'live',
      drift(psi) as unknown as Parameters<typeof writeDrift>[2],
      FROM_MS + day * DAY_MS + 5,
    );
  const replay = { signals: 10, equal: 10, different: 0 };
  const decisions = { a: { mismatches: 1 }, b: { mismatches: 2 } };
  const certificate = { market: 'live', shard: 'main', day: '2026-11-16', verdict: 'EQUAL', replay, decisions: {} };
  await keepParityResult(store, { ...certificate, verdict: 'MISMATCH', decisions }, 1);
  await keepParityResult(store, certificate, 2);
  await keepParityResult(store, { ...certificate, day: '2026-11-17', verdict: 'MISMATCH', decisions }, 3);
  await keepParityResult(store, { ...certificate, day: '2026-11-23' }, 4);
}

const MEASURED = [
  ...['ai1', 'ai2', 'ai3'].flatMap((name) =>
    ['rows', 'auc', 'brier', 'ece', 'log_loss'].map((figure) => `metrics.${name}.holdout.${figure}`),
  ),
  ...['trades', 'win_rate', 'mean_net_bps', 'net_sharpe', 'max_drawdown'].map((figure) => `backtest.${figure}`),
];

/** Gives the bundles figures, each its own. */
async function measure({ db }: Store): Promise<void> {
  for (const { version, manifest } of await db
    .selectFrom('core.model_registry')
    .select(['version', 'manifest'])
    .execute()) {
    const measured = JSON.parse(manifest) as Record<string, unknown>;
    for (const [index, path] of MEASURED.entries()) {
      const keys = path.split('.');
      const last = keys.pop()!;
      let place = measured;
      for (const key of keys) place = (place[key] ??= {}) as Record<string, unknown>;
      place[last] = last === 'rows' || last === 'trades' ? 100 + index : 0.5 + index / 64;
    }
    const text = JSON.stringify(measured);
    await db.updateTable('core.model_registry').set({ manifest: text }).where('version', '=', version).execute();
  }
}

/** A repeated signal now and then, and candidates that a condition before AI2, AI2, and one behind it refused. */
function withReason(body: string, index: number): string {
  if (index % 97 === 5) return body.replace('"reason":"NO_SETUP"', '"reason":"SILENCE"');
  const refusals = ['PROB_LOW', 'RISK_HIGH', 'RISK_HIGH', 'COST_HIGH'];
  return body.replace('"reason":"PROB_LOW"', `"reason":"${refusals[index % refusals.length]!}"`);
}

async function addSignals(store: Store): Promise<void> {
  const tables = await openSignalTables(store, settings.signals);
  for (const [day, market] of [
    ['2026-11-15', 'live'],
    ['2026-11-17', 'live'],
    ['2026-11-17', 'simulated'],
  ] as const) {
    const signals = simulatedDay(day, { minutes: 60 });
    const rows = signals.map(({ body, generatedAtMs, pairId, bootId, seq, time, riskProb, featuresCrc }, index) =>
      signalRow(withReason(body, index), {
        market,
        generated_at_ms: generatedAtMs,
        pair_id: pairId,
        boot_id: bootId,
        seq,
        bar_time: time,
        risk_prob: riskProb,
        features_crc: featuresCrc,
      }),
    );
    await tables.add(store.db, rows);
  }
  const ofInstrument = [
    enterInstrument(idOf(900)),
    ...[901, 902, 903].map((id) => instrumentBodyOf({ signal_id: idOf(id) })),
  ].map((body, index) =>
    signalRow(encodeInstrumentBody(body), {
      market: 'live',
      generated_at_ms: FROM_MS + DAY_MS + index,
      pair_id: body.pair_id,
      boot_id: 'of an instrument',
      seq: index + 1,
      bar_time: FROM_MS / 1000 + index * 3600,
      risk_prob: null,
      features_crc: null,
    }),
  );
  await tables.add(store.db, ofInstrument);
}

async function addFills(store: Store): Promise<void> {
  const fills: Fill[] = [];
  for (const [index, account] of (['paper', 'demo', 'real', 'paper', 'real', 'real'] as const).entries()) {
    // The last two close outside the period: before it, and after it.
    const closedMs = FROM_MS + [1, 2, 3, 4, -1, 7][index]! * DAY_MS;
    const position = { account, position_id: idOf(100 + index), signal_id: idOf(100 + index) };
    for (const [at, leg] of (['A', 'B'] as const).entries()) {
      const ticket = 10 * index + at;
      fills.push(openFill({ ...position, leg, ticket, time_ms: closedMs - 60_000, filled_price: 4100 + index + at }));
      fills.push(
        closeFill({
          ...position,
          leg,
          ticket: ticket + 500,
          time_ms: closedMs + at,
          pnl: (index % 2 === 0 ? 3 : -5) + at,
        }),
      );
    }
    fills.push(refusedFill({ ...position, ticket: 900 + index, time_ms: closedMs }));
  }
  const other = openFill({ market: 'simulated', ticket: 77, time_ms: FROM_MS + 1 });
  const body = enterBody(idOf(100), { price_a: 4101, price_b: 51 });
  const trades = [...fills, other].map((fill) => tradeOf(fill, fill.account === 'demo' ? null : body));
  for (const trade of trades) await store.db.insertInto('core.live_trades').values(trade).execute();
}

async function addRun(store: Store, endedMs: number, status: 'adopted' | 'rejected', market: MarketKind) {
  const at = new Date(endedMs).toISOString();
  await store.db
    .insertInto('core.training_runs')
    .values({
      market,
      owner: 'here',
      worker_pid: null,
      due_ms: endedMs,
      beat_ms: endedMs,
      kind: 'full',
      trigger: 'other',
      trigger_values: JSON.stringify({ text: 'test' }),
      attempt: 1,
      started_at: at,
      finished_at: at,
      status,
      stage: 'bundle',
      percent: 100,
      eta_seconds: null,
      stages: '[]',
      causes: '[]',
      parameters: '{}',
      model_version: 'v',
      previous_version: null,
      seed: 1,
      data_from: null,
      data_to: null,
      data_hash: null,
      metrics: null,
      gate: null,
      reasons: '[]',
      error: null,
      cpu_seconds: null,
      peak_memory_bytes: null,
      duration_ms: null,
      theta1: 0.7,
      theta2: 0.3,
      gpu_seconds: null,
      gpu_memory_bytes: null,
    })
    .execute();
}
