import { parseDocument } from 'yaml';
import type { ConfigTexts } from '../../../shared/policy/approved.ts';
import { CONFIG_FILES, type ConfigPart } from '../../../shared/policy/schema.ts';
import { parseYaml } from '../../../shared/policy/yaml.ts';
import { maskSecretsIn } from '../../../shared/secrets.ts';

/**
 * A file of the configuration may hold an address with its password; the history of a repository must not. Commits have
 * it with `***` instead, and what is read from a commit has the password of the files of this machine again.
 */

type Path = readonly (string | number)[];

/** The files as they are committed. Files without a secret keep their bytes. */
export function withoutSecrets(texts: ConfigTexts): ConfigTexts {
  return eachFile(texts, (_, value) => {
    const masked = maskSecretsIn(value);
    return masked === value ? null : masked;
  });
}

/** The files of a commit, with the secrets that `own` has at the same places. */
export function withSecrets(texts: ConfigTexts, own: ConfigTexts): ConfigTexts {
  const ownValues = new Map<string, unknown>();
  for (const [name, text] of Object.entries(own)) ownValues.set(name, parsed(text));
  return eachFile(texts, (name, value, path) => {
    const secret = valueAt(ownValues.get(name), path);
    return typeof secret === 'string' && secret !== value && maskSecretsIn(secret) === value ? secret : null;
  });
}

/** Replaces the texts for which `replacement` answers with another one. */
function eachFile(
  texts: ConfigTexts,
  replacement: (name: string, value: string, path: Path) => string | null,
): ConfigTexts {
  const files = Object.entries(CONFIG_FILES) as [ConfigPart, string][];
  const done = files.map(([, name]) => {
    const text = texts[name]!;
    const found = leavesOf(parsed(text), []).flatMap(({ path, value }) => {
      const other = replacement(name, value, path);
      return other === null ? [] : [{ path, other }];
    });
    if (found.length === 0) return [name, text] as const;
    const document = parseDocument(text);
    for (const { path, other } of found) document.setIn(path, other);
    return [name, document.toString({ lineWidth: 120 })] as const;
  });
  return Object.fromEntries(done);
}

function leavesOf(value: unknown, path: Path): { readonly path: Path; readonly value: string }[] {
  if (typeof value === 'string') return [{ path, value }];
  if (typeof value !== 'object' || value === null) return [];
  const isList = Array.isArray(value);
  return Object.entries(value).flatMap(([key, one]) => leavesOf(one, [...path, isList ? Number(key) : key]));
}

function valueAt(document: unknown, path: Path): unknown {
  let value = document;
  for (const step of path) value = (value as Record<string | number, unknown> | null | undefined)?.[step];
  return value;
}

/** null for a file that is no YAML: whoever uses it says so. */
function parsed(text: string): unknown {
  try {
    return parseYaml(text);
  } catch {
    return null;
  }
}
