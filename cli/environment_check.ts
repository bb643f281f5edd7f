import { existsSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expiryDays } from '../shared/bundle/sealed_pointer.ts';
import { signingKey, trustedKeys } from '../shared/bundle/signature.ts';
import { describeError } from '../shared/errors.ts';
import { CHANNEL_VARIABLES } from '../shared/notification_channels.ts';
import { unknownVariables, unknownVariableText } from '../shared/policy/environment.ts';
import type { ConfigProblem } from '../shared/policy/problem.ts';

/**
 * Checks of the values of variables: the problem, or null. Those that win over a file are checked
 * with it.
 */
const CHECKS: Readonly<Record<string, (text: string, env: NodeJS.ProcessEnv) => string | null>> = {
  MINUTEHAND_HOME: folderFault,
  MINUTEHAND_EXCHANGE: folderFault,
  MINUTEHAND_LOG: folderFault,
  MINUTEHAND_CCXT: (text) => (existsSync(resolve(text)) ? null : `there is no folder ${text}`),
  MINUTEHAND_LIGHTGBM_LIBRARY: fileFault,
  MINUTEHAND_XGBOOST_LIBRARY: fileFault,
  MINUTEHAND_DATABASE_URL: (text) => urlFault(text, ['postgres:', 'postgresql:']),
  MINUTEHAND_FEATURES_URL: (text) => urlFault(text, ['postgres:', 'postgresql:']),
  ...Object.fromEntries(
    CHANNEL_VARIABLES.flatMap(({ variable, schemes }) =>
      schemes === null ? [] : [[variable, (text: string) => urlFault(text, schemes)]],
    ),
  ),
  MINUTEHAND_HEARTBEAT_URL: (text) => urlFault(text, ['https:', 'http:']),
  MINUTEHAND_SIGNING_KEY: (_, env) => thrownBy(() => signingKey(env)),
  MINUTEHAND_TRUSTED_KEYS: (_, env) => thrownBy(() => trustedKeys(env)),
  MINUTEHAND_ACTIVE_EXPIRY_DAYS: (_, env) => thrownBy(() => expiryDays(env)),
};

/**
 * Environment variables that are set to something unusable (problems), or that nothing reads (warnings). An empty one
 * counts as not set.
 */
export function checkEnvironment(env: NodeJS.ProcessEnv = process.env): {
  problems: ConfigProblem[];
  warnings: string[];
} {
  const problems = Object.entries(CHECKS).flatMap(([variable, faultOf]): ConfigProblem[] => {
    const text = env[variable] ? faultOf(env[variable], env) : null;
    return text === null ? [] : [{ code: 'CONFIG_INVALID', where: `environment variable ${variable}`, key: '', text }];
  });
  return { problems, warnings: unknownVariables(env).map(unknownVariableText) };
}

/** Tries to make a folder where the named one is, or would be made. */
function folderFault(text: string): string | null {
  let parent = resolve(text);
  while (!existsSync(parent) && dirname(parent) !== parent) parent = dirname(parent);
  if (!statSync(parent).isDirectory()) return `${parent} is a file, expected a folder`;
  try {
    rmdirSync(mkdtempSync(join(parent, '.minutehand-')));
    return null;
  } catch (error) {
    return `no folder can be made in ${parent} (${(error as Error).message})`;
  }
}

function fileFault(text: string): string | null {
  return statSync(resolve(text), { throwIfNoEntry: false })?.isFile() ? null : `there is no file ${text}`;
}

/** The value may hold a password and is not repeated. */
function urlFault(text: string, protocols: readonly string[]): string | null {
  const found = URL.canParse(text) ? new URL(text).protocol : null;
  if (found !== null && protocols.includes(found)) return null;
  return `is ${found === null ? 'not an address' : `an address of ${found}`}, expected ${protocols.map((one) => `${one}//…`).join(' or ')}`;
}

function thrownBy(read: () => unknown): string | null {
  try {
    read();
    return null;
  } catch (error) {
    return describeError(error).message;
  }
}
