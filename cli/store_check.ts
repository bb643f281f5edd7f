import { counted } from '../shared/counted.ts';
import { describeError } from '../shared/errors.ts';
import type { HomePaths } from '../shared/home.ts';
import { lookAtTables, storeUrl } from '../trainer/store/store.ts';
import type { CheckResult } from './check_result.ts';

/** Whether this program can use the store of this home. Changes nothing. */
export async function checkStore(paths: HomePaths): Promise<CheckResult> {
  const what = 'store';
  try {
    const found = await lookAtTables(storeUrl(process.env, paths));
    if (found === null) return { what, verdict: 'ok', detail: 'none yet: the trainer makes it' };
    const { place, applied, own, pending, pendingIsAdditive } = found;
    if (applied > own)
      return {
        what,
        verdict: 'ok',
        detail: `${place}, version ${applied} of the tables; this program knows ${own}, and may use them: what came later is additive`,
      };
    if (pending.length === 0) return { what, verdict: 'ok', detail: `${place}, version ${own} of the tables` };
    const changes = `${counted(pending.length, 'change')}: ${pending.join('; ')}`;
    return {
      what,
      verdict: 'warning',
      detail: `${place} has version ${applied} of the tables; the first command of this program that opens it makes ${own} (${changes}). ${pendingIsAdditive ? 'The earlier version can still use it then.' : 'The earlier version cannot use it then: back it up first.'}`,
    };
  } catch (error) {
    const { code, message, next } = describeError(error);
    return { what, verdict: 'error', detail: `${code}: ${message} ${next}` };
  }
}
