import { GO_LIVE_EN } from './en.ts';
import { GO_LIVE_JA } from './ja.ts';
import type { GoLiveCatalog, GoLiveCode, GoLiveText, GoLiveValues } from './golive_words.ts';

export type GoLiveLanguage = 'en' | 'ja';

const CATALOGS: Readonly<Record<GoLiveLanguage, GoLiveCatalog>> = { en: GO_LIVE_EN, ja: GO_LIVE_JA };

/** The outcome of a step for people. */
export function goLiveText(code: GoLiveCode, values: GoLiveValues, language: GoLiveLanguage): GoLiveText {
  return CATALOGS[language].words[code](values);
}
