import { gateSteps } from '../../../shared/bundle/gates/gate_steps.ts';
import { claimsText, failuresOf } from '../../../shared/bundle/recorded_gates.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import type { Notice } from '../notify/outbox.ts';
import { isOfRules, type RetrainRun } from './run.ts';

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
  // A judged rule says nothing about a training that failed.
  const failed = isOfRules(kind) ? `${FAILED}:rules` : FAILED;
  const aborted = isOfRules(kind) ? `${ABORTED}:rules` : ABORTED;
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
        cleared: [failed, aborted],
      };
    }
    // A daily event, which needs no message; formulas are an answer to a request.
    case 'nothing_new':
    case 'found':
      return { raised: [], cleared: [failed, aborted] };
    case 'running':
    case 'stopped':
      return NOTHING;
  }
}

/** What adopted models are served for, where a claim about them has failed. */
function servedText({ gate }: RetrainRun): string {
  const claims = claimsText(gate ?? []);
  return claims === null ? '' : ` ${claims}`;
}

/** What a run has made. */
function modelsText({ kind, model_version }: RetrainRun): string {
  if (!isOfRules(kind)) return `Models ${model_version}`;
  return model_version === null ? 'A rule' : `The rule ${model_version}`;
}
