import type { MarketKind } from '../../shared/signal/signal.ts';
import { scheduled } from '../../shared/run_trigger/run_triggers.fixture.ts';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDaemon, type RunningDaemon } from '../../daemon/main.ts';
import { byMinute } from '../../daemon/pipeline.fixture.ts';
import { warmupBars } from '../../shared/core/features/features.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { parseInstrument, parsePair, symbolsOf } from '../../shared/pair.ts';
import { homePaths, type HomePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { lockHome } from '../../shared/process/home_lock.ts';
import { tinyBars, tinySettings } from '../../test/tiny_models.ts';
import { noteOtherMarket } from '../other_market_note.ts';
import { findingsOf } from '../status/findings.ts';
import { linesOf, collectStatus, type Status } from './status.ts';

const tiny = tinySettings({ minutehand: { market: 'live', feed: { straggler_timeout_ms: 30_000 } } });
const [FIRST, ...OTHERS] = tiny.minutehand.pairs as [string, ...string[]];
/** Two shards of one home. */
const settings: Settings = {
  ...tiny,
  minutehand: { ...tiny.minutehand, shards: { a: [FIRST], b: { pairs: OTHERS, port: 0 } } },
};
const WARMUP = warmupBars(settings.minutehand.windows);
const MINUTES = byMinute(tinyBars(settings, WARMUP + 1));
/** A Monday at noon: the market is open. */
const OPEN_MS = Date.UTC(2026, 10, 16, 12);
/** A Saturday. */
const CLOSED_MS = Date.UTC(2026, 10, 21, 12);

let folder: string;
let paths: HomePaths;
const daemons: Record<string, RunningDaemon> = {};

async function post(shard: 'a' | 'b', from: number, to: number, query = ''): Promise<unknown> {
  const own = symbolsOf((shard === 'a' ? [FIRST] : OTHERS).map(parsePair));
  const bars = MINUTES.slice(from, to)
    .flatMap((minute) => minute.bars.filter(({ symbol }) => own.includes(symbol)))
    .map((bar) => ({ ...bar, time: bar.time * 1000 }));
  const body = JSON.stringify(bars);
  const response = await fetch(`http://127.0.0.1:${daemons[shard]!.port}/bars${query}`, { method: 'POST', body });
  expect(response.status).toBe(200);
  return response.json();
}

const textsOf = ({ findings }: Pick<Status, 'findings'>): string[] =>
  findings.map(({ weight, about, text }) => `${weight} ${about}: ${text}`);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-status-'));
  paths = homePaths({ MINUTEHAND_HOME: join(folder, 'home'), MINUTEHAND_EXCHANGE: join(folder, 'common') });
});
afterAll(async () => {
  for (const daemon of Object.values(daemons)) await daemon.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('minutehand status', () => {
  it('reports that nothing runs, and the next step, and creates no home', async () => {
    const status = await collectStatus(settings, paths, OPEN_MS);
    expect({ ok: status.ok, presences: status.daemons.map(({ presence }) => presence) }).toEqual({
      ok: false,
      presences: ['down', 'down'],
    });
    expect(textsOf(status)).toEqual([
      'problem daemon a: does not run: no process answers bars.',
      'problem daemon b: does not run: no process answers bars.',
      'problem trainer: does not run: nothing is learned, watched or archived.',
    ]);
    expect(existsSync(paths.home)).toBe(false);
  });

  it('distinguishes a process that holds its lock and does not answer from a dead one that left its address', async () => {
    const unlock = lockHome(paths.lock('daemon_a'));
    const unlockStandby = lockHome(paths.lock('standby_a'));
    const dead = { pid: 1, host: '127.0.0.1', port: 1, started: '' };
    writeFileSync(paths.address('trainer'), JSON.stringify(dead));
    const nowhere = await collectStatus(settings, paths, OPEN_MS);
    writeFileSync(paths.address('daemon_a'), JSON.stringify(dead));
    const { daemons: seen, trainer, findings } = await collectStatus(settings, paths, OPEN_MS);
    unlock();
    unlockStandby();
    expect(nowhere.daemons[0]).toMatchObject({ presence: 'mute', url: null });
    expect(seen[0]).toMatchObject({ presence: 'mute', pid: 1, url: 'http://127.0.0.1:1', hasStandby: true });
    expect(seen[1]).toMatchObject({ presence: 'down', hasStandby: false });
    expect(trainer.presence).toBe('down');
    expect(findings[0]).toMatchObject({ about: 'daemon a', next: expect.stringContaining('end process 1 ') as string });
    rmSync(paths.home, { recursive: true });
  });

  describe('with a daemon for each of two shards in one home', () => {
    beforeAll(async () => {
      for (const shard of ['a', 'b'] as const) {
        const clock = MACHINE_CLOCK;
        daemons[shard] = await startDaemon({ settings, paths, shard, clock, token: undefined, print: () => undefined });
        await post(shard, 0, WARMUP, '?backfill=1');
        await post(shard, WARMUP, WARMUP + 1);
      }
    });

    it('finds both where they listen, with their pairs and last signals', async () => {
      const status = await collectStatus(settings, paths, OPEN_MS);
      for (const [index, [shard, pairs]] of [['a', [FIRST]] as const, ['b', OTHERS] as const].entries()) {
        const seen = status.daemons[index]!;
        expect(seen).toMatchObject({
          shard,
          presence: 'up',
          pid: process.pid,
          url: `http://127.0.0.1:${daemons[shard]!.port}`,
          hasStandby: false,
          health: { pairs: pairs.length, pairs_ready: pairs.length, model_version: null },
        });
        await expect
          .poll(async () => (await collectStatus(settings, paths, OPEN_MS)).daemons[index]!.pairs)
          .toMatchObject(
            pairs.map((pair_id) => ({ pair_id, signal: { mode: 'HALT', boot_id: daemons[shard]!.bootId } })),
          );
      }
      expect(textsOf(status)).toEqual([
        'problem daemon a: has no active models: mode HALT, no entries.',
        'problem daemon b: has no active models: mode HALT, no entries.',
        'problem trainer: does not run: nothing is learned, watched or archived.',
      ]);
    });

    it('prints of a daemon only what it has: pairs, instruments or both', async () => {
      const status = await collectStatus(settings, paths, OPEN_MS);
      const direction = { instruments: 2, instruments_ready: 1, versions: { '1h': '20261101_0300' } };
      const stateOf = (change: object): string => {
        const health = { ...status.daemons[0]!.health!, ...change };
        const daemon = { ...status.daemons[0]!, pairs: [], health };
        const [, line = ''] = linesOf({ ...status, daemons: [daemon] } as typeof status, OPEN_MS);
        return line.slice(0, line.indexOf(', Redis')).replace(/^ +state +\w+, /, '');
      };
      expect(stateOf({})).toBe('1 of 1 pairs ready, no models');
      expect(stateOf({ direction })).toBe(
        '1 of 1 pairs ready, no models, 1 of 2 instruments ready, direction 1h 20261101_0300',
      );
      expect(stateOf({ direction, pairs: 0, pairs_ready: 0 })).toBe(
        '1 of 2 instruments ready, direction 1h 20261101_0300',
      );
    });

    it('has a signal file of all pairs for each, in the folder that MetaTrader shares', () => {
      expect(readdirSync(paths.signals).sort()).toEqual(
        [...settings.minutehand.pairs, 'signals_a.json', 'signals_b.json', 'owner.json'].sort(),
      );
      const pairsOf = (name: string): string[] =>
        Object.keys(JSON.parse(readFileSync(join(paths.signals, name), 'utf8')) as object).sort();
      expect(pairsOf('signals_a.json')).toEqual([FIRST]);
      expect(pairsOf('signals_b.json')).toEqual([...OTHERS].sort());
      expect(paths.signals.startsWith(paths.home)).toBe(false);
    });

    it('reports real problems of a running daemon, and only notes apparent ones', async () => {
      const { daemons: seen, trainer } = await collectStatus(settings, paths, OPEN_MS);
      const healthy = {
        ...seen[0]!,
        health: { ...seen[0]!.health!, model_version: '20261101_0300', expired_pairs: [] },
      };
      const fresh = healthy.pairs[0]!.signal!;
      const nowMs = Math.min(fresh.valid_until_ms, Date.now());
      const told = (change: object, at = OPEN_MS, sources = settings): string[] => {
        // Files are checked by the wall clock, which is not the one at hand.
        const pairs = [
          { ...healthy.pairs[0]!, signal: { ...fresh, valid_until_ms: at + (fresh.valid_until_ms - nowMs) + 1 } },
        ];
        const daemon = { ...healthy, pairs, health: { ...healthy.health, ...change } };
        return textsOf({
          findings: findingsOf(sources, [daemon], { ...trainer, presence: 'up', health: null }, at),
        }).filter((text) => !text.includes('trainer'));
      };
      expect(told({})).toEqual([]);
      expect(told({ silent_pairs: [FIRST] })).toEqual([`problem daemon a: no bars for ${FIRST}.`]);
      expect(told({ silent_pairs: [FIRST] }, CLOSED_MS)).toEqual([
        `note daemon a: no bars for ${FIRST}. The market is closed until Sunday 22:00 UTC.`,
      ]);
      const standby = { role: 'standby', fence: null, holder: 'other/1/x', server: 'up' };
      expect(told({ lease: standby, expired_pairs: [FIRST] })).toEqual([
        'note daemon a: standby: other/1/x holds the lease and publishes.',
      ]);
      expect(told({ lease: { ...standby, holder: null } })).toEqual([
        'problem daemon a: no daemon holds the lease: no signals are published.',
      ]);
      expect(told({ lease: { ...standby, server: 'down' } })).toEqual([
        'problem daemon a: publishes nothing: the lease server does not answer.',
      ]);
      expect(told({ pairs_ready: 0 })).toEqual([
        'problem daemon a: 0 of 1 pairs are ready; the others lack bars up to now.',
      ]);
      expect(told({ degradations: ['file', 'journal'] })).toEqual([
        'problem daemon a: degraded: file.',
        'problem daemon a: degraded: journal.',
      ]);
      const late = { code: 'BARS_LATE', message: 'Bars arrive 5 h after.', next: 'UTC.', symbols: ['XAUUSD'] };
      const isLate = { degradations: ['late_bars'], late_bars: late, expired_pairs: [FIRST] };
      expect(told(isLate)).toEqual(['problem daemon a: BARS_LATE: Bars arrive 5 h after.']);
      expect(told({ expired_pairs: [FIRST], last_bars: { XAUUSD: '2026-11-16T07:00:00.000Z' } })).toEqual([
        `problem daemon a: the newest signals of ${FIRST} have expired, and no consumer acts on them; the newest bar is of 2026-11-16 07:00 UTC.`,
      ]);
      expect(told({ refused_bars: { BAR_REVISED: 240, BAR_RANGE: 2 } })).toEqual([
        'note daemon a: 240 bars came again with other values after they were decided, and were refused (BAR_REVISED): signals follow the first values, and a backtest of the later ones differs.',
        'note daemon a: bars were refused since the start: 2 BAR_RANGE.',
      ]);
      const lastBars = (silverMinute: number): object => ({
        last_bars: { XAUUSD: '2026-11-16T11:59:00.000Z', XAGUSD: `2026-11-16T11:${silverMinute}:00.000Z` },
      });
      const feed = { ...settings.minutehand.feed, silence_halt_intervals: 5 };
      const impatient = { ...settings, minutehand: { ...settings.minutehand, feed } };
      expect(told(lastBars(54), OPEN_MS, impatient)).toEqual([]);
      expect(told(lastBars(53), OPEN_MS, impatient)).toEqual([
        'problem daemon a: no bars for XAGUSD while other symbols have them: their pairs hold with LEG_MISSING.',
      ]);
      expect(told({ ...lastBars(53), silent_pairs: [FIRST] }, OPEN_MS, impatient)).toEqual([
        `problem daemon a: no bars for ${FIRST}.`,
      ]);
      const series = [{ symbol: 'XAUUSD', series: 'sentiment', event_time: '', age_seconds: 1, stale: true }];
      expect(told({ series })).toEqual([
        'problem daemon a: stale series: XAUUSD sentiment; their features are missing.',
      ]);
      expect(told({ halted_pairs: [FIRST] })).toEqual([`problem daemon a: ${FIRST} halted.`]);
      const refused = { version: '20261102_0300', code: 'MODEL_HASH', message: 'Not the same.', next: 'Restore it.' };
      expect(told({ model_refused: refused })).toEqual([
        'problem daemon a: refused models 20261102_0300. MODEL_HASH: Not the same.',
      ]);
      expect(told({ redis: 'down' })[0]).toMatch(/^note daemon a: Redis does not answer/);
      const rest = { message: 'Redis does not answer.', next: 'Start it.', since: '2026-11-20T10:00:00Z' };
      const dependencies = [{ dependency: 'redis_link', code: 'REDIS_DOWN', ...rest }];
      expect(told({ redis: 'down', degradations: ['redis_link'], dependencies })).toEqual([
        'problem daemon a: REDIS_DOWN: Redis does not answer. Since 2026-11-20 10:00 UTC.',
      ]);
      expect(told({ market: 'simulated' }, CLOSED_MS)[0]).toMatch(/^note daemon a: serves a simulated market/);
      expect(told({ policy_hash: '0' })[0]).toMatch(/^note daemon a: the decision policy in the files/);
      const longUp = { uptime_seconds: 3600 };
      expect(told(longUp)).toEqual([]);
      const expired = { ...healthy, health: { ...healthy.health, ...longUp } };
      expect(textsOf({ findings: findingsOf(settings, [expired], trainer, fresh.valid_until_ms + 1) })[0]).toBe(
        `problem daemon a: runs, but the signal files of ${FIRST} are missing or have expired.`,
      );
    });

    it('misses no direction model where a rule answers, and names what answers', async () => {
      const { daemons: seen, trainer } = await collectStatus(settings, paths, OPEN_MS);
      const instruments = ['BTCUSDT@1h', 'ETHUSDT@1h'].map(parseInstrument);
      const shards = { a: [FIRST, 'BTCUSDT@1h', 'ETHUSDT@1h'] };
      const own = {
        ...settings,
        minutehand: { ...settings.minutehand, shards, instruments: instruments.map(({ id }) => id) },
      };
      const with_ = (rules: Record<string, string>, expired_pairs: string[] = []) => {
        const direction = {
          instruments: 2,
          instruments_ready: 2,
          versions: {},
          inference_engines: {},
          inference_notes: {},
          refused: null,
          missing_sources: [],
          rules,
        };
        return { ...seen[0]!, health: { ...seen[0]!.health!, direction, expired_pairs } };
      };
      const told = (daemon: ReturnType<typeof with_>) =>
        textsOf({ findings: findingsOf(own, [daemon], trainer, OPEN_MS) }).join();
      const both = with_({ 'BTCUSDT@1h': '20260101_0000', 'ETHUSDT@1h': '20260102_0000' });
      expect(told(both)).not.toContain('direction model');
      expect(told(with_({ 'BTCUSDT@1h': '20260101_0000' }))).toContain(
        'no active direction model of 1h: mode HALT, no entries of ETHUSDT@1h.',
      );
      expect(told(with_({ 'BTCUSDT@1h': '20260101_0000' }, ['BTCUSDT@1h', 'ETHUSDT@1h']))).toContain(
        'newest signals of BTCUSDT@1h have expired',
      );
      const lines = linesOf(
        { ok: true, looked_at: '', home: '', daemons: [both], trainer, findings: [] },
        OPEN_MS,
      ).join('\n');
      expect(lines).toContain(
        '2 of 2 instruments ready, rule 20260101_0000 of BTCUSDT@1h, rule 20260102_0000 of ETHUSDT@1h',
      );
    });

    it('reports problems of a trainer', () => {
      const run = {
        run_id: 7,
        kind: 'full',
        trigger: scheduled(),
        status: 'aborted',
        error: 'no bars',
        reasons: [],
      };
      const told = (last_run: object | null, active_error?: object): string[] => {
        const rest = { active_version: null, direction_models: [], schedules: [], dependencies: [] };
        const health = { status: 'ok', ...rest, last_run, active_error } as never;
        return textsOf({
          findings: findingsOf(settings, [], { presence: 'up', pid: 1, url: '', health, waiting: [] }, OPEN_MS),
        });
      };
      expect(told(null)).toEqual([]);
      expect(told({ ...run, status: 'adopted' })).toEqual([]);
      expect(told(run)).toEqual(['problem trainer: training run 7 (full, schedule) aborted: no bars']);
      expect(told({ ...run, status: 'rejected', reasons: ['AUC 0.51'] })).toEqual([
        'note trainer: the last models were rejected: AUC 0.51',
      ]);
      expect(told(null, { code: 'MODEL_MANIFEST', message: 'Not valid.', next: '' })).toEqual([
        'problem trainer: MODEL_MANIFEST: Not valid.',
      ]);
    });

    it('names the runs that wait, each with what it waits for', async () => {
      const status = await collectStatus(settings, paths, OPEN_MS);
      const health = {
        active_version: null,
        direction_models: [],
        schedules: [],
        dependencies: [],
        last_run: null,
        rollout: null,
      } as never;
      const waiting = [
        { run_id: 3, kind: 'full', trigger: scheduled(), reasons: ['needs 2 cores, 0 free'] },
        { run_id: 4, kind: 'incremental', trigger: scheduled(), reasons: [] },
      ] as never;
      const direction_models = [{ timeframe: '1h', version: '20260101_0100' }];
      const served = { ...(health as object), direction_models } as never;
      const lines = linesOf(
        { ...status, trainer: { ...status.trainer, presence: 'up', health: served, waiting } },
        OPEN_MS,
      );
      expect(lines.join('\n')).toContain('active models none, direction 1h 20260101_0100');
      expect(lines).toContain('  waits    run 3 full (schedule): needs 2 cores, 0 free');
      expect(lines).toContain('  waits    run 4 incremental (schedule): for the runs before it');
    });

    it('has a terminal that names another market than its daemons told so, unless it asked for that one', async () => {
      const noted = async (market: MarketKind, asked = {}): Promise<string[]> => {
        const notes: string[] = [];
        const other = { ...settings, minutehand: { ...settings.minutehand, market } };
        await noteOtherMarket(other, asked, { note: (text) => notes.push(text) }, paths);
        return notes;
      };
      expect(await noted('simulated')).toEqual([
        expect.stringMatching(/this is the simulated market; the running daemon serves the live one.*--market live/),
      ]);
      expect(await noted('live')).toEqual([]);
      expect(await noted('simulated', { market: 'simulated' })).toEqual([]);
    });

    it('says to wait for the training that runs, and not to begin another', async () => {
      const { daemons: seen, trainer } = await collectStatus(settings, paths, OPEN_MS);
      const run = { run_id: 1, trigger: scheduled(), status: 'running', stage: 'AI1', percent: 41.7 };
      const nextOf = (last_run: object): string[] => {
        const health = { dependencies: [], schedules: [], last_run } as never;
        const all = findingsOf(settings, seen, { ...trainer, presence: 'up', health }, OPEN_MS);
        return all.filter(({ text }) => text.includes('no active models')).map(({ next }) => next);
      };
      expect(nextOf({ ...run, status: 'adopted', reasons: [] })[0]).toContain('`minutehand train --adopt` makes some');
      for (const next of nextOf(run))
        expect(next).toBe(
          'Wait: training run 1 (schedule) is at AI1, 41 %; `minutehand runs list` shows how far it is.',
        );
    });

    it('reports the state in the files of a daemon that has ended', async () => {
      await daemons['a']!.stop();
      const status = await collectStatus(settings, paths, OPEN_MS);
      expect(status.daemons.map(({ presence }) => presence)).toEqual(['down', 'up']);
      expect(existsSync(paths.address('daemon_a'))).toBe(false);
      const lines = linesOf(status, Date.now());
      expect(lines[0]).toBe('daemon a: does not run');
      expect(lines[1]).toMatch(new RegExp(`^  ${FIRST} .* HALT +target 0 +\\d+ s ago`));
      expect(lines.join('\n')).toContain('✗ daemon a: does not run: no process answers bars.\n    → Start all with');
    });
  });
});
