import { readFileSync } from 'node:fs';
import { savedText } from '../../../shared/csv/text_encoding.ts';
import { CONFIG_FILE_NAMES, type ConfigTexts } from '../../../shared/policy/approved.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { canonicalJson } from '../../../shared/policy/policy_hash.ts';
import { CONFIG_FILES, type ConfigPart } from '../../../shared/policy/schema.ts';
import { parseYaml } from '../../../shared/policy/yaml.ts';
import { changedText, type Changes } from './config_proposal.ts';

const PARTS = Object.entries(CONFIG_FILES) as [ConfigPart, string][];

/** The files of a configuration. */
export function textsOf({ sources }: Pick<Settings, 'sources'>): ConfigTexts {
  return Object.fromEntries(PARTS.map(([part, name]) => [name, savedText(readFileSync(sources.files[part]))]));
}

/** Changed values; comments, labels and order stay. */
export function changedTexts(texts: ConfigTexts, changes: Changes): ConfigTexts {
  return Object.fromEntries(
    PARTS.map(([part, name]) => {
      const own = Object.entries(changes).filter(([key]) => key.startsWith(`${part}.`));
      return [name, own.length === 0 ? texts[name]! : changedText(texts[name]!, part, own)];
    }),
  );
}

/** Equal for files whose values are equal: comments, labels and order do not count. */
export function valuesText(texts: ConfigTexts): string {
  return canonicalJson(CONFIG_FILE_NAMES.map((name) => valuesIn(texts, name)));
}

/** The value of a key, `core.theta1_initial`, as canonical JSON. */
export function valueIn(texts: ConfigTexts, key: string): string {
  const [part, ...path] = key.split('.') as [ConfigPart, ...string[]];
  let value = valuesIn(texts, CONFIG_FILES[part]);
  for (const step of path) value = (value as Record<string, unknown> | null | undefined)?.[step];
  return canonicalJson(value ?? null);
}

function valuesIn(texts: ConfigTexts, name: string): unknown {
  const content = parseYaml(texts[name]!) as Record<string, { value?: unknown }> | null;
  if (name === CONFIG_FILES.minutehand) return content;
  return Object.fromEntries(Object.entries(content ?? {}).map(([key, entry]) => [key, entry.value ?? null]));
}
