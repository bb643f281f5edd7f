import { isDeepStrictEqual } from 'node:util';
import { inspectSettings, ownConfigDir, type Settings } from './policy.ts';
import type { ConfigProblem } from './problem.ts';
import { CONFIG_FILES, type ConfigPart } from './schema.ts';

/** What the configuration folder says and nothing reads, since a change of the policy was approved. */
export interface SetAside {
  /** The folder that a person edits. */
  readonly folder: string;
  /** Number of the approved change that is in effect. */
  readonly change: number;
  /** Keys whose values differ from those in effect: `minutehand.decision.z_entry`. */
  readonly keys: readonly string[];
  /** What is wrong with the files; their keys are not compared then. */
  readonly problems: readonly ConfigProblem[];
}

/** Keys that a text names. */
const SHOWN = 3;
const PARTS = Object.keys(CONFIG_FILES) as ConfigPart[];

/** @param settings in effect. @returns null: the folder is in effect, or says the same */
export function setAside(settings: Settings, env: NodeJS.ProcessEnv = process.env): SetAside | null {
  const { approved } = settings.sources;
  if (approved === null) return null;
  const folder = ownConfigDir(env);
  const { settings: own, problems } = inspectSettings({ configDir: folder, env });
  const keys = own === null ? [] : PARTS.flatMap((part) => differingKeys(own[part], settings[part], part));
  if (own !== null && keys.length === 0) return null;
  return { folder, change: approved.change_id, keys, problems: own === null ? problems : [] };
}

export function setAsideText({ folder, change, keys, problems }: SetAside): string {
  const more = keys.length > SHOWN ? ` and ${keys.length - SHOWN} more` : '';
  const what = problems.length > 0 ? 'they are faulty' : `they differ in ${keys.slice(0, SHOWN).join(', ')}${more}`;
  return `the files of ${folder} are not in effect since change ${change} was approved: ${what}. Propose what should change with \`minutehand policy propose <key>=<value>\`; deleting approved.json of the home's policy folder puts the files into effect`;
}

function differingKeys(own: unknown, other: unknown, path: string): string[] {
  if (isDeepStrictEqual(own, other)) return [];
  if (!isSection(own) || !isSection(other)) return [path];
  const names = new Set([...Object.keys(own), ...Object.keys(other)]);
  return [...names].flatMap((name) => differingKeys(own[name], other[name], `${path}.${name}`));
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
