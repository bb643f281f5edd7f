import type { ActiveRollout } from '../../shared/bundle/rollout.ts';
import { refusedTraining } from '../../shared/bundle/refused_training.ts';
import { triggerText } from '../../shared/run_trigger/trigger_text.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, type Command } from 'commander';
import type { DirectionHealth } from '../../daemon/health/health.ts';
import type { LeaseHealth } from '../../daemon/lease/lease_keeper.ts';
import { shownMinute } from '../../shared/bar.ts';
import { oneLine } from '../../shared/one_line.ts';
import { effectiveAdvice } from '../../shared/effective_advice.ts';
import { followerFaults } from '../../shared/fill/followers.ts';
import { homePaths, type HomePaths } from '../../shared/home.ts';
import { barIntervalMs, inspectSettings, loadSettings, shardsOf, type Settings } from '../../shared/policy/policy.ts';
import { upParts } from '../../shared/process/up_parts.ts';
import type { Output } from '../output.ts';
import { lookAtDaemon, type DaemonState, type PairStatus } from '../status/daemon_state.ts';
import { findingsOf, followerFinding, partFindings, type Finding } from '../status/findings.ts';
import { formulaFindings } from '../status/formula_findings.ts';
import { evictionAt } from './doctor_redis.ts';
import { modelFindings, verdictFindings } from '../status/model_findings.ts';
import { lookAtTrainer, type TrainerState } from '../status/trainer_state.ts';
import { stopSignal } from '../stop_signal.ts';
import type { WaitingRun } from '../../trainer/control/schedule/retrainer.ts';

const WATCH_SECONDS = 5;
const CLEAR_SCREEN = '\u001b[2J\u001b[H';
/** Below this, ages are shown in seconds. */
const SECONDS_SHOWN = 120;

/** All of a home at one moment. */
export interface Status {
  /** No problem; notes do not count. */
  readonly ok: boolean;
  readonly looked_at: string;
  readonly home: string;
  readonly daemons: readonly DaemonState[];
  readonly trainer: TrainerState;
  readonly findings: readonly Finding[];
}

export function addStatus(program: Command, output: () => Output): void {
  program
    .command('status')
    .description(
      'Reports the state of each shard’s daemon and of the trainer: models, pairs, last signals, Redis, standby, halts, runs, schedule. ' +
        'Works when nothing runs. Exit code 0 when all is well, 1 when something is wrong, with the problem and the next step.',
    )
    .option('--watch [seconds]', `look again every so many seconds until Ctrl-C (${WATCH_SECONDS})`, parseSeconds)
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand status\n  minutehand status --watch 2\n  minutehand status --json | jq .findings',
    )
    .action((flags: { watch?: number | true }) => runStatus(flags.watch, output()));
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds >= 0.1 && seconds <= 3600)) throw new InvalidArgumentError('expected 0.1 to 3600 seconds');
  return seconds;
}

async function runStatus(watch: number | true | undefined, output: Output): Promise<void> {
  const settings = loadSettings();
  const paths = homePaths();
  const ending = new AbortController();
  if (watch !== undefined) void stopSignal().then(() => ending.abort());
  for (;;) {
    const status = await collectStatus(settings, paths, Date.now());
    if (watch !== undefined && process.stdout.isTTY && !output.json) output.line(CLEAR_SCREEN);
    for (const line of linesOf(status, Date.now())) output.line(line);
    output.result(status);
    process.exitCode = status.ok ? 0 : 1;
    if (watch === undefined) return;
    const pauseMs = 1000 * (watch === true ? WATCH_SECONDS : watch);
    await sleep(pauseMs, undefined, { signal: ending.signal }).catch(() => undefined);
    if (ending.signal.aborted) return;
  }
}

/** @param eviction what the Redis of the daemons removes; null: nothing */
export function evictionFindings(eviction: string | null): Finding[] {
  return eviction === null ? [] : [{ weight: 'note', about: 'redis', text: `${eviction}.`, next: '' }];
}

/** Queries all processes at the same time: one that hangs does not delay the others. */
export async function collectStatus(settings: Settings, paths: HomePaths, nowMs: number): Promise<Status> {
  const [trainer, ...daemons] = await Promise.all([
    lookAtTrainer(settings, paths),
    ...shardsOf(settings.minutehand).map((shard) => lookAtDaemon(settings, paths, shard)),
  ]);
  const isRedisUsed = daemons.some(({ health }) => health?.redis === 'up');
  const eviction = isRedisUsed ? await evictionAt(settings.minutehand.transports.redis) : null;
  const refused = refusedTraining(paths.models, settings.minutehand.market);
  const findings = [
    ...findingsOf(settings, daemons, trainer, nowMs, refused),
    ...partFindings(upParts(paths)),
    ...followerFaults(paths, barIntervalMs(settings), nowMs).map(followerFinding),
    ...evictionFindings(eviction),
    ...(await modelFindings(settings, paths)),
    ...verdictFindings(settings, paths),
    ...formulaFindings(inspectSettings().problems),
  ].map((finding) => ({ ...finding, next: effectiveAdvice(finding.next) }));
  return {
    ok: findings.every(({ weight }) => weight === 'note'),
    looked_at: new Date(nowMs).toISOString(),
    home: paths.home,
    daemons,
    trainer,
    findings,
  };
}

/** The same for people. */
export function linesOf({ ok, daemons, trainer, findings }: Status, nowMs: number): string[] {
  return [
    ...daemons.flatMap((daemon) => [...daemonLines(daemon, nowMs), '']),
    ...trainerLines(trainer),
    '',
    ...findings.map(({ weight, about, text, next }) => {
      const mark = weight === 'problem' ? '✗' : '·';
      return `${mark} ${oneLine(`${about}: ${text}`)}${next === '' ? '' : `\n    → ${oneLine(next)}`}`;
    }),
    ok ? '✓ All is well.' : '',
  ].filter((line, index, all) => line !== '' || index < all.length - 1);
}

const processText = (pid: number | null): string => (pid === null ? '' : `, process ${pid}`);
const PRESENCES = { up: 'up', mute: 'does not answer', down: 'does not run' } as const;

function daemonLines({ shard, presence, pid, url, health, hasStandby, pairs }: DaemonState, nowMs: number): string[] {
  const head = `daemon ${shard}: ${PRESENCES[presence]}`;
  const standby = hasStandby ? ['  standby  one waits to take over'] : [];
  if (health === null) return [head, ...standby, ...pairs.flatMap((pair) => pairLine(pair, null, nowMs))];
  const models = health.model_version === null ? 'no models' : `models ${health.model_version}`;
  const ready = health.pairs === 0 ? '' : `, ${health.pairs_ready} of ${health.pairs} pairs ready, ${models}`;
  const direction = directionText(health.direction);
  const shadow = health.shadow_version === null ? '' : `, shadow ${health.shadow_version}`;
  return [
    `${head} for ${lasting(health.uptime_seconds)}, ${health.market} market, ${url}${processText(pid)}, boot ${health.boot_id}`,
    `  state    ${health.status}${modesText(pairs, health.boot_id)}${ready}${shadow}${rolloutText(health.rollout)}${direction}, Redis ${health.redis}`,
    ...(health.lease === null ? [] : [`  lease    ${leaseText(health.lease)}`]),
    ...standby,
    ...pairs.flatMap((pair) => pairLine(pair, health.market, nowMs)),
  ];
}

/** `, rule 20261120_0830 of BTCUSDT@1h`; empty where no rule answers. */
function rulesText(versions: Readonly<Record<string, string>> = {}): string {
  return Object.entries(versions)
    .map(([subject, version]) => `, rule ${version} of ${subject}`)
    .join('');
}

/** `, 2 of 2 instruments ready, direction 1h 20261120_0830`. */
function directionText(direction: DirectionHealth | undefined): string {
  if (direction === undefined) return '';
  const { instruments, instruments_ready, versions, shadows = {}, rules } = direction;
  const models = Object.entries(versions).map(([timeframe, version]) => `${timeframe} ${version}`);
  const answering = rulesText(rules);
  const none = answering === '' ? ', direction none' : '';
  const directionModels = models.length === 0 ? none : `, direction ${models.join(', ')}`;
  const scoring = Object.entries(shadows).map(([timeframe, version]) => `${timeframe} ${version}`);
  return `, ${instruments_ready} of ${instruments} instruments ready${directionModels}${answering}${scoring.map((own) => `, shadow ${own}`).join('')}`;
}

function rolloutText(rollout: NonNullable<DaemonState['health']>['rollout']): string {
  return rollout === null
    ? ''
    : `, rollout ${rollout.id} stage ${rollout.stage}: ${challengerText(rollout)} ${100 * rollout.share} %`;
}

/** `direction 1h 20261120_0830`, `update 20261120_0830`, or the version of models of pairs. */
function challengerText({
  timeframe,
  challenger,
  of_updates,
}: Pick<ActiveRollout, 'timeframe' | 'challenger' | 'of_updates'>): string {
  if (of_updates === true) return `update ${challenger}`;
  return timeframe === undefined ? challenger : `direction ${timeframe} ${challenger}`;
}

/** `  rollout  …` with its evidence, the next step and what blocks it. */
function rolloutLines(rollout: NonNullable<TrainerState['health']>['rollout']): string[] {
  if (rollout === null) return [];
  const { id, stage, share, champion, promotion_e_value, evidence, next, blocked } = rollout;
  const seen =
    evidence === null
      ? 'not evaluated yet'
      : `${evidence.labels} matured labels, e-values benefit ${evidence.benefit.toFixed(2)} of ${promotion_e_value.toFixed(0)}, harm ${evidence.harm.toFixed(2)} of 20, ${evidence.loss_bps.toFixed(1)} bps behind`;
  return [
    `  rollout  ${id} stage ${stage}: ${challengerText(rollout)} ${100 * share} % against ${champion}; ${seen}`,
    ...(next === '' && blocked.length === 0
      ? []
      : [`           next ${next || 'unknown'}${blocked.length === 0 ? '' : `, blocked: ${blocked.join('; ')}`}`]),
  ];
}

function leaseText({ role, fence, holder, server }: LeaseHealth): string {
  const state = role === 'holder' ? `holder, fence ${fence}` : `standby, held by ${holder ?? 'no daemon'}`;
  return `${state}, server ${server}`;
}

/** `8 OK 2 HALT, `: how many last signals of this boot have which mode. */
function modesText(pairs: readonly PairStatus[], bootId: string): string {
  const counts = new Map<string, number>();
  for (const { signal } of pairs)
    if (signal?.boot_id === bootId) counts.set(signal.mode, (counts.get(signal.mode) ?? 0) + 1);
  if (counts.size === 0) return '';
  return `, ${[...counts].map(([mode, count]) => `${count} ${mode}`).join(' ')}`;
}

/**
 * `  XAUUSD_XAGUSD  closed 2026-11-20 12:35  HOLD NO_SETUP  OK  target 0  12 s ago`.
 * @param served market of the daemon, from which the last signal may not be; null: none runs
 */
export function pairLine(
  { pair_id, signal }: Pick<PairStatus, 'pair_id' | 'signal'>,
  served: string | null,
  nowMs: number,
): string[] {
  if (signal === null) return [`  ${pair_id.padEnd(16)} no signal file`];
  const { timestamp, action, reason, mode, target, generated_at_ms, valid_until_ms, market } = signal;
  const other = served === null || market === served ? '' : `, of the ${market} market`;
  const cells = [
    pair_id.padEnd(16),
    `closed ${shownMinute(timestamp)}`,
    `${action} ${reason}`.padEnd(20),
    mode.padEnd(8),
    `target ${target}`.padEnd(9),
    `${lasting((nowMs - generated_at_ms) / 1000)} ago${valid_until_ms < nowMs ? ', expired' : ''}${other}`,
  ];
  return [`  ${cells.join('  ')}`];
}

function trainerLines({ presence, pid, url, health, waiting }: TrainerState): string[] {
  const head = `trainer: ${PRESENCES[presence]}`;
  if (health === null) return [head];
  const { last_run: run, schedules, direction_models } = health;
  const directions = direction_models.flatMap(({ timeframe, version }) =>
    version === null ? [] : [`, direction ${timeframe} ${version}`],
  );
  return [
    `${head}, ${url}${processText(pid)}, active models ${health.active_version ?? 'none'}${directions.join('')}`,
    run === null
      ? '  last run none'
      : `  last run ${run.run_id} ${run.kind} ${shownMinute(run.started_at)} ${run.status}${
          run.status === 'running' ? `, ${run.stage}, ${run.percent} %` : ''
        }${run.model_version === null ? '' : ` ${run.model_version}`} (${triggerText(run.trigger)})`,
    ...waiting.map(waitingLine),
    ...rolloutLines(health.rollout),
    ...schedules.map(({ name, next }) => `  next     ${next === null ? 'never' : shownMinute(next)} UTC  ${name}`),
  ];
}

/** `  waits    run 3 full (request): needs 2 of 1 free cores …`; without a reason it waits for those before it. */
function waitingLine({ run_id, kind, trigger, reasons }: WaitingRun): string {
  const why = reasons.length === 0 ? 'for the runs before it' : reasons.join('; ');
  return `  waits    run ${run_id} ${kind} (${triggerText(trigger)}): ${why}`;
}

/** `12 s`, `5 min`, `3 h`, `2 days`. */
function lasting(seconds: number): string {
  if (seconds < SECONDS_SHOWN) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
