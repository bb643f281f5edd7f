import { basename, dirname } from 'node:path';
import { Option } from 'commander';
import { CONFIG_FILE_NAMES } from '../shared/policy/approved.ts';
import { FEATURE_FILE } from '../shared/policy/feature_file.ts';
import type { LoadOptions } from '../shared/policy/policy.ts';

/** `--config`, of commands that can use another configuration than that of the installation. */
export function configOption(): Option {
  return new Option(
    '--config <place>',
    'folder of the configuration, or one file with all of it, such as config/core/unified.yaml (default: MINUTEHAND_CONFIG, config/)',
  );
}

/** The configuration that `--config` names: a file of the folder stands for the folder. */
export function configOf(place: string | undefined): Pick<LoadOptions, 'configDir' | 'configFile'> {
  if (place === undefined) return {};
  if (!/\.ya?ml$/.test(place)) return { configDir: place };
  const isOfFolder = [...CONFIG_FILE_NAMES, FEATURE_FILE].includes(basename(place));
  return isOfFolder ? { configDir: dirname(place) } : { configFile: place };
}
