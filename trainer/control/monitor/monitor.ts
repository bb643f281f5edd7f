import type { Logger } from 'pino';
import { addHalts, ALL_PAIRS } from '../../../shared/bundle/halts.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { barIntervalMs, type Settings } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';
import { atMostOneWaiting } from '../../../shared/in_turn.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { Retrainer } from '../schedule/retrainer.ts';
import { storeUrlIfThere } from '../../store/store.ts';
import { keepDrift } from './drift_history.ts';
import { haltsOf } from './kpi.ts';
import type { LookTask, NoLook } from './look.ts';
import { startLook, type RunningLook } from './look_thread.ts';
import type { MonitorReport } from './report.ts';
import { RetrainTrigger, type AnsweredTrigger, type Trigger, type TriggerPauses } from './retrain_trigger.ts';
import { whenUnlocked } from '../../../shared/process/home_lock.ts';

const MINUTES_PER_HOUR = 60;
/** The first check runs soon after the start, however rare the others are. */
const FIRST_LOOK_MS = 60_000;
/** Minimum pause after a check, in multiples of its duration: a simulated market may be due every second. */
const RESTS_PER_LOOK = 20;

export interface MonitorOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly log: Logger;
  readonly retrainer: Pick<Retrainer, 'startOrWait' | 'runs' | 'caused'>;
  print(line: string): void;
  readonly notifier: Notifier;
  /** Default: this machine's clock. */
  readonly clock?: Clock;
}

/**
 * Response of `GET /monitor`. Times are ISO 8601 in UTC; unknown figures, such as the noise of too few rows, are null
 * in JSON.
 */
export interface MonitorStatus {
  /** Start and duration of the last check; null before the first. */
  readonly looked_at: string | null;
  readonly duration_ms: number | null;
  readonly next_look_at: string | null;
  /** The monitor's last request to the retrainer. */
  readonly last_trigger: Trigger | null;
  /** Triggers that wait because the models of the run that answered them were rejected. */
  readonly answered: readonly AnsweredTrigger[];
  /** Report of the last check: every figure with findings, or why there was nothing to check. */
  readonly report: MonitorReport | NoLook | null;
}

export interface Monitor {
  status(): MonitorStatus;
  /** Checks now, in addition to scheduled checks. Never rejects. */
  look(): Promise<void>;
  /** Aborts a running check and begins no other. */
  stop(): Promise<void>;
}

/**
 * Checks the active models every `monitor_minutes` of the market's clock. Drift starts a retraining; pairs beyond their
 * KPI limits are halted in `models/halts.json`.
 */
export function startMonitor(options: MonitorOptions): Monitor {
  const monitor = new RunningMonitor(options, options.clock ?? MACHINE_CLOCK);
  monitor.begin();
  return monitor;
}

class RunningMonitor implements Monitor {
  readonly #options: MonitorOptions;
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #trigger: RetrainTrigger;
  /** Findings of this version that were reported. */
  readonly #reported = new Set<string>();
  #reportedVersion = '';
  #status: Omit<MonitorStatus, 'last_trigger' | 'answered'> = {
    looked_at: null,
    duration_ms: null,
    next_look_at: null,
    report: null,
  };
  #running: RunningLook | null = null;
  readonly look = atMostOneWaiting(() => this.#careful(() => this.#lookOnce()));
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: MonitorOptions, clock: Clock) {
    const { monitor_minutes, monitor_days, drift_cooldown_hours, model_max_age_days } = options.settings.retrain;
    const minuteMs = barIntervalMs(options.settings);
    this.#options = options;
    this.#clock = clock;
    this.#everyMs = monitor_minutes * minuteMs;
    const dayMs = 24 * MINUTES_PER_HOUR * minuteMs;
    const pauses: TriggerPauses = {
      cooldownMs: drift_cooldown_hours * MINUTES_PER_HOUR * minuteMs,
      // Until no bar of the rejected check is compared again.
      answeredMs: (trigger) =>
        (trigger === 'model age' || trigger === 'direction age' ? (model_max_age_days ?? 0) : monitor_days) * dayMs,
    };
    this.#trigger = new RetrainTrigger(options.retrainer, clock, pauses, options.settings);
  }

  begin(): void {
    this.#lookAfter(Math.min(FIRST_LOOK_MS, this.#everyMs));
  }

  status(): MonitorStatus {
    const { report, ...times } = this.#status;
    return { ...times, last_trigger: this.#trigger.last, answered: this.#trigger.answered, report };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running?.stop();
    await this.look();
  }

  #lookAfter(ms: number): void {
    if (this.#stopped) return;
    this.#status = { ...this.#status, next_look_at: iso(this.#clock.nowMs() + ms) };
    this.#timer = setTimeout(() => {
      const again = (): void =>
        this.#lookAfter(Math.max(this.#everyMs, RESTS_PER_LOOK * (this.#status.duration_ms ?? 0)));
      void this.look().then(again);
    }, ms);
    // Does not keep the process running.
    this.#timer.unref();
  }

  /** The monitor may fail without affecting the trainer. */
  async #careful(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the active models could not be checked');
    }
  }

  async #lookOnce(): Promise<void> {
    if (this.#stopped) return;
    const began = this.#clock.nowMs();
    this.#running = startLook(taskOf(this.#options, began));
    const report = await this.#running.report;
    this.#running = null;
    if (this.#stopped) return;
    this.#status = { ...this.#status, looked_at: iso(began), duration_ms: this.#clock.nowMs() - began, report };
    if ('skipped' in report) {
      const { version, skipped, direction } = report;
      this.#options.log.info({ version, skipped }, 'the active models of pairs were not checked');
      if (Object.keys(direction).length === 0) return;
    } else {
      await this.#careful(() => halt(this.#options, report, new Date(this.#clock.nowMs()), began));
      await this.#careful(() => keepDrift(this.#options, report, began));
    }
    await this.#tell(report);
    await this.#trigger.ask(report.findings.filter(({ retrains }) => retrains !== null));
  }

  /**
   * Each finding is reported once per version, because it lasts for days. The alert lasts as long as there are
   * findings.
   */
  async #tell(report: MonitorReport | NoLook): Promise<void> {
    const { findings, version } = report;
    if ((version ?? '') !== this.#reportedVersion) this.#reported.clear();
    this.#reportedVersion = version ?? '';
    for (const found of findings) {
      // A direction model may be replaced while the models of pairs stay.
      const { version: own = version ?? '' } = found.evidence;
      const key = `${found.trigger} ${found.subject} ${found.evidence['version'] ?? ''}`;
      if (this.#reported.has(key)) continue;
      this.#reported.add(key);
      this.#options.log.warn({ ...found, version: own }, 'the active models have drifted');
      this.#options.print(`Models ${own}: ${found.text}.`);
    }
    const { notifier } = this.#options;
    for (const [event, own] of [
      ['risk_streak', findings.filter(({ trigger }) => trigger === 'risk streak')],
      ['drift', findings.filter(({ trigger }) => trigger !== 'risk streak')],
    ] as const) {
      const text = `${own.map((found) => found.text).join('; ')}.`;
      if (own.length > 0) await notifier.raise({ key: event, event, subject: 'active models', text, version });
      // Models of pairs that are active and were not checked may have drifted as before.
      else if (!('skipped' in report) || version === null) await notifier.clear(event);
    }
  }
}

/** Halts pairs beyond their limits, and sends an alert for each new halt. @param began start of the check, epoch ms */
async function halt(
  { paths, print, notifier }: MonitorOptions,
  { breaches, version }: MonitorReport,
  at: Date,
  began: number,
): Promise<void> {
  const halts = haltsOf(breaches, version, at);
  for (const added of await whenUnlocked(() => addHalts(paths.models, halts, MACHINE_FILES, began))) {
    const { pair_id, reason, seen, limit } = added;
    const text = `HALT of ${pair_id === ALL_PAIRS ? 'all pairs' : pair_id}: ${reason} ${seen} (${limit}). No entries until \`minutehand models resume\` or new models.`;
    print(text);
    await notifier.raise({
      key: `kpi_halt:${pair_id}`,
      event: 'kpi_halt',
      subject: pair_id,
      text,
      version,
      details: { ...added },
    });
  }
}

function taskOf({ settings, paths }: MonitorOptions, nowMs: number): LookTask {
  const { market, shards } = settings.minutehand;
  return {
    settings,
    modelsFolder: paths.models,
    journals: Object.keys(shards).map((shard) => paths.journal(market, shard)),
    storeUrl: storeUrlIfThere(process.env, paths),
    nowMs,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
