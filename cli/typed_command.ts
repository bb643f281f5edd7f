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
