import type { Command } from 'commander';
import { loadSettings } from '../../shared/policy/policy.ts';
import { renderCliDoc } from './cli_doc.ts';
import { renderConfigurationDoc } from './configuration_doc.ts';
import { renderDegradationsDoc } from './degradations_doc.ts';
import { renderEnginesDoc } from './engines_doc.ts';
import { renderErrorsDoc } from './errors_doc.ts';
import { renderFeaturesDoc } from './features_doc.ts';
import { renderFormulasDoc } from './formulas_doc.ts';
import { renderGatesDoc } from './gates_doc.ts';
import { renderMetricsDoc } from './metrics_doc.ts';
import { renderNotificationsDoc } from './notifications_doc.ts';
import { renderStorageDoc } from './storage_doc.ts';

const PAGES = {
  CLI: renderCliDoc,
  CONFIGURATION: () => renderConfigurationDoc(),
  DEGRADATIONS: renderDegradationsDoc,
  ENGINES: renderEnginesDoc,
  ERRORS: renderErrorsDoc,
  FEATURES: () => renderFeaturesDoc(loadSettings({ env: {} }).minutehand.windows),
  FORMULAS: renderFormulasDoc,
  GATES: renderGatesDoc,
  METRICS: renderMetricsDoc,
  NOTIFICATIONS: renderNotificationsDoc,
  STORAGE: renderStorageDoc,
} satisfies Readonly<Record<string, (program: Command) => string>>;

export type ReferencePage = keyof typeof PAGES;

/** The reference pages that code knows, by name; `program` has all commands. */
export const REFERENCE_PAGES: Readonly<Record<ReferencePage, (program: Command) => string>> = PAGES;

export const REFERENCE_PAGE_NAMES = Object.keys(PAGES) as ReferencePage[];
