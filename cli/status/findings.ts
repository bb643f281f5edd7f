import { counted } from '../../shared/counted.ts';
import { triggerText } from '../../shared/run_trigger/trigger_text.ts';
import { DEGRADATIONS, type Degradation } from '../../daemon/queue/degradations.ts';
import { LATE_BARS } from '../../daemon/feed/arrival.ts';
import type { DependencyFault } from '../../shared/dependencies/watch.ts';
import type { HealthReport } from '../../daemon/health/health.ts';
import { REMOTE_TRANSPORTS } from '../../daemon/publish/transports.ts';
import { SECONDS_PER_BAR, shownMinute } from '../../shared/bar.ts';
import { ALL_PAIRS, stopText } from '../../shared/bundle/halts.ts';
import { answeringVersion, lacksModels, refusedRules } from '../../shared/rule_health.ts';
import { afterRefusal, refusalText, type RefusedTraining } from '../../shared/bundle/refused_training.ts';
import type { FollowerFault } from '../../shared/fill/followers.ts';
import { isOpenMinute } from '../../shared/market/trading_week.ts';
import { barMinutesOf, barSecondsOf, parseSubject, symbolsOf, timeframeOf } from '../../shared/pair.ts';
import type { UpPart } from '../../shared/process/up_parts.ts';
import { barIntervalMs, shardOf, type Settings } from '../../shared/policy/policy.ts';
import { haltText } from '../commands/models_resume.ts';
import type { RetrainRun } from '../../trainer/control/schedule/run.ts';
import type { DaemonState, PairStatus } from './daemon_state.ts';
import type { TrainerState } from './trainer_state.ts';

/** A problem or note for a person. */
export interface Finding {
  /** A problem makes `minutehand status` fail, a note does not. */
  readonly weight: 'problem' | 'note';
  /** `daemon main`, `trainer`. */
  readonly about: string;
  readonly text: string;
  /** The next step, or empty. */
  readonly next: string;
}

/** After this many intervals between bars, a daemon must have rewritten every file of a pair of one-minute bars. */
const INTERVALS_UNTIL_FILES = 3;
const START = 'Start all with `minutehand up`, or `systemctl start minutehand.target` where they are services.';

/**
 * Problems of daemons and trainer, the worst first within each. Pure.
 * @param refused the last training, if it did not pass
 */
export function findingsOf(
  settings: Settings,
  daemons: readonly DaemonState[],
  trainer: TrainerState,
  nowMs: number,
  refused: RefusedTraining | null = null,
): Finding[] {
  return [
    ...daemons.flatMap((daemon) => ofDaemon(settings, daemon, nowMs, refused, runningRun(trainer))),
    ...ofTrainer(trainer),
  ];
}

/** Of one daemon, whether it runs or not. */
export function ofDaemon(
  settings: Settings,
  daemon: DaemonState,
  nowMs: number,
  refused: RefusedTraining | null = null,
  running: RetrainRun | null = null,
): Finding[] {
  const { health } = daemon;
  const report = reportOn(`daemon ${daemon.shard}`);
  const { problem, note } = report;
  if (health === null) {
    if (daemon.presence === 'down') problem('does not run: no process answers bars.', START);
    else
      problem(
        `is running and does not answer${daemon.url === null ? '' : ` at ${daemon.url}`}: it starts, ends or hangs.`,
        `Check again in half a minute; if this persists, end process ${daemon.pid ?? 'that holds the lock'} and look into log/daemon_${daemon.shard}.log.`,
      );
    return report.findings;
  }

  reportLease(report, health);
  reportModels(report, health, refused, running);
  reportDirection(report, settings, health, running);
  reportRules(report, health);
  reportRollout(report, health);
  reportBars(report, settings, health, nowMs);
  reportSeries(report, health);
  reportHalts(report, health);
  reportNews(report, health);
  reportDegradations(report, health);
  reportSignals(report, settings, daemon, health, nowMs);

  const isReported = health.degradations.includes('redis_link');
  for (const { name, label } of REMOTE_TRANSPORTS)
    if (health[name] === 'down' && !isReported)
      note(`${label} does not answer: only the other transports have signals.`);
  if (health.policy_hash !== settings.policyHash)
    note('the decision policy in the files differs from the active one.', 'Restart it to apply the files.');
  if (health.market !== settings.minutehand.market)
    note(
      `serves a ${health.market} market; configured here is ${settings.minutehand.market}, which other commands read.`,
      `MINUTEHAND_MARKET=${health.market} in this terminal too, or \`market: ${health.market}\` in minutehand.yaml.`,
    );
  return report.findings;
}

interface Report {
  readonly findings: Finding[];
  problem(text: string, next: string): void;
  note(text: string, next?: string): void;
}

function reportOn(about: string): Report {
  const findings: Finding[] = [];
  return {
    findings,
    problem: (text, next) => void findings.push({ weight: 'problem', about, text, next }),
    note: (text, next = '') => void findings.push({ weight: 'note', about, text, next }),
  };
}

/** What keeps an account from following. */
export function followerFinding({ about, text, next, isProblem }: FollowerFault): Finding {
  return { weight: isProblem ? 'problem' : 'note', about, text, next };
}

/** Processes of `minutehand up` that end again and again; a paper account is one of the followers. */
export function partFindings(parts: readonly UpPart[]): Finding[] {
  return parts.flatMap(({ name, account, ended, since }): Finding[] => {
    if (ended === null || account !== null) return [];
    const text = `${name} ended with ${ended}${since === null ? '' : `, first at ${shownMinute(since)} UTC`}; it is started again.`;
    return [{ weight: 'problem', about: 'minutehand up', text, next: 'Mend what it names.' }];
  });
}

function reportLease({ problem, note }: Report, { lease }: HealthReport): void {
  if (lease === null || lease.role === 'holder') return;
  if (lease.server !== 'up')
    problem(
      'publishes nothing: the lease server does not answer.',
      'Check `lease.url`, the server and the network; signals resume by themselves.',
    );
  else if (lease.holder === null)
    problem('no daemon holds the lease: no signals are published.', 'Look again after twice `lease.seconds`.');
  else note(`standby: ${lease.holder} holds the lease and publishes.`);
}

function reportModels(
  { problem }: Report,
  health: HealthReport,
  refused: RefusedTraining | null,
  running: RetrainRun | null,
): void {
  const { market, model_version, model_market, model_refused } = health;
  // Who has trained, and was refused, is not helped by the advice to train.
  const tried = refused === null ? '' : ` ${refusalText(refused)}`;
  const nextOf = (usual: string): string => (refused === null ? usual : afterRefusal(refused));
  if (model_market !== null && model_market !== market)
    problem(
      `serves a ${market} market by models ${model_version} of a ${model_market} one.`,
      'Restart the daemon with this version, and train on bars of its market.',
    );
  if (lacksModels(health))
    problem(
      `has no active models: mode HALT, no entries.${tried}`,
      runningText(running) ??
        nextOf(
          model_refused === null
            ? '`minutehand runs list` shows whether first models are being trained; `minutehand train --adopt` makes some.'
            : model_refused.next,
        ),
    );
  if (model_refused !== null) {
    const { version, code, message, next } = model_refused;
    problem(`refused models ${version}. ${code}: ${message}`, runningText(running) ?? nextOf(next));
  }
}

/** The run of the trainer that has not ended. */
function runningRun({ health }: TrainerState): RetrainRun | null {
  return health?.last_run?.status === 'running' ? health.last_run : null;
}

/** Who trains is not helped by the advice to train. null: nothing is being trained */
function runningText(running: RetrainRun | null): string | null {
  if (running === null) return null;
  const { run_id, trigger, stage, percent } = running;
  return `Wait: training run ${run_id} (${triggerText(trigger)}) is at ${stage}, ${Math.floor(percent)} %; \`minutehand runs list\` shows how far it is.`;
}

/** Instruments without a model, or whose model was refused. */
function reportDirection(
  { problem }: Report,
  { minutehand }: Settings,
  health: HealthReport,
  running: RetrainRun | null,
): void {
  const { shard, direction } = health;
  if (direction === undefined) return;
  const { instruments } = shardOf(minutehand, shard);
  const unanswered = instruments.filter(({ id }) => answeringVersion(health, id) === null);
  for (const timeframe of new Set(unanswered.map((own) => timeframeOf(barSecondsOf(own)))))
    problem(
      `has no active direction model of ${timeframe}: mode HALT, no entries of ${unanswered
        .filter((own) => timeframeOf(barSecondsOf(own)) === timeframe)
        .map(({ id }) => id)
        .join(', ')}.`,
      runningText(running) ??
        '`minutehand train --strategy direction --out <folder>` makes one, `minutehand models promote <path>` activates it.',
    );
  if (direction.missing_sources.length > 0)
    problem(
      `its direction model was trained on ${direction.missing_sources.join(', ')}, which it does not receive: those features are missing, and the measured quality does not apply.`,
      'Train without them (`train --strategy direction` on bars and a series folder that lack them), or send them.',
    );
  if (direction.refused === null) return;
  const { version, code, message, next } = direction.refused;
  problem(`refused direction model ${version}. ${code}: ${message}`, next);
}

function reportNews({ problem }: Report, { news }: Pick<HealthReport, 'news'>): void {
  if (news === null || news.fault === null) return;
  const { code, message, next } = news.fault;
  problem(`${code}: ${message}`, next);
}

function reportRules({ problem }: Report, health: HealthReport): void {
  for (const { subject, version, code, message, next } of refusedRules(health))
    problem(`the rule ${version} does not answer for ${subject}. ${code}: ${message}`, next);
}

function reportRollout({ problem }: Report, { rollout_refused }: HealthReport): void {
  if (rollout_refused === null) return;
  const { version, code, message, next } = rollout_refused;
  problem(`the champion answers alone: challenger ${version} refused. ${code}: ${message}`, next);
}

/** Checks of the arriving bars, by time. */
function reportBars(report: Report, settings: Settings, health: HealthReport, nowMs: number): void {
  const { problem, note } = report;
  const isClosed = health.market === 'live' && !isOpenMinute(nowMs / 1000);
  if (health.pairs_ready < health.pairs) {
    const text = `${health.pairs_ready} of ${health.pairs} pairs are ready; the others lack bars up to now.`;
    if (isClosed) note(`${text} The market is closed.`);
    else
      problem(
        text,
        'They need bars: send history first (`POST /bars?backfill=1`); its length: docs/reference/FEATURES.md#semantics.',
      );
  }
  if (health.silent_pairs.length > 0) {
    const text = `no bars for ${health.silent_pairs.join(', ')}.`;
    if (isClosed) note(`${text} The market is closed until Sunday 22:00 UTC.`);
    else problem(text, 'Check the feeder: MetaTrader, the expert advisor’s panel, Redis, the network.');
  }
  if (health.late_bars !== null)
    problem(`${health.late_bars.code}: ${health.late_bars.message}`, health.late_bars.next);
  reportRefused(report, health);
  const missing = isClosed ? [] : missingSymbols(settings, health);
  if (missing.length > 0)
    problem(
      `no bars for ${missing.join(', ')} while other symbols have them: their pairs hold with LEG_MISSING.`,
      'Check the feeder of these symbols; send a minute without a trade as `empty`.',
    );
}

/** Bars that the feeder was told of one by one, which a person may not read. */
function reportRefused({ note }: Report, { refused_bars = {} }: HealthReport): void {
  const { BAR_REVISED: revised = 0, ...others } = refused_bars;
  if (revised > 0)
    note(
      `${counted(revised, 'bar')} came again with other values after they were decided, and were refused (BAR_REVISED): signals follow the first values, and a backtest of the later ones differs.`,
      'Have the feeder send a minute once it is final.',
    );
  const rest = Object.entries(others);
  if (rest.length > 0)
    note(
      `bars were refused since the start: ${rest.map(([code, count]) => `${count} ${code}`).join(', ')}.`,
      'Read the answers of the feeder; `minutehand help errors <code>` explains each.',
    );
}

/** Auxiliary series whose values no longer count. */
function reportSeries({ problem }: Report, { series }: HealthReport): void {
  const stale = series.filter((own) => own.stale).map((own) => `${own.symbol} ${own.series}`);
  if (stale.length > 0)
    problem(
      `stale series: ${stale.join(', ')}; their features are missing.`,
      'Check `minutehand collect`, its network and the exchange.',
    );
}

function reportHalts({ problem }: Report, { halts, stops = [], halts_refused, halted_pairs }: HealthReport): void {
  if (halts_refused !== null) problem(`${halts_refused.code}: ${halts_refused.message}`, halts_refused.next);
  for (const stop of stops) {
    const command = stop.pair_id === ALL_PAIRS ? 'minutehand resume' : `minutehand resume ${stop.pair_id}`;
    problem(`${stopText(stop)}.`, `\`${command}\` lifts it.`);
  }
  for (const halt of halts)
    problem(
      `halted by a live KPI, ${haltText(halt)}.`,
      '`minutehand models resume <pair>` lifts it; see docs/guides/TRAIN.md#live-kpi-halts first.',
    );
  const isNamed = (id: string): boolean => halts.some(({ pair_id }) => pair_id === id || pair_id === ALL_PAIRS);
  const others = halted_pairs.filter((id) => !isNamed(id));
  if (others.length > 0 && halts_refused === null)
    problem(`${others.join(', ')} halted.`, '`minutehand models resume all` lifts every halt.');
}

/** Late bars are reported with the bars. */
function reportDegradations({ problem }: Report, health: HealthReport): void {
  const explained = new Set<string>([LATE_BARS]);
  for (const { name } of REMOTE_TRANSPORTS) {
    const refusal = health[`${name}_refused`];
    if (refusal === null) continue;
    explained.add(name);
    const missed = `${health[`${name}_missed`]} signals were missed since the start.`;
    problem(`${refusal.code}: ${refusal.message} ${missed}`, refusal.next);
  }
  if (health.bar_stream_refused !== null) {
    explained.add('bar_stream');
    problem(`${health.bar_stream_refused.code}: ${health.bar_stream_refused.message}`, health.bar_stream_refused.next);
  }
  reportDependencies(problem, health.dependencies);
  for (const { dependency } of health.dependencies) explained.add(dependency);
  for (const what of health.degradations) {
    if (explained.has(what)) continue;
    const next = what in DEGRADATIONS ? DEGRADATIONS[what as Degradation].next : 'Look into `log/daemon_<shard>.log`.';
    problem(`degraded: ${what}.`, next.replace('<shard>', health.shard));
  }
}

/** Things outside a process that fail; see shared/dependencies/table.ts. */
function reportDependencies(problem: Report['problem'], faults: readonly DependencyFault[]): void {
  for (const { code, message, next, since } of faults)
    problem(`${code}: ${message} Since ${shownMinute(since)} UTC.`, next);
}

/** Reports signals that consumers must not act on. */
function reportSignals(
  { problem }: Report,
  settings: Settings,
  daemon: DaemonState,
  health: HealthReport,
  nowMs: number,
): void {
  for (const { pair_id, refusal } of daemon.pairs)
    if (refusal !== null) problem(`the signal file of ${pair_id} is damaged: ${refusal}`, 'The next bar rewrites it.');
  // The holder's are elsewhere.
  if (health.lease?.role === 'standby') return;
  const expired = expiredPairs(health);
  const unexplained = expired.filter((id) => !symbolsOf([parseSubject(id)]).some((symbol) => isLate(health, symbol)));
  if (unexplained.length > 0)
    problem(
      `the newest signals of ${unexplained.join(', ')} have expired, and no consumer acts on them${newestBarText(health)}.`,
      'Bars arrive late, or only as history: check the feeder’s time zone, and that new bars are not sent with `backfill=1`. While a feeder catches up this is normal.',
    );
  const stale = staleFiles(settings, daemon, nowMs).filter((id) => !expired.includes(id));
  if (stale.length > 0)
    problem(
      `runs, but the signal files of ${stale.join(', ')} are missing or have expired.`,
      'Check that MINUTEHAND_EXCHANGE is the same for the daemon and for this command, and check its log.',
    );
}

function isLate({ late_bars }: HealthReport, symbol: string): boolean {
  return late_bars?.symbols.includes(symbol) === true;
}

/** Subjects whose signals no consumer acts on, of those that something answers for. */
export function expiredPairs(health: HealthReport): readonly string[] {
  return health.expired_pairs.filter((id) => answeringVersion(health, id) !== null);
}

/**
 * Symbols of a live market whose bars have stopped while those of others continue, so that their pairs are not silent.
 */
function missingSymbols({ minutehand }: Settings, health: HealthReport): string[] {
  const { market, last_bars, silent_pairs } = health;
  if (market !== 'live') return [];
  const silent = new Set(symbolsOf(silent_pairs.map(parseSubject)));
  const newestMs = Math.max(...Object.values(last_bars).map((time) => Date.parse(time)));
  const limitMs = minutehand.feed.silence_halt_intervals * SECONDS_PER_BAR * 1000;
  return Object.entries(last_bars)
    .filter(([symbol, time]) => newestMs - Date.parse(time) > limitMs && !silent.has(symbol) && !isLate(health, symbol))
    .map(([symbol]) => symbol);
}

function newestBarText({ last_bars }: HealthReport): string {
  const newest = Object.values(last_bars).sort().at(-1);
  return newest === undefined ? '' : `; the newest bar is of ${shownMinute(newest)} UTC`;
}

/** Subjects of a daemon that is warm, which something answers for, and yet there is no valid signal. */
function staleFiles(settings: Settings, { health, pairs }: DaemonState, nowMs: number): string[] {
  if (health === null || health.pairs_ready < health.pairs) return [];
  const intervals = (health.uptime_seconds * 1000) / barIntervalMs(settings);
  const isDue = ({ pair_id }: PairStatus): boolean => intervals >= INTERVALS_UNTIL_FILES - 1 + barMinutesOf(pair_id);
  const isGone = ({ signal }: PairStatus): boolean => signal === null || signal.valid_until_ms < nowMs;
  const due = pairs.filter((pair) => pair.refusal === null && isDue(pair) && isGone(pair));
  return due.map(({ pair_id }) => pair_id).filter((id) => answeringVersion(health, id) !== null);
}

function ofTrainer({ presence, url, pid, health }: TrainerState): Finding[] {
  const about = 'trainer';
  if (presence === 'down')
    return [{ weight: 'problem', about, text: 'does not run: nothing is learned, watched or archived.', next: START }];
  if (health === null) {
    const text = `is running and does not answer${url === null ? '' : ` at ${url}`}: it starts, ends or hangs.`;
    const next = `Check again in half a minute; if this persists, end process ${pid ?? 'that holds the lock'} and look into log/trainer.log.`;
    return [{ weight: 'problem', about, text, next }];
  }
  const report = reportOn(about);
  const { findings } = report;
  // Accounts are looked at here too, which names each.
  const others = health.dependencies.filter(({ dependency }) => dependency !== 'followers');
  reportDependencies(report.problem, others);
  // Models of another market are a finding of their own.
  if (health.active_error !== undefined && health.active_error.slot === undefined) {
    const { code, message, next } = health.active_error;
    findings.push({ weight: 'problem', about, text: `${code}: ${message}`, next });
  }
  const run = health.last_run;
  if (run !== null && ['failed', 'killed', 'aborted'].includes(run.status)) {
    const text = `training run ${run.run_id} (${run.kind}, ${triggerText(run.trigger)}) ${run.status}: ${run.error ?? 'unknown reason'}`;
    findings.push({
      weight: 'problem',
      about,
      text,
      next: '`minutehand runs list` and log/train.log have the rest; the active models stay.',
    });
  }
  if (run !== null && run.status === 'rejected') {
    const text = `the last models were rejected: ${run.reasons.join('; ')}`;
    findings.push({ weight: 'note', about, text, next: '' });
  }
  return findings;
}
