import { computed, signal } from '@preact/signals';
import { allowedInJapanese } from './allowed_ja.ts';
import { EN } from './en.ts';
import { filled } from './filled.ts';
import { JA } from './ja.ts';

export type Language = 'en' | 'ja';
export type TextKey = keyof typeof EN;

const DICTIONARIES: Record<Language, Readonly<Record<string, string>>> = { en: EN, ja: JA };
const KEPT = 'minutehand.language';

export const language = signal<Language>(first());
const dictionary = computed(() => DICTIONARIES[language.value]);

function first(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === 'en' || kept === 'ja') return kept;
  return navigator.language.startsWith('ja') ? 'ja' : 'en';
}

export function setLanguage(chosen: Language): void {
  language.value = chosen;
  localStorage.setItem(KEPT, chosen);
}

/** The text of a key with its values. */
export function t(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  return filled(dictionary.value[key] ?? key, values);
}

/** Text of a server code, or the code itself. */
export function codeText(prefix: string, code: string): string {
  return dictionary.value[`${prefix}.${code}`] ?? code;
}

const TRIAL = /(ai\d) trial (\d+) of (\d+), log loss (\S+) \(configured ([^)]+)\)/g;

/** Last detail of the stage of a job that gets no processor: `WAITING` of trainer/jobs/progress/processor_wait.ts. */
const WAITING = 'waiting for processor time';

/** A stage of a training run; text after its comma is shown unchanged, except the trials of searches. */
export function stageText(stage: string): string {
  const trialText = (_: string, model: string, done: string, total: string, best: string, configured: string): string =>
    t('stage.trial', { model: model.toUpperCase(), done, total, best, configured });
  const [name = '', ...details] = stage.split(', ');
  const isWaiting = details.at(-1) === WAITING;
  const shown = isWaiting ? [...details.slice(0, -1), codeText('stage', WAITING)] : details;
  return [codeText('stage', name), ...shown].join(', ').replace(TRIAL, trialText);
}

/** What a reason means for a subject of this kind. */
export function meaningText(kind: 'pair' | 'instrument', reason: string): string {
  const own = `meaning.${kind}.${reason}`;
  return dictionary.value[own] ?? codeText('meaning', reason);
}

/** Allowed values of a key, from the server's English text. */
export function allowedText(text: string): string {
  return language.value === 'ja' ? allowedInJapanese(text) : text;
}
