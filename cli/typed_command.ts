import { COMMAND_NAMES } from './command_names.ts';

const COMMAND = new RegExp(
  String.raw`(?<![\w./\\@-]|npx )minutehand (?=(?:--json )?(?:${COMMAND_NAMES.join('|')})\b(?![-.\w]))`,
  'g',
);

/**
 * A text with the commands in it as its reader has to type them. Texts name them `minutehand status`; who started the
 * program by npx, or by `npm start`, has no such command on the path.
 */
export function asTyped(text: string, env: NodeJS.ProcessEnv = process.env): string {
  return isByNpx(env) ? text.replaceAll(COMMAND, 'npx minutehand ') : text;
}

/** npm says what it runs: `npx minutehand …` and the script of `npm start`, also to processes that those start. */
function isByNpx({ npm_lifecycle_script: script }: NodeJS.ProcessEnv): boolean {
  return script !== undefined && /^"?minutehand\b|\bbin[\\/](?:start|minutehand)\.mjs\b/.test(script);
}

/** Variables without which another terminal would look at another installation. None is a secret. */
const PLACES = ['MINUTEHAND_HOME', 'MINUTEHAND_EXCHANGE', 'MINUTEHAND_CONFIG'] as const;

/**
 * A command as it works in a second terminal, which has none of the variables of this one: `minutehand status` in a
 * text. On Windows it is for PowerShell.
 */
export function elsewhereTyped(
  args: string,
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const places = PLACES.flatMap((name) => {
    const value = env[name];
    if (value === undefined || value === '') return [];
    // PowerShell reads a bare word behind = as a command.
    if (platform === 'win32') return [`$env:${name}='${value.replaceAll("'", "''")}'; `];
    return [`${name}=${typedWord(value, platform)} `];
  });
  return `${places.join('')}minutehand ${args}`;
}

/** A name as it is typed: in quotes where a shell, or PowerShell on Windows, would read it otherwise. */
export function typedWord(text: string, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32') return /^[\w@%+=:.\\/-]+$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`;
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
