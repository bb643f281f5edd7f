import { EN } from './en.ts';
import { JA } from './ja.ts';
import { findingTextIn } from './finding_text.ts';
import type { Finding, RunTrigger } from './run_trigger.ts';
import type { TriggerCatalog } from './trigger_words.ts';

/** Languages in which there is a catalog. */
export type TriggerLanguage = 'en' | 'ja';

const CATALOGS: Readonly<Record<TriggerLanguage, TriggerCatalog>> = { en: EN, ja: JA };

/** What asked for a run, for people. */
export function triggerText({ code, values }: RunTrigger, language: TriggerLanguage = 'en'): string {
  const words = CATALOGS[language].triggers[code] as (values: RunTrigger['values']) => string;
  return words(values);
}

/** `drift psi z_score 0.41 > 0.25 (most in EURUSD_GBPUSD)` */
export function findingText(finding: Finding, language: TriggerLanguage = 'en'): string {
  return findingTextIn(CATALOGS[language], finding);
}
