import type { Kysely } from 'kysely';
import { TRAIN_ENGINES } from '../../shared/policy/engines.ts';
import type { RunTrigger, ScheduleName } from '../../shared/run_trigger/run_trigger.ts';
import type { Tables } from './tables.ts';

/**
 * Earlier versions wrote what asked for a run as an English text, and recognized it by its words. This is the last
 * place that does: each such text becomes a code, and stays beside it where it says more.
 */
export async function codeTriggers(db: Kysely<Tables>): Promise<void> {
  await db.schema.alterTable('core.training_runs').addColumn('trigger_values', 'text').execute();
  const texts = await db.selectFrom('core.training_runs').select('trigger').distinct().execute();
  for (const { trigger: text } of texts) {
    const { code, values } = triggerOfText(text);
    const rows = db.updateTable('core.training_runs').where('trigger', '=', text).where('trigger_values', 'is', null);
    const parameters = JSON.stringify(parametersOfText(text));
    await rows.set({ parameters }).where('parameters', 'is', null).execute();
    await rows.set({ trigger: code, trigger_values: JSON.stringify(values) }).execute();
  }
}

const SCHEDULES: Readonly<Record<string, ScheduleName>> = {
  schedule: 'full',
  'weekly schedule': 'weekly',
  'incremental schedule': 'incremental',
  'direction schedule': 'direction',
};

/** @param text as an earlier version wrote it */
export function triggerOfText(text: string): RunTrigger {
  if (text === 'first models') return { code: 'first_models', values: {} };
  const schedule = Object.hasOwn(SCHEDULES, text) ? SCHEDULES[text] : undefined;
  if (schedule !== undefined) return { code: 'schedule', values: { schedule } };
  if (text.startsWith('monitor: ')) return { code: 'monitor', values: { findings: [], more: 0, text } };
  const none = { options: {}, settings: {} };
  if (text === 'request') return { code: 'request', values: { door: 'retrain', ...none } };
  if (/^api( |$)/.test(text)) return { code: 'request', values: { door: 'api', ...none, text } };
  return { code: 'other', values: { text } };
}

/** Parameters of a queued run of a version that had them in its trigger alone. */
export function parametersOfText(text: string): Record<string, string | number> {
  const words = /^api((?: --[a-z]+ [\w.:-]+)+)$/.exec(text)?.[1]?.trim().split(' ') ?? [];
  const found: Record<string, string | number> = {};
  for (let at = 0; at + 1 < words.length; at += 2) {
    const name = words[at]!.slice(2);
    const value = parameterOf(name, words[at + 1]!);
    if (value === null) return {};
    found[name] = value;
  }
  return found;
}

function parameterOf(name: string, text: string): string | number | null {
  if (name === 'seed' || name === 'trials') return /^\d+$/.test(text) ? Number(text) : null;
  if (name === 'engine') return TRAIN_ENGINES.some((engine) => engine === text) ? text : null;
  return name === 'from' || name === 'to' ? instantOf(text) : null;
}

/** A UTC day or minute as an instant; null for anything else. */
function instantOf(text: string): string | null {
  const ms = Date.parse(text.length === 10 ? `${text}T00:00Z` : text);
  return Number.isNaN(ms) ? null : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
