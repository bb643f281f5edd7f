import { beforeEach, describe, expect, it } from 'vitest';
import { SessionCalendar } from '../../../../shared/market/session_calendar.ts';
import { parsePair } from '../../../../shared/pair.ts';
import { DaemonConditions } from './conditions.ts';
import type { DaemonLook, WatchedHealth } from './daemon_look.ts';

const HEALTH: WatchedHealth = {
  market: 'live',
  shard: 'main',
  boot_id: 'b1',
  model_version: 'v1',
  model_refused: null,
  silent_pairs: [],
  expired_pairs: [],
  halts: [],
  halts_refused: null,
  degradations: [],
  dependencies: [],
  late_bars: null,
  lease: null,
  redis: 'up',
  redis_missed: 0,
  last_bars: { EURUSD: '2026-11-17T11:59:00.000Z' },
};
const TUESDAY = Date.parse('2026-11-17T12:00Z');
const SATURDAY = Date.parse('2026-11-21T12:00Z');
const STEP_MS = 10_000;

let conditions: DaemonConditions;
let now: number;
beforeEach(() => {
  conditions = new DaemonConditions('main@here', [parsePair('EURUSD_GBPUSD')], () => new SessionCalendar(new Map()));
  now = TUESDAY;
});

/** The models that a person has just trained on too few bars. */
const TOO_FEW = {
  version: '20261128_0900',
  failed: [
    { code: 'samples', role: 'ai1', value: 120, relation: '>=', limit: 300, unit: 'count', evidence: {} },
  ] as const,
};

/** Looks so long in steps of ten seconds; the result of the last one. */
function lookFor(ms: number, look: Partial<DaemonLook>) {
  const whole: DaemonLook = { shard: 'main', presence: 'up', pid: 1, health: null, overBudget: 0, ...look };
  let last = conditions.check(whole, now);
  for (const endMs = now + ms; now < endMs;) last = conditions.check(whole, (now += STEP_MS));
  return { ...last, keys: last.notices.map(({ key }) => key) };
}
const healthy = (changes: Partial<WatchedHealth> = {}) => ({ health: { ...HEALTH, ...changes } });

describe('a check of a daemon', () => {
  it('finds a dead one within 40 s, not one that is restarted, and checks nothing else of it', () => {
    expect(lookFor(20_000, { presence: 'down' })).toMatchObject({ keys: [], isWell: false });
    expect(lookFor(0, healthy()).keys).toEqual([]);
    expect(lookFor(40_000, { presence: 'down' })).toMatchObject({
      keys: ['daemon_dead:main@here'],
      checked: ['daemon_dead', 'daemon_mute'],
    });
  });

  it('finds one that hangs after a minute, and keeps its alert while it does not answer', () => {
    expect(lookFor(60_000, { presence: 'mute' })).toMatchObject({
      keys: ['daemon_mute:main@here'],
      checked: ['daemon_dead'],
    });
  });

  it('finds expired signals of subjects that rules answer for, and of no others', () => {
    const expired = { expired_pairs: ['EURUSD_GBPUSD', 'BTCUSDT@1h'] };
    const byRule = healthy({ model_version: null, pairs: 1, ...expired, direction: { rules: { 'BTCUSDT@1h': 'r2' } } });
    expect(
      lookFor(3_600_000, byRule)
        .notices.map(({ text }) => text)
        .join(),
    ).toContain('signals of BTCUSDT@1h have expired');
    expect(lookFor(3_600_000, healthy({ model_version: null, ...expired })).keys).not.toContain(
      'daemon_degraded:main@here:expired',
    );
  });

  it('says after a refused training what would change it, and not to train again', () => {
    const halt = healthy({ model_version: null });
    const [plain] = lookFor(600_000, halt).notices;
    expect(plain).toMatchObject({ event: 'daemon_halt', text: 'No active models: mode HALT, no entries.' });
    conditions = new DaemonConditions(
      'main@here',
      null,
      () => new SessionCalendar(new Map()),
      () => TOO_FEW,
    );
    const next = 'Train on real bars.';
    const refused = { version: 'v2', code: 'MODEL_SIMULATED', message: 'Of another market.', next };
    const { notices } = lookFor(600_000, healthy({ model_version: null, model_refused: refused }));
    expect(notices.map(({ event }) => event)).toEqual(['daemon_halt', 'daemon_degraded']);
    for (const { text, command } of notices) {
      expect(text).toContain('The last training (20261128_0900) was refused by 1 gate');
      expect(command).toMatch(/^More history, or more pairs\./);
    }
  });

  it('reports a silent feed on a Tuesday and not on a Saturday, when it is well', () => {
    const silent = healthy({ silent_pairs: ['EURUSD_GBPUSD'] });
    expect(lookFor(0, silent)).toMatchObject({ keys: ['feed_silent:main@here'], isWell: false });
    now = SATURDAY;
    expect(lookFor(0, silent)).toMatchObject({ keys: [], isWell: true });
  });

  it('reports a lease without a holder after half a minute, and a standby of a running holder as healthy', () => {
    const standby = { role: 'standby', holder: 'other/1/x', server: 'up' } as const;
    expect(lookFor(60_000, healthy({ lease: standby }))).toMatchObject({ keys: [], isWell: true });
    const free = healthy({ lease: { ...standby, holder: null, server: 'down' } });
    expect(lookFor(20_000, free).keys).toEqual([]);
    expect(lookFor(10_000, free)).toMatchObject({ keys: ['daemon_halt:main@here:lease'], isWell: false });
  });

  it('reports a feed that has never sent a bar after five minutes of an open market', () => {
    expect(lookFor(290_000, healthy({ last_bars: {} })).keys).toEqual([]);
    expect(lookFor(10_000, healthy({ last_bars: {} })).keys).toEqual(['feed_silent:main@here']);
  });

  it('reports each degradation, refused models and expired signals under a key of its own', () => {
    const model_refused = { version: 'v2', code: 'X', message: 'bad', next: 'train' };
    const changes = { degradations: ['journal', 'late_bars'], model_refused, expired_pairs: ['EURUSD_GBPUSD'] };
    expect(lookFor(60_000, healthy(changes)).keys).toEqual([
      'daemon_degraded:main@here:journal',
      'daemon_degraded:main@here:late_bars',
      'daemon_degraded:main@here:model_refused',
      'daemon_degraded:main@here:expired',
    ]);
  });

  it('reports lost models at once and models that never were after ten minutes, and is never well without', () => {
    expect(lookFor(590_000, healthy({ model_version: null }))).toMatchObject({ keys: [], isWell: false });
    expect(lookFor(10_000, healthy({ model_version: null })).keys).toEqual(['daemon_halt:main@here:models']);
    lookFor(0, healthy());
    expect(lookFor(0, healthy({ model_version: null })).keys).toEqual(['daemon_halt:main@here:models']);
  });

  it('misses a Redis that was there, and none that never was', () => {
    conditions = new DaemonConditions('main@here', [], () => new SessionCalendar(new Map()));
    expect(lookFor(60_000, healthy({ redis: 'down' })).keys).toEqual([]);
    lookFor(0, healthy());
    expect(lookFor(0, healthy({ redis: 'down' })).keys).toEqual(['redis:main@here']);
    expect(lookFor(0, healthy({ redis: 'refused' })).keys).toEqual(['redis:main@here']);
  });

  it('reports bars over the latency budget until ten minutes have passed without any, and no earlier ones', () => {
    expect(lookFor(0, { ...healthy(), overBudget: 7 }).keys).toEqual([]);
    expect(lookFor(0, { ...healthy(), overBudget: 8 })).toMatchObject({ keys: ['latency:main@here'], isWell: true });
    expect(lookFor(590_000, { ...healthy(), overBudget: 8 }).keys).toEqual(['latency:main@here']);
    expect(lookFor(10_000, { ...healthy(), overBudget: 8 }).keys).toEqual([]);
    expect(lookFor(0, { ...healthy({ boot_id: 'b2' }), overBudget: 1 }).keys).toEqual(['latency:main@here']);
  });
});
