import { userInfo } from 'node:os';

/** User of the installed services, as whom `minutehandctl` runs every command. */
const SERVICE_USER = 'minutehand';
/** Set by `minutehandctl`: the person who called it. */
const ACTOR_VARIABLE = 'MINUTEHAND_ACTOR';
/** Any name of one line, of a directory service too: `ann@example.com`, `EXAMPLE\ann`. */
const ACTOR = /^[^\p{C}\p{Z}]{1,128}$/u;

/**
 * The person a command acts as: the user of this process, or who called `minutehandctl`. Root alone can become the
 * service's user, so nobody else can take another person's name by the variable.
 */
export function actorName(env: NodeJS.ProcessEnv = process.env, user: string = userInfo().username): string {
  const given = env[ACTOR_VARIABLE] ?? '';
  return user === SERVICE_USER && ACTOR.test(given) ? given : user;
}
