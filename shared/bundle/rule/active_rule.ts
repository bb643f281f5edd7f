import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MinutehandError } from '../../errors.ts';
import { MACHINE_FILES, isThere } from '../../files.ts';
import { SUBJECT_ID } from '../../pair.ts';
import { pathInside } from '../../path_name.ts';
import { copyFolder } from '../bundle.ts';
import { readModelsFile } from '../models_file.ts';
import { readAccepted, type ActivePointer } from '../pointer.ts';
import type { PointerMarks } from '../pointer_marks.ts';
import { readRuleBundle, readRuleReport, type FileRule } from './rule_bundle.ts';
import { RULE_FORMAT } from './rule_manifest.ts';
import { keepSearched, searchedInReport } from './searched_rules.ts';
import { filesOf, SHADOW_FILE } from '../slot_files.ts';
import { ruleSlot } from '../../subject/slot.ts';

/** Folder of the rules in a folder of bundles: `<version>/`, and a pointer for each instrument that has one. */
export function ruleFolder(modelsFolder: string): string {
  return join(modelsFolder, 'rule');
}

/** The folder of the rule of a version. @throws MinutehandError NAME_UNSAFE */
export function folderOfRule(modelsFolder: string, version: string): string {
  return pathInside(ruleFolder(modelsFolder), version);
}

/** Opens the rules of a folder of bundles by their version. @throws MinutehandError as readRuleBundle */
export function ruleOpener(modelsFolder: string): (version: string) => FileRule {
  return (version) => readRuleBundle(folderOfRule(modelsFolder, version));
}

/** Instruments with a pointer, whether or not it can be read. */
export function instrumentsWithRule(modelsFolder: string): string[] {
  return pointersIn(ruleFolder(modelsFolder)).filter((id) => SUBJECT_ID.test(id));
}

/** Instruments with a pointer to a rule in shadow, whether or not it can be read. */
export function instrumentsWithRuleShadow(modelsFolder: string): string[] {
  const shadows = pointersIn(ruleFolder(modelsFolder)).filter((name) => name.startsWith(SHADOW_FILE));
  return shadows.map((name) => name.slice(SHADOW_FILE.length)).filter((id) => SUBJECT_ID.test(id));
}

/** Names without their ending, in order. */
function pointersIn(folder: string): string[] {
  if (!isThere(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -'.json'.length)] : []))
    .sort();
}

/**
 * The rule that is served for an instrument; null: none is.
 * @param marks without them, signature and serial are not checked
 * @throws MinutehandError MODEL_MANIFEST, MODEL_FILE; as PointerMarks.check
 */
export function readActiveRule(
  modelsFolder: string,
  instrument: string,
  marks: Pick<PointerMarks, 'check'> | null = null,
): ActivePointer | null {
  return readAccepted(filesOf(modelsFolder, ruleSlot(instrument)).active, MACHINE_FILES, marks);
}

/** The rule in shadow of an instrument; null: there is none. @throws MinutehandError as readActiveRule */
export function readRuleShadow(
  modelsFolder: string,
  instrument: string,
  marks: Pick<PointerMarks, 'check'> | null = null,
): string | null {
  return readAccepted(filesOf(modelsFolder, ruleSlot(instrument)).shadow, MACHINE_FILES, marks)?.version ?? null;
}

/** Whether a folder has a rule. */
export function isRuleBundle(folder: string): boolean {
  try {
    const manifest = JSON.parse(readModelsFile(join(folder, 'manifest.json'), 'manifest').toString('utf8')) as unknown;
    return (manifest as { format?: unknown } | null)?.format === RULE_FORMAT;
  } catch {
    return false;
  }
}

/**
 * Copies a rule into a folder of bundles, whole or not at all, and before it what it takes along of its search.
 * @throws MinutehandError MODEL_EXISTS, LOOKS_FORMAT, HOME_LOCKED; as readRuleBundle
 */
export function takeInRule(folder: string, modelsFolder: string): string {
  const { manifest, modelsHash } = readRuleBundle(folder);
  keepSearchOf(folder, modelsFolder);
  const target = folderOfRule(modelsFolder, manifest.version);
  if (MACHINE_FILES.stat(target) === null) copyFolder(MACHINE_FILES, folder, target);
  else if (readRuleBundle(target).modelsHash !== modelsHash)
    throw new MinutehandError('MODEL_EXISTS', { seen: `${target} has another rule than ${folder}` });
  return manifest.version;
}

/** Keeps what a verified rule takes along of its search. @throws MinutehandError LOOKS_FORMAT, HOME_LOCKED */
export function keepSearchOf(folder: string, modelsFolder: string): void {
  const searched = searchedInReport(readRuleReport(folder));
  if (searched !== null) keepSearched(modelsFolder, searched);
}
