import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { addHalts, ALL_PAIRS } from '../../shared/bundle/halts.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { HomePaths } from '../../shared/policy/home.ts';
import { barIntervalMs, type Settings } from '../../shared/policy/policy.ts';
import type { Clock } from '../../shared/ports.ts';
import { sendAlert } from '../schedule/alert.ts';
import type { Retrainer } from '../schedule/retrainer.ts';
import { storeUrl } from '../store/store.ts';
import { haltsOf } from './kpi.ts';
import type { LookTask, NoLook } from './look.ts';
import { startLook, type RunningLook } from './look_thread.ts';
import type { DriftFinding, MonitorReport } from './report.ts';

/** How the trigger of a run that the monitor has asked for begins. */
const MONITOR_TRIGGER = 'monitor: ';
/** Findings that a trigger names; the others are counted. */
const NAMED_FINDINGS = 3;
const MINUTES_PER_HOUR = 60;
/** The first look comes soon after the start, however rare the others are. */
const FIRST_LOOK_MS = 60_000;
/** Of its time the monitor works one part and rests so many: a simulated market may ask for a look at any second. */
const RESTS_PER_LOOK = 20;

export interface MonitorOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly log: Logger;
  readonly retrainer: Pick<Retrainer, 'startOrWait' | 'runs'>;
  say(line: string): void;
  /** The machine's unless given. */
  readonly clock?: Clock;
}

/** What `GET /monitor` answers. Times are ISO 8601 in UTC; in JSON a figure that is not known, as the noise of too few rows, is null. */
export interface MonitorStatus {
  /** When the last look began, and how long it took; null before the first. */
  readonly looked_at: string | null;
  readonly duration_ms: number | null;
  readonly next_look_at: string | null;
  /** What the monitor last asked the retrainer for. */
  readonly last_trigger: { readonly at: string; readonly text: string } | null;
  /** The last look's: every figure with its limits' findings, or why there was nothing to look at. */
  readonly report: MonitorReport | NoLook | null;
}

export interface Monitor {
  status(): MonitorStatus;
  /** Looks now, besides the looks that come by themselves. Never rejects. */
  look(): Promise<void>;
  /** Ends a look that is under way and takes no more. */
  stop(): Promise<void>;
}

/**
 * Looks every `monitor_minutes` of the market's clock whether the active models still fit: what does not starts a retraining, what loses too much is
 * halted in `models/halts.json`.
 */
export function startMonitor(options: MonitorOptions): Monitor {
  const { settings, paths, log, retrainer, say, clock = MACHINE_CLOCK } = options;
  const { monitor_minutes, drift_cooldown_hours } = settings.retrain;
  const minuteMs = barIntervalMs(settings);
  const said = new Set<string>();
  let status: MonitorStatus = {
    looked_at: null,
    duration_ms: null,
    next_look_at: null,
    last_trigger: null,
    report: null,
  };
  let running: RunningLook | null = null;
  let turn: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  lookAfter(Math.min(FIRST_LOOK_MS, monitor_minutes * minuteMs));

  function lookAfter(ms: number): void {
    if (stopped) return;
    status = { ...status, next_look_at: iso(clock.nowMs() + ms) };
    timer = setTimeout(() => {
      turn = turn.then(async () => {
        await careful(lookOnce);
        lookAfter(Math.max(monitor_minutes * minuteMs, RESTS_PER_LOOK * (status.duration_ms ?? 0)));
      });
    }, ms);
    // A trainer that has nothing else to do may end.
    timer.unref();
  }

  /** The monitor may fail; the trainer goes on. */
  async function careful(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.warn({ err: error }, 'the active models could not be looked at');
    }
  }

  async function lookOnce(): Promise<void> {
    if (stopped) return;
    const began = clock.nowMs();
    running = startLook(taskOf(options, began));
    const report = await running.report;
    running = null;
    if (stopped) return;
    status = { ...status, looked_at: iso(began), duration_ms: clock.nowMs() - began, report };
    if ('skipped' in report) {
      log.info(report, 'the active models were not looked at');
      return;
    }
    await careful(() => halt(report, began));
    tell(report);
    await trigger(report.findings.filter(({ retrains }) => retrains));
  }

  async function halt({ breaches, version }: MonitorReport, began: number): Promise<void> {
    const wanted = haltsOf(breaches, version, new Date(clock.nowMs()));
    for (const added of addHalts(paths.models, wanted, MACHINE_FILES, began)) {
      const { pair_id, reason, seen, limit } = added;
      const text = `HALT of ${pair_id === ALL_PAIRS ? 'all pairs' : pair_id}: ${reason} ${seen} (${limit}). No entries until \`minutehand models resume\` or new models.`;
      say(text);
      await sendAlert({ settings, env: process.env, log }, { kind: 'kpi_halt', text, details: { ...added } });
    }
  }

  /** Each finding once for each version: it lasts for days. */
  function tell({ findings, version }: MonitorReport): void {
    for (const found of findings) {
      const key = `${version} ${found.trigger} ${found.subject}`;
      if (said.has(key)) continue;
      said.add(key);
      log.warn({ ...found, version }, 'the active models fit less');
      say(`Models ${version}: ${found.text}.`);
    }
  }

  async function trigger(findings: readonly DriftFinding[]): Promise<void> {
    if (findings.length === 0 || isCooling()) return;
    const text = triggerText(findings);
    const at = iso(clock.nowMs());
    if (await retrainer.startOrWait(text)) status = { ...status, last_trigger: { at, text } };
  }

  /** After a run that the monitor caused, also in the life of another trainer, the world gets time to show whether it helped. */
  function isCooling(): boolean {
    const own = retrainer.runs().filter(({ trigger: text }) => text.startsWith(MONITOR_TRIGGER));
    const times = own.flatMap(({ started_at, finished_at }) => [started_at, finished_at ?? started_at]);
    const asked = status.last_trigger === null ? [] : [status.last_trigger.at];
    const last = Math.max(-Infinity, ...[...times, ...asked].map((time) => Date.parse(time)));
    return clock.nowMs() - last < drift_cooldown_hours * MINUTES_PER_HOUR * minuteMs;
  }

  return {
    status: () => status,
    look: () => (turn = turn.then(() => careful(lookOnce))),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running?.stop();
      await turn;
    },
  };
}

function taskOf({ settings, paths }: MonitorOptions, nowMs: number): LookTask {
  const { market, shards } = settings.minutehand;
  const url = storeUrl(process.env, paths);
  return {
    settings,
    modelsFolder: paths.models,
    journals: Object.keys(shards).map((shard) => paths.journal(market, shard)),
    storeUrl: url === paths.trainer && !existsSync(url) ? null : url,
    nowMs,
  };
}

/** `monitor: drift psi z_score 0.41 > 0.25; … and 4 more`. The ones furthest past their limits come first. */
export function triggerText(findings: readonly DriftFinding[]): string {
  const severity = ({ figure, limit }: DriftFinding): number => figure / limit;
  const sorted = [...findings].sort((a, b) => severity(b) - severity(a));
  const named = sorted.slice(0, NAMED_FINDINGS).map(({ text }) => text);
  const more = findings.length - named.length;
  return `${MONITOR_TRIGGER}${named.join('; ')}${more === 0 ? '' : ` and ${more} more`}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
