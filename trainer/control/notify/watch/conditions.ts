import { afterRefusal, refusalText, type RefusedTraining } from '../../../../shared/bundle/refused_training.ts';
import { answeringVersion, lacksModels, refusedRules } from '../../../../shared/rule_health.ts';
import { counted } from '../../../../shared/counted.ts';
import type { SessionCalendar } from '../../../../shared/market/session_calendar.ts';
import type { Pair } from '../../../../shared/pair.ts';
import type { Notice } from '../outbox.ts';
import { timeText } from '../message.ts';
import type { DaemonLook, WatchedHealth } from './daemon_look.ts';

/** A restarted daemon is back within this time. */
const DEAD_AFTER_MS = 30_000;
/** A daemon that reads a long journal responds late. */
const MUTE_AFTER_MS = 60_000;
/** Maximum time for the first models. */
const NO_MODELS_AFTER_MS = 600_000;
/** History may have to be sent first. */
const NO_BARS_AFTER_MS = 300_000;
const LATENCY_QUIET_MS = 600_000;
const EXPIRED_AFTER_MS = 60_000;
/** Maximum time of a takeover by a standby. */
const NO_LEASE_AFTER_MS = 30_000;

/** Findings of one check of a daemon. Keys contain shard and machine. */
export interface Conditions {
  readonly notices: readonly Notice[];
  /** Events covered by this check: an open alert of these that is not in `notices` is resolved. */
  readonly checked: readonly string[];
  /** False if no consumer would trade on this daemon, or if the state is unknown. */
  readonly isWell: boolean;
}

export const DEPENDENCY = 'dependency';
const OF_PRESENCE = ['daemon_dead', 'daemon_mute'];
const OF_HEALTH = ['feed_silent', 'daemon_halt', 'daemon_degraded', DEPENDENCY, 'kpi_halt', 'redis', 'latency'];

/** Evaluates successive checks of one daemon; times are arguments. */
export class DaemonConditions {
  readonly #place: string;
  readonly #calendar: () => SessionCalendar;
  readonly #isLive: boolean;
  readonly #pairs: readonly Pair[];
  readonly #refusedTraining: () => RefusedTraining | null;
  /** Start of each condition, epoch ms. */
  readonly #since = new Map<string, number>();
  #hadModels = false;
  #redisWasUp = false;
  #boot = '';
  #overBudget = 0;
  #overBudgetMs: number | null = null;
  #overBudgetBars = 0;

  /**
   * @param place of keys: `<shard>@<machine>`
   * @param pairs of the shard, where bars come from outside
   * @param refusedTraining the last training, if it did not pass
   */
  constructor(
    place: string,
    pairs: readonly Pair[] | null,
    calendar: () => SessionCalendar,
    refusedTraining: () => RefusedTraining | null = () => null,
  ) {
    this.#place = place;
    this.#isLive = pairs !== null;
    this.#pairs = pairs ?? [];
    this.#calendar = calendar;
    this.#refusedTraining = refusedTraining;
  }

  check(look: DaemonLook, nowMs: number): Conditions {
    const { presence, health, pid } = look;
    const downMs = this.#lastsMs('down', presence === 'down', nowMs);
    const muteMs = this.#lastsMs('mute', presence === 'mute', nowMs);
    const notices: Notice[] = [];
    if (downMs >= DEAD_AFTER_MS) notices.push(this.#dead(nowMs - downMs));
    if (muteMs >= MUTE_AFTER_MS) notices.push(this.#mute(pid, nowMs - muteMs));
    if (health === null) {
      // A stopped daemon is not mute; a hung one is not known to be dead.
      const checked = presence === 'down' ? OF_PRESENCE : ['daemon_dead'];
      return { notices, checked, isWell: false };
    }
    const found = [
      ...this.#silence(health, nowMs),
      ...this.#lease(health, nowMs),
      ...this.#models(health, nowMs),
      ...this.#degradations(health),
      ...this.#expired(health, nowMs),
      ...kpiHalts(health),
      ...this.#redis(health),
    ];
    const isWell = !lacksModels(health) && found.every(({ event }) => event === 'kpi_halt');
    const all = [...found, ...this.#latency(health, look.overBudget, nowMs)];
    return { notices: all, checked: [...OF_PRESENCE, ...OF_HEALTH], isWell };
  }

  #dead(sinceMs: number): Notice {
    const text = `No process holds the lock of daemon ${this.#place} since ${timeText(sinceMs)}: bars are not answered.`;
    return this.#notice('daemon_dead', '', { text, sinceMs });
  }

  #mute(pid: number | null, sinceMs: number): Notice {
    const text = `Process ${pid ?? 'unknown'} holds the lock and does not answer /healthz since ${timeText(sinceMs)}.`;
    return this.#notice('daemon_mute', '', { text, sinceMs });
  }

  #silence({ silent_pairs, last_bars }: WatchedHealth, nowMs: number): Notice[] {
    if (!this.#isLive) return [];
    const calendar = this.#calendar();
    // A daemon that never had a bar counts no pair as silent.
    const neverMs = this.#lastsMs('no bars', Object.keys(last_bars).length === 0, nowMs);
    const isSilent = (id: string): boolean => silent_pairs.includes(id) || neverMs >= NO_BARS_AFTER_MS;
    const isOpen = (symbol: string): boolean => calendar.isOpen(symbol, nowMs / 1000);
    const expected = this.#pairs.filter(({ id, a, b }) => isSilent(id) && isOpen(a) && isOpen(b)).map(({ id }) => id);
    if (expected.length === 0) return [];
    const newest = Object.values(last_bars).sort().at(-1);
    const last = newest === undefined ? '' : ` The newest bar is of ${timeText(Date.parse(newest))}.`;
    const text = `${expected.join(', ')}: no bars, though the market is open.${last}`;
    return [this.#notice('feed_silent', '', { text })];
  }

  /** A standby without a holder: consumers get no signals from anyone. */
  #lease({ lease }: WatchedHealth, nowMs: number): Notice[] {
    const isFree = lease !== null && lease.role === 'standby' && lease.holder === null;
    const lastsMs = this.#lastsMs('no lease', isFree, nowMs);
    if (lastsMs < NO_LEASE_AFTER_MS) return [];
    const why = lease?.server === 'up' ? '' : ' The lease server does not answer.';
    return [
      this.#notice('daemon_halt', 'lease', { text: `No daemon holds the lease: no signals are published.${why}` }),
    ];
  }

  #models(health: WatchedHealth, nowMs: number): Notice[] {
    const { halts_refused } = health;
    const isWithout = lacksModels(health);
    const withoutMs = this.#lastsMs('no models', isWithout, nowMs);
    this.#hadModels ||= !isWithout;
    const found: Notice[] = [];
    if (isWithout && (this.#hadModels || withoutMs >= NO_MODELS_AFTER_MS))
      found.push(this.#notice('daemon_halt', 'models', this.#tried('No active models: mode HALT, no entries.')));
    if (halts_refused !== null) {
      const { code, message, next } = halts_refused;
      found.push(this.#notice('daemon_halt', 'halts', { text: `${code}: ${message}`, command: next }));
    }
    return found;
  }

  /** Who has trained, and was refused, is not helped by the advice to train. */
  #tried(text: string): Pick<Notice, 'text' | 'command'> {
    const refused = this.#refusedTraining();
    if (refused === null) return { text };
    return { text: `${text} ${refusalText(refused)}`, command: afterRefusal(refused) };
  }

  #degradations(health: WatchedHealth): Notice[] {
    const { degradations, dependencies, model_refused, late_bars, model_version: version } = health;
    const rules = refusedRules(health);
    // What is told of one by one.
    const told: string[] = [
      ...dependencies.map(({ dependency }) => dependency),
      ...(rules.length > 0 ? ['rules'] : []),
    ];
    const others = degradations.filter((what) => !told.includes(what));
    const found = others.map((what) => {
      const body = what === 'late_bars' ? late_bars : null;
      const text = body?.message ?? `Degraded: ${what}. Signals continue in mode DEGRADED.`;
      return this.#notice('daemon_degraded', what, { text, version, ...(body ? { command: body.next } : {}) });
    });
    for (const { dependency, code, message, next, since } of dependencies) {
      const details = { code, dependency };
      const text = `${code}: ${message}`;
      const rest = { text, version, command: next, details, sinceMs: Date.parse(since) };
      found.push(this.#notice(DEPENDENCY, dependency, rest));
    }
    for (const { subject, version: rule, code, message, next } of rules) {
      const text = `The rule ${rule} does not answer for ${subject}. ${code}: ${message}`;
      found.push(this.#notice('daemon_degraded', `rule ${subject}`, { text, version: rule, command: next }));
    }
    if (model_refused !== null) {
      const { code, message, next, version: refused } = model_refused;
      const tried = this.#tried(`Refused models ${refused}. ${code}: ${message}`);
      found.push(this.#notice('daemon_degraded', 'model_refused', { command: next, ...tried, version }));
    }
    return found;
  }

  /** For pairs that are not silent: bars arrive, but their signals have expired. */
  #expired(health: WatchedHealth, nowMs: number): Notice[] {
    const { expired_pairs, silent_pairs } = health;
    const isAnswered = (id: string): boolean => answeringVersion(health, id) !== null;
    const expired = expired_pairs.filter((id) => !silent_pairs.includes(id) && isAnswered(id));
    const lastsMs = this.#lastsMs('expired', expired.length > 0, nowMs);
    if (lastsMs < EXPIRED_AFTER_MS || !this.#isLive) return [];
    const text = `The newest signals of ${expired.join(', ')} have expired: no consumer acts on them.`;
    return [this.#notice('daemon_degraded', 'expired', { text, severity: 'critical' })];
  }

  /** A server that was never reachable is not reported, because of `enabled: auto`. */
  #redis({ redis, redis_missed, dependencies }: WatchedHealth): Notice[] {
    this.#redisWasUp ||= redis === 'up' || redis_missed > 0;
    if (redis === 'off') this.#redisWasUp = false;
    if (redis !== 'refused' && !(redis === 'down' && this.#redisWasUp)) return [];
    // Reported as a dependency.
    if (redis === 'down' && dependencies.some(({ dependency }) => dependency === 'redis_link')) return [];
    const why = redis === 'refused' ? 'refuses signals' : 'does not answer';
    const text = `Redis ${why}; signals go out by the other transports. ${redis_missed} signals missed since the start.`;
    return [this.#notice('redis', '', { text })];
  }

  #latency({ boot_id }: WatchedHealth, overBudget: number | null, nowMs: number): Notice[] {
    if (boot_id !== this.#boot) {
      // For a daemon started before this trainer, only new violations count.
      this.#overBudget = this.#boot === '' ? (overBudget ?? 0) : 0;
      this.#boot = boot_id;
    }
    if (overBudget !== null && overBudget > this.#overBudget) {
      this.#overBudgetBars += overBudget - this.#overBudget;
      this.#overBudget = overBudget;
      this.#overBudgetMs = nowMs;
    }
    if (this.#overBudgetMs === null || nowMs - this.#overBudgetMs >= LATENCY_QUIET_MS) {
      this.#overBudgetBars = 0;
      return [];
    }
    const text = `${counted(this.#overBudgetBars, 'bar')} took longer than feed.budget_ms until the signals were out.`;
    return [this.#notice('latency', '', { text })];
  }

  #notice(event: Notice['event'], what: string, rest: Partial<Notice> & Pick<Notice, 'text'>): Notice {
    const key = `${event}:${this.#place}${what === '' ? '' : `:${what}`}`;
    return { key, event, subject: `daemon ${this.#place}`, ...rest };
  }

  /** Duration of a condition over consecutive checks. */
  #lastsMs(what: string, isSo: boolean, nowMs: number): number {
    if (!isSo) {
      this.#since.delete(what);
      return 0;
    }
    const since = this.#since.get(what) ?? nowMs;
    // Restarts if the clock was set back.
    this.#since.set(what, Math.min(since, nowMs));
    return Math.max(0, nowMs - since);
  }
}

/** The key is the monitor's, which reports its own halts immediately. */
function kpiHalts({ halts, model_version }: WatchedHealth): Notice[] {
  return halts.map(({ pair_id, reason, seen, limit }) => ({
    key: `kpi_halt:${pair_id}`,
    event: 'kpi_halt' as const,
    subject: pair_id,
    text: `${reason} ${seen} (${limit}). No entries until \`minutehand models resume\` or new models.`,
    version: model_version,
  }));
}
