import { dirname, resolve } from 'node:path';
import { isMapping } from './mapping.ts';
import { valueText, type ConfigProblem } from './problem.ts';
import { CONFIG_FILES, type ConfigPart } from './schema.ts';
import { didYouMean } from './spelling.ts';
import { readYamlFile, type YamlFile } from './yaml_file.ts';

const PARTS = Object.keys(CONFIG_FILES) as ConfigPart[];
/** The one part whose keys have no delivered values. */
const NEEDED: ConfigPart = 'minutehand';
const EXPECTED = `expected ${PARTS.join(', ')}: each the path of its file, or its content`;

/** A part of the configuration, and the file that has it. */
export interface ConfigSource {
  readonly file: string;
  readonly read: { readonly yaml: YamlFile } | { readonly problems: readonly ConfigProblem[] };
}

/**
 * One file with the whole configuration: `minutehand`, `core`, `retrain` and `signals`, each the path of its file,
 * relative to this one, or the content of that file. Without a policy its delivered values apply.
 */
export function readUnifiedFile(file: string): Record<ConfigPart, ConfigSource> {
  const read = readYamlFile(file);
  const content = 'problems' in read ? null : read.yaml.value;
  const problems = 'problems' in read ? read.problems : problemsOf(file, read.yaml);
  const sourceOf = (part: ConfigPart): ConfigSource => {
    // What is wrong with the file is said once.
    if (problems.length > 0 || 'problems' in read) return { file, read: { problems: part === NEEDED ? problems : [] } };
    const own = (content as Readonly<Record<string, unknown>>)[part] ?? {};
    if (typeof own === 'string') {
      const place = resolve(dirname(file), own);
      return { file: place, read: readYamlFile(place) };
    }
    return { file, read: { yaml: { value: own, where: (path) => read.yaml.where([part, ...path]) } } };
  };
  return Object.fromEntries(PARTS.map((part) => [part, sourceOf(part)])) as Record<ConfigPart, ConfigSource>;
}

function problemsOf(file: string, { value, where }: YamlFile): ConfigProblem[] {
  if (!isMapping(value))
    return [{ code: 'CONFIG_INVALID', where: file, key: '', text: `is ${valueText(value)}, ${EXPECTED}` }];
  const problems: ConfigProblem[] = [];
  for (const [key, own] of Object.entries(value)) {
    if (!(PARTS as string[]).includes(key)) {
      const text = `is not a part of the configuration${didYouMean(key, PARTS)}; ${EXPECTED}`;
      problems.push({ code: 'CONFIG_UNKNOWN_KEY', where: where([key]), key, text });
    } else if (typeof own !== 'string' && !isMapping(own)) {
      const text = `is ${valueText(own)}, expected the path of ${CONFIG_FILES[key as ConfigPart]}, or its content`;
      problems.push({ code: 'CONFIG_INVALID', where: where([key]), key, text });
    }
  }
  if (!Object.hasOwn(value, NEEDED))
    problems.push({ code: 'CONFIG_INVALID', where: file, key: NEEDED, text: `is not there; ${EXPECTED}` });
  return problems;
}
