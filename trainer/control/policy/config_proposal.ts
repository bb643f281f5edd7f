import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MinutehandError } from '../../../shared/errors.ts';
import { packagedValues } from '../../../shared/policy/delivered.ts';
import { inspectSettings, type Settings } from '../../../shared/policy/policy.ts';
import { problemsError } from '../../../shared/policy/problem.ts';
import type { ConfigPart } from '../../../shared/policy/schema.ts';
import { yamlLibrary } from '../../../shared/policy/yaml.ts';
import { temporaryFolder } from '../../../shared/temporary_folder.ts';

export type Changes = Readonly<Record<string, unknown>>;

/** Current values of these keys. @throws MinutehandError CONFIG_UNKNOWN_KEY */
export function presentValues(settings: Settings, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    keys.map((key) => {
      const [part, ...path] = key.split('.') as [ConfigPart, ...string[]];
      let value: unknown = settings[part];
      for (const step of path) {
        if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step))
          throw new MinutehandError('CONFIG_UNKNOWN_KEY', { seen: key });
        value = (value as Record<string, unknown>)[step];
      }
      return [key, value];
    }),
  );
}

/**
 * Validates changes like `config check`, on a copy of the files.
 * @throws MinutehandError CONFIG_INVALID, CONFIG_UNKNOWN_KEY
 */
export function checkChanges({ sources }: Settings, changes: Changes): void {
  const folder = temporaryFolder('change');
  try {
    for (const [part, file] of Object.entries(sources.files) as [ConfigPart, string][]) {
      const copy = join(folder, basename(file));
      const own = Object.entries(changes).filter(([key]) => key.startsWith(`${part}.`));
      if (own.length === 0) copyFileSync(file, copy);
      else writeFileSync(copy, changedText(readFileSync(file, 'utf8'), part, own));
    }
    const { problems } = inspectSettings({ configDir: folder });
    if (problems.length > 0)
      throw problemsError(problems.map((problem) => ({ ...problem, where: problem.where.replace(`${folder}/`, '') })));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A file with changed values; comments and order are preserved. */
export function changedText(text: string, part: ConfigPart, changes: readonly (readonly [string, unknown])[]): string {
  const document = yamlLibrary().parseDocument(text);
  for (const [key, value] of changes) {
    const [, first, ...rest] = key.split('.') as [string, string, ...string[]];
    document.setIn(part === 'minutehand' ? [first, ...rest] : [first, 'value', ...rest], value);
  }
  return document.toString({ lineWidth: 120 });
}

/** Changes that restore the delivered policy. minutehand.yaml is specific to an installation and not changed. */
export function changesToDelivered(settings: Settings): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  for (const part of ['core', 'retrain', 'signals'] as const) {
    const present = settings[part] as unknown as Record<string, unknown>;
    for (const [key, value] of Object.entries(packagedValues(part)))
      if (JSON.stringify(present[key]) !== JSON.stringify(value)) changes[`${part}.${key}`] = value;
  }
  return changes;
}
