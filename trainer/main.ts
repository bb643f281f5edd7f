import { MACHINE_CLOCK, MACHINE_SCHEDULER } from '../shared/clock.ts';
import { DependencyWatch, type DependencyChecks } from '../shared/dependencies/watch.ts';
import { describeError } from '../shared/errors.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import { listeningError } from '../shared/http/listening_error.ts';
import { openLog } from '../shared/log/log.ts';
import { announce } from '../shared/address.ts';
import { endStep } from '../shared/process/end_steps.ts';
import { lockHomeSoon } from '../shared/process/home_lock.ts';
import { standingOverrides, standingRejections, type StandingRejections } from './control/admission/standing.ts';
import type { AuditEntry } from './control/api/audit.ts';
import { AuditTrail } from './control/api/audit_trail.ts';
import { addRoutes } from './control/api/api.ts';
import { startControlPlane } from './control/api/control_plane.ts';
import { createHttpServer } from './control/api/http_server.ts';
import { startChat } from './control/chat/chat.ts';
import { startDelivery } from './control/delivery/delivery.ts';
import { startFills } from './control/fills/fills.ts';
import { FillsLink } from './control/fills/fills_link.ts';
import { startHistory } from './control/history/history.ts';
import { startEventSender } from './control/model_events/event_sender.ts';
import { startMonitor } from './control/monitor/monitor.ts';
import { startNews } from './control/news/news.ts';
import { channelStatus } from './control/notify/channels/open_channels.ts';
import { startHeartbeat } from './control/notify/heartbeat.ts';
import { startNotifications, type Notifications } from './control/notify/notifications.ts';
import { startWatch } from './control/notify/watch/watch.ts';
import { startNightlyParity } from './control/parity/nightly.ts';
import { startRecordRetention } from './control/records/retention.ts';
import { watchRollout } from './control/rollout/watch.ts';
import { startDailySummary } from './control/report/daily_summary.ts';
import { startWeeklyReport } from './control/report/weekly_report.ts';
import { createRetrainer, type Retrainer } from './control/schedule/retrainer.ts';
import type { RunTrigger, ScheduleName } from '../shared/run_trigger/run_trigger.ts';
import { triggerText } from '../shared/run_trigger/trigger_text.ts';
import { FIRST_MODELS } from './control/schedule/run.ts';
import { createRunLog } from './control/schedule/run_log.ts';
import { keptTime } from './control/cron/kept_times.ts';
import { scheduleByCron, type Schedule } from './control/cron/schedule.ts';
import { statusLine } from './control/schedule/status_line.ts';
import { RunRound } from './control/schedule/run_round.ts';
import { scheduledSearches } from './control/schedule/rule_runs.ts';
import type { RunParameters } from './jobs/kinds/run_parameters.ts';
import { StrategyRound } from './control/schedule/strategy_round.ts';
import { trainingOfShelf } from './jobs/strategies/registry.ts';
import { lackOfModels, waitForFirstBars } from './control/schedule/first_models.ts';
import { FleetLook } from './control/fleet/fleet_look.ts';
import { trainerChecks } from './control/trainer_dependencies.ts';
import type { TrainerOptions } from './control/trainer_options.ts';
import { activeSkill } from './control/registry/active_skill.ts';
import { ModelKeeper } from './control/recovery/model_keeper.ts';
import { keepOwnership } from './control/registry/ownership.ts';
import { refuseOtherTables, storeUrl } from './store/store.ts';

export interface RunningTrainer {
  readonly port: number;
  readonly retrainer: Retrainer;
  /** One-line activity status. */
  status(): string;
  stop(): Promise<void>;
}

/** Between two looks into the registry for rejections of models in use. */
const REJECTIONS_MS = 60_000;

/**
 * Starts the control plane: first models when there are none, then by schedule and on demand.
 * @throws MinutehandError STORE_VERSION, HOME_LOCKED, HOME_UNUSABLE, PORT_TAKEN, ADDRESS_UNUSABLE, FILES_EXHAUSTED; the
 * reason of `options.ending` when that was aborted before the end of the start
 */
export async function startTrainer(options: TrainerOptions): Promise<RunningTrainer> {
  const { settings, paths } = options;
  await refuseOtherTables(storeUrl(process.env, paths));
  const unlock = await lockHomeSoon(paths.lock('trainer'));
  const runs = openLog(paths.log, 'train', settings.minutehand.log.level);
  const notifier = startNotifications(options);
  const rollout = watchRollout({ ...options, notifier });
  const retrainer = createRetrainer(options, createRunLog(runs.log), notifier);
  const server = createHttpServer();
  const { host, allowed_hosts, loopback_needs_token, port: configuredPort } = settings.minutehand.transports.trainer;
  const port = options.port ?? configuredPort;
  const monitor = startMonitor({ ...options, retrainer, notifier });
  let schedules: readonly NamedSchedule[] = [];
  const channels = channelStatus(settings.retrain, process.env);
  const access = {
    host,
    allowedHosts: allowed_hosts,
    token: options.token,
    loopbackNeedsToken: loopback_needs_token,
  };
  const fillsLink = new FillsLink();
  const fleet = new FleetLook({ settings, paths, env: process.env });
  const { checks, close: closeChecks } = trainerChecks({ ...options, env: process.env, fillsLink, fleet });
  const dependencies = watchDependencies(options, checks);
  const watch = startWatch({ ...options, clock: MACHINE_CLOCK, notifier, faults: () => dependencies.faults });
  let rejections: StandingRejections | undefined;
  const readRejections = async (): Promise<void> => void (rejections = await standingRejections(paths));
  const stopRejections = MACHINE_SCHEDULER.every(REJECTIONS_MS, () => void readRejections());
  void readRejections();
  const overrides = () => standingOverrides(paths.models, rejections);
  const metrics = {
    runs: () => retrainer.runs(),
    monitor: () => monitor.status(),
    skill: activeSkill(paths.models),
    queued: () => notifier.queuedRuns(),
    outbox: () => notifier.counts(),
    isWell: () => watch.isWell(),
    dependencies: () => dependencies.states,
    overrides,
    fleet: () => fleet.last(),
  };
  const trail = new AuditTrail({ ...options, env: process.env, clock: MACHINE_CLOCK, scheduler: MACHINE_SCHEDULER });
  const audit = (entry: AuditEntry): Promise<void> => trail.record(entry);
  addRoutes(server, {
    ...options,
    retrainer,
    monitor,
    access,
    metrics,
    rollout,
    audit,
    schedules: () => schedules,
    faults: () => dependencies.faults,
    overrides,
    channels: () => channels,
  });
  const parts = {
    ...options,
    clock: MACHINE_CLOCK,
    retrainer,
    monitor,
    rollout,
    fleet,
    audit,
    schedules: () => schedules,
  };
  const controlPlane = await startControlPlane(server, parts);
  void trail.retry();
  const close = async (): Promise<void> => {
    stopRejections();
    await endStep('the checks of dependencies', () => {
      dependencies.stop();
      return closeChecks();
    });
    rollout.stop();
    await endStep('the check of the active models', () => monitor.stop());
    await endStep('the running training', () => retrainer.stop());
    await endStep('notifications', () => notifier.stop());
    await endStep('jobs, backtests and policy changes', () => controlPlane.stop());
    await endStep('connections of the API', () => server.close());
    await endStep('the audit', () => trail.stop());
    await endStep('the log of trainings', () => runs.close());
    unlock();
  };
  try {
    options.ending?.throwIfAborted();
    await server.listen({ host, port });
    options.ending?.throwIfAborted();
  } catch (cause) {
    await watch.stop();
    await close();
    options.ending?.throwIfAborted();
    throw listeningError(cause, host, port);
  }
  schedules = scheduleAll(options, retrainer);
  const stopRecords = startRecords({ ...options, notifier, link: fillsLink });
  const address = process.env['MINUTEHAND_HEARTBEAT_URL'];
  const endHeartbeat = startHeartbeat({ ...options, address, isWell: () => watch.isWell() });

  const status = (): string => statusLine(retrainer.runs()[0], schedules);
  const endChat = startChat({ ...options, env: process.env, clock: MACHINE_CLOCK, notifier, audit, trainer: status });

  const bound = server.server.address();
  const listening = typeof bound === 'object' && bound !== null ? bound.port : port;
  const leave = announce(paths.address('trainer'), { host, port: listening });

  const waiting = new AbortController();
  // Models that were lost are those of the registry again. Otherwise first models would be trained in their place.
  const keeping = { ...options, env: process.env, clock: MACHINE_CLOCK, scheduler: MACHINE_SCHEDULER, audit, notifier };
  const keeper = new ModelKeeper(keeping);
  const endOwnership = keepOwnership(keeping);
  void keeper.start().then(() => trainFirstModels(options, retrainer, waiting.signal));
  return {
    port: listening,
    retrainer,
    status,
    async stop() {
      leave();
      waiting.abort();
      for (const schedule of schedules) schedule.stop();
      endHeartbeat();
      await endStep('the chat', endChat);
      await endStep('the search for lost models', () => keeper.stop());
      await endStep('the ownership of promotions', endOwnership);
      await endStep('the check of daemons and disk', () => watch.stop());
      await stopRecords();
      await close();
    },
  };
}

function watchDependencies({ log, print }: TrainerOptions, checks: DependencyChecks): DependencyWatch {
  const watch = new DependencyWatch({
    checks,
    scheduler: MACHINE_SCHEDULER,
    nowMs: () => MACHINE_CLOCK.nowMs(),
    onFault({ dependency, code, message, next }) {
      log.error({ code, dependency }, message);
      print(`${code}: ${message} ${next}`);
    },
    onWell: (dependency) => log.info({ dependency }, 'a dependency is well again'),
  });
  watch.start();
  return watch;
}

/** Starts the services for records of signals, fills and models. @returns a function that stops them */
function startRecords(
  options: TrainerOptions & { readonly notifier: Notifications; readonly link: FillsLink },
): () => Promise<void> {
  const parity = startNightlyParity(options);
  const weekly = startWeeklyReport(options);
  const daily = startDailySummary(options);
  const delivery = startDelivery(options);
  const fills = startFills(options);
  const news = startNews(options);
  const events = startEventSender(options);
  const history = startHistory(options);
  const retention = startRecordRetention(options);
  return async () => {
    for (const one of [parity, weekly, daily]) one.stop();
    await endStep('fills', () => fills.stop());
    await endStep('news', () => news.stop());
    await endStep('the sender of model events', () => events.stop());
    await endStep('the history of signals', () => history.stop());
    await endStep('the retention of records', () => retention.stop());
    await endStep('the delivery of models', () => delivery?.stop());
  };
}

/** Trains as soon as there are enough bars, if the daemon has no models. */
function trainFirstModels({ settings, paths, print }: TrainerOptions, retrainer: Retrainer, signal: AbortSignal): void {
  const lack = lackOfModels(settings, paths);
  if (lack === null || signal.aborted) return;
  void waitForFirstBars(settings, paths, signal, lack, print).then(async (enough) => {
    if (enough && lackOfModels(settings, paths) !== null) await retrainer.startOrWait({ trigger: FIRST_MODELS });
  });
}

/** A schedule with its name. */
interface NamedSchedule extends Schedule {
  readonly name: string;
  readonly cron: string;
}

interface PlannedSchedule {
  readonly name: string;
  /** null: never. */
  readonly cron: string | null;
  work(): Promise<void>;
  /** Ends work that takes long. */
  end?(): void;
}

function scheduled(schedule: ScheduleName): RunTrigger {
  return { code: 'schedule', values: { schedule } };
}

function scheduleAll({ settings, paths, log, print }: TrainerOptions, retrainer: Retrainer): readonly NamedSchedule[] {
  const { retrain_cron, retrain_weekly_cron, retrain_incremental_cron, retrain_direction_cron } = settings.retrain;
  const round = new StrategyRound(trainingOfShelf('direction'), retrainer, settings, print);
  const searches = new RunRound(retrainer, 'evolve', settings.retrain, print);

  async function beginFull(trigger: RunTrigger): Promise<void> {
    if (!(await retrainer.startOrWait({ trigger })))
      print(`Retraining (${triggerText(trigger)}) is skipped: a full run is active.`);
  }

  async function beginIncremental(): Promise<void> {
    const lack = lackOfModels(settings, paths);
    if (lack !== null) print(`The incremental training is skipped: there are no models to warm-start from. ${lack}.`);
    else if (!(await retrainer.startOrWait({ trigger: scheduled('incremental'), kind: 'incremental' })))
      print('The incremental training is skipped: a run that learns as much is active.');
  }

  /** null: they cannot begin as configured, which is told. */
  function searchesOrNull(skipped: string): RunParameters[] | null {
    try {
      return scheduledSearches(settings, MACHINE_CLOCK.nowMs());
    } catch (error) {
      const { code, message, next } = describeError(error);
      log.error({ code }, message);
      print(`${skipped}: ${code}: ${message} ${next}`);
      return null;
    }
  }

  async function beginSearches(): Promise<void> {
    const wanted = searchesOrNull('The search of rules is skipped');
    if (wanted !== null) await searches.begin(scheduled('rules'), wanted);
  }

  const searchCron = settings.minutehand.instruments.length === 0 ? null : settings.retrain.rule_search_cron;
  // Told at the start, not on the day of the search.
  if (searchCron !== null) searchesOrNull('The search of rules by schedule cannot begin');

  const planned: readonly PlannedSchedule[] = [
    { name: 'Retraining', cron: retrain_cron, work: () => beginFull(scheduled('full')) },
    { name: 'Weekly retraining', cron: retrain_weekly_cron, work: () => beginFull(scheduled('weekly')) },
    { name: 'Incremental training', cron: retrain_incremental_cron, work: beginIncremental },
    {
      name: 'Training of direction models',
      // Without instruments there are none.
      cron: settings.minutehand.instruments.length === 0 ? null : retrain_direction_cron,
      work: () => round.begin(scheduled('direction')),
      end: () => round.stop(),
    },
    {
      name: 'Search of rules',
      cron: searchCron,
      work: beginSearches,
      end: () => searches.stop(),
    },
  ];
  return planned.flatMap(({ name, cron, work, end }) => {
    if (cron === null) return [];
    const schedule = scheduleByCron(cron, () => void work(), {
      kept: keptTime(MACHINE_FILES, paths.schedules, name, cron),
      onMissed: (text) => print(`${name} is made up: ${text}.`),
      onError: (err) => log.error({ err, schedule: name }, 'the last time of a schedule cannot be kept'),
    });
    print(`${name} by schedule "${cron}" (UTC), next at ${schedule.next()?.toISOString() ?? 'never'}.`);
    const stop = (): void => {
      schedule.stop();
      end?.();
    };
    return [{ name, cron, next: () => schedule.next(), stop }];
  });
}
