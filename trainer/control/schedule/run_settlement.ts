import { shelfNamed } from '../../../shared/bundle/shelves/registry.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import { enterOutcome, retentionFailures } from '../registry/outcome.ts';
import { claimsText, failuresOf, reasonsOf } from '../../../shared/bundle/recorded_gates.ts';
import type { BestEffort } from './best_effort.ts';
import { shelfOfRun, type RetrainRun } from './run.ts';
import type { RunRecords } from './run_records.ts';
import { aboutFormulas } from './found_formulas.ts';
import { aboutRule } from './judged_rules.ts';
import type { FoundFormulas, RuleAnswer, TrainingOutcome, TrainingResult } from '../../jobs/records/job_answer.ts';
import { pathInside } from '../../../shared/path_name.ts';

const MS_PER_MINUTE = 60_000;
/** Errors of warm starts that more bars, or a full run, resolve. */
const NOT_YET = /^(DATA_TOO_SHORT|WARM_START_REFUSED):/;

/** Turns the result of a training process into the outcome of its run. */
export class RunSettlement {
  readonly #options: TrainerOptions;
  readonly #records: RunRecords;
  readonly #attempt: BestEffort;

  constructor(options: TrainerOptions, records: RunRecords, attempt: BestEffort) {
    this.#options = options;
    this.#records = records;
    this.#attempt = attempt;
  }

  /** @param wasStopped whether the process was stopped */
  async settle(run: RetrainRun, result: TrainingResult, wasStopped: boolean): Promise<void> {
    const { log, print } = this.#options;
    Object.assign(run, result.resources ?? {});
    // The process may have completed before it was stopped: the bundle exists, and may be active.
    if (wasStopped && 'error' in result) {
      run.status = 'stopped';
      print(`Training run ${run.run_id} was stopped.`);
      return;
    }
    if ('error' in result && run.kind !== 'full' && NOT_YET.test(result.error))
      return this.#settleNothing(run, result.error);
    if ('error' in result) {
      run.error = result.error;
      log.error(run, 'training failed');
      print(`Training run ${run.run_id} failed: ${result.error}`);
      return this.fail(run, 'failed');
    }
    if ('judged' in result) return this.#settleFormulas(run, result);
    if ('judgement' in result) return this.#settleRule(run, result);
    const { version } = result;
    if (version === null)
      return this.#settleNothing(
        run,
        run.kind === 'thresholds' ? 'no other θ2 is better on the new bars' : 'no model gains by the new bars',
      );
    return this.#settleBundle(run, version, result);
  }

  /** The next attempt is queued before this one is closed: a crash in between loses none. */
  async fail(run: RetrainRun, status: 'failed' | 'killed'): Promise<void> {
    const { settings, print } = this.#options;
    const { retrain_retry_max, retrain_retry_delay_minutes } = settings.retrain;
    if (run.attempt > retrain_retry_max) {
      run.status = 'aborted';
      print(`Training run ${run.run_id} was the last attempt: aborted.`);
      return;
    }
    run.status = status;
    const dueMs = Date.now() + retrain_retry_delay_minutes * MS_PER_MINUTE;
    await this.#attempt('the next attempt cannot be queued', () => this.#records.queue.retryAt(run, dueMs));
    print(`Next attempt in ${retrain_retry_delay_minutes} minutes (${run.attempt} of ${retrain_retry_max}).`);
  }

  /** Ends a run without another attempt. */
  abort(run: RetrainRun, error: string): void {
    const { log, print } = this.#options;
    run.status = 'aborted';
    run.error = error;
    log.error(run, 'training was aborted');
    print(`Training run ${run.run_id} was aborted: ${error}`);
  }

  /** Candidates, the surest of them, and the entries of features.yaml are the figures of such a run. */
  #settleFormulas(run: RetrainRun, found: FoundFormulas): void {
    const { log, print } = this.#options;
    const { metrics, isFound, text } = aboutFormulas(found);
    run.metrics = metrics;
    run.percent = 100;
    run.status = isFound ? 'found' : 'nothing_new';
    run.reasons = [text];
    log.info(run, 'search of formulas ended');
    print(`Training run ${run.run_id}: ${text}.`);
  }

  /** A rule that passed is a candidate: it is served once a person promotes it. */
  #settleRule(run: RetrainRun, { judgement }: RuleAnswer): void {
    const { log, print } = this.#options;
    const { metrics, status, text } = aboutRule(judgement);
    run.metrics = metrics;
    run.percent = 100;
    run.status = status;
    run.model_version = judgement.candidate?.version ?? null;
    run.reasons = [text];
    log.info(run, 'judgement of a rule ended');
    print(`Training run ${run.run_id}: ${text}.`);
  }

  async #settleBundle(
    run: RetrainRun,
    version: string,
    { adopted, rollout, gates, verdict }: TrainingOutcome,
  ): Promise<void> {
    const { log, print, paths } = this.#options;
    run.model_version = version;
    run.status = rollout !== null ? 'rollout_started' : adopted ? 'adopted' : 'rejected';
    run.gate = gates;
    run.percent = 100;
    // Of adopted models: the claims that keep them from entries.
    run.reasons = reasonsOf(gates);
    const claims = claimsText(failuresOf(gates));
    await this.#attempt('the bundle of a run cannot be read', () => {
      const shelf = shelfNamed(shelfOfRun(run));
      Object.assign(run, shelf.figures(pathInside(shelf.folder(paths.models), version)));
    });
    await this.#attempt('a bundle cannot be registered', () => this.#enterBundle(run));
    log.info(run, 'training ended');
    const outcome = {
      adopted: claims === null ? 'adopted' : `adopted. ${claims}`,
      rollout_started: `are the challenger of rollout ${rollout}`,
      rejected: `rejected: ${run.reasons.join('; ')}`,
    }[run.status];
    print(`Training run ${run.run_id}: models ${version} ${outcome}.`);
    if (adopted && claims === null && verdict !== undefined) print(verdict.text);
  }

  /**
   * No models to warm-start from, or nothing to learn yet: this is no failure, and a retry in an hour would not help.
   */
  #settleNothing(run: RetrainRun, why: string): void {
    run.status = 'nothing_new';
    run.percent = 100;
    run.reasons = [why];
    this.#options.log.info(run, 'training has nothing to add');
    this.#options.print(`Training run ${run.run_id}: the active models stay. ${why}.`);
  }

  /** Updates the registry where the training process has not. */
  async #enterBundle({ kind, model_version, status, gate }: RetrainRun): Promise<void> {
    const registry = this.#records.registries?.[shelfOfRun({ kind })] ?? null;
    if (registry === null || model_version === null) return;
    const outcome = {
      version: model_version,
      adopted: status === 'adopted',
      isCandidate: status === 'rollout_started',
      reasons: status === 'rejected' ? failuresOf(gate ?? []) : [],
    };
    const { settings, log } = this.#options;
    const old = await enterOutcome(registry, outcome, settings.retrain.model_version_retention);
    if (old.removed.length > 0) log.info({ versions: old.removed }, 'old models were removed');
    for (const failure of retentionFailures(old)) log.warn({ failure }, 'an old model was not removed');
  }
}
