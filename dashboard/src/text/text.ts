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

/**
 * A stage of a job, with details behind commas (`learning, waiting for processor time`) and whose it is before a colon
 * (`group metals: learning`); parts without a translation are shown unchanged.
 */
export function stageText(stage: string): string {
  const trialText = (_: string, model: string, done: string, total: string, best: string, configured: string): string =>
    t('stage.trial', { model: model.toUpperCase(), done, total, best, configured });
  const nameText = (name: string): string => codeText('stage', name);
  return stage
    .split(', ')
    .map((part) => part.split(': ').map(nameText).join(': '))
    .join(', ')
    .replace(TRIAL, trialText);
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
