import { gateSteps } from '../../../shared/bundle/gates/gate_steps.ts';
import { claimsText, failuresOf } from '../../../shared/bundle/recorded_gates.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import type { Notice } from '../notify/outbox.ts';
import { IN_FULL, isOfRules, requestKey, type RetrainRun } from './run.ts';

/** Notifications at the end of a run, and the alerts that it resolves. */
export interface RunNotices {
  readonly raised: readonly Notice[];
  readonly cleared: readonly string[];
}

/** A model that fails one gate often fails others for the same reason. */
const SHOWN_STEPS = 2;
const FAILED = 'retrain_failed';
const ABORTED = 'retrain_aborted';
const NOTHING: RunNotices = { raised: [], cleared: [] };

/** Pure: from the outcome of a run to notices. The same run gives the same keys. */
export function noticesOfRun(run: RetrainRun): RunNotices {
  const { run_id, kind, trigger, attempt, started_at, status, error, reasons, model_version } = run;
  const work = workOf(run);
  const failed = `${FAILED}:${work}`;
  const aborted = `${ABORTED}:${work}`;
  const subject = `training run ${run_id} (${kind}, ${triggerText(trigger)})`;
  const details = { run_id, kind, trigger, attempt, started_at, status, error, model_version };
  const common = {
    subject,
    details,
    version: run.previous_version,
    sinceMs: Date.parse(run.finished_at ?? started_at),
  };
  switch (status) {
    case 'failed':
    case 'killed': {
      const text = `Attempt ${attempt}: ${error ?? 'unknown reason'} It is retried; the active models stay.`;
      return { raised: [{ ...common, key: failed, event: 'retrain_failed', text }], cleared: [] };
    }
    case 'aborted': {
      const text = `Aborted after ${attempt} attempts. ${error ?? ''} The active models stay.`;
      return { raised: [{ ...common, key: aborted, event: 'retrain_aborted', text }], cleared: [] };
    }
    case 'adopted':
    case 'rollout_started':
    case 'rejected': {
      const { event, text } = {
        adopted: { event: 'retrain_adopted', text: `Models ${model_version} are active.${servedText(run)}` } as const,
        rollout_started: {
          event: 'retrain_rollout',
          text: `Models ${model_version} passed all gates and are the challenger of a rollout. The active models stay.`,
        } as const,
        rejected: {
          event: 'retrain_rejected',
          text: `${modelsText(run)} did not pass: ${reasons.join('; ')}. The active models stay.`,
        } as const,
      }[status];
      const key = `${event}:${run_id}:${started_at}`;
      const steps = status === 'rejected' ? gateSteps(failuresOf(run.gate ?? [])) : [];
      const command = steps.length === 0 ? {} : { command: steps.slice(0, SHOWN_STEPS).join(' ') };
      return {
        raised: [{ ...common, ...command, key, event, text, version: model_version, isOnce: true }],
        cleared: clearedBy(run),
      };
    }
    // A daily event, which needs no message; formulas are an answer to a request.
    case 'nothing_new':
    case 'found':
      return { raised: [], cleared: clearedBy(run) };
    case 'running':
    case 'stopped':
      return NOTHING;
  }
}

/** What adopted models are served for, where a claim about them has failed. */
function servedText({ gate }: RetrainRun): string {
  const claims = claimsText(failuresOf(gate ?? []));
  return claims === null ? '' : ` ${claims}`;
}

/** Alerts are of a work: what another run does says nothing about it. */
function workOf({ kind, parameters }: Pick<RetrainRun, 'kind' | 'parameters'>): string {
  // Each search of rules ends at its own minute.
  if (parameters.rule_job !== undefined) return `${kind}:${parameters.rule_job.subject}`;
  const key = requestKey(parameters);
  return key === '' ? kind : `${kind}:${key}`;
}

/** Alerts of the work that has succeeded, and of the works that a full run of the configuration makes needless. */
function clearedBy(run: RetrainRun): string[] {
  const work = workOf(run);
  // Those of earlier versions name no work.
  const earlier = work === 'full' ? [FAILED, ABORTED] : [];
  const works = work === 'full' ? IN_FULL : [work];
  return [...works.flatMap((own) => [`${FAILED}:${own}`, `${ABORTED}:${own}`]), ...earlier];
}

/** What a run has made. */
function modelsText({ kind, model_version }: RetrainRun): string {
  if (!isOfRules(kind)) return `Models ${model_version}`;
  return model_version === null ? 'A rule' : `The rule ${model_version}`;
}
