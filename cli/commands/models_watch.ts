import { setTimeout as sleep } from 'node:timers/promises';
import { errorLine } from '../../shared/error_line.ts';
import { describeError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { launcher } from '../../shared/launcher.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { openDelivered } from '../../trainer/control/delivery/receive.ts';
import { announceMachine } from '../../trainer/control/fleet/announcer.ts';
import { queueKind } from '../../trainer/jobs/fleet/open_fleet.ts';
import { answerOf, startCommand } from '../../trainer/control/schedule/command_process.ts';
import type { Output } from '../output.ts';
import { stopSignal } from '../stop_signal.ts';
import { isNewHere, type Receipt } from './delivered_models.ts';

/** A refusal is tried again after twice the time, up to this. */
const LONGEST_WAIT_MS = 600_000;
const MAX_ANSWER = 1_000_000;

interface Look {
  readonly received: readonly unknown[];
  /** What failed, in words; '' when nothing did. */
  readonly fault: string;
}

/**
 * Repeats `models receive` until this process is asked to end. Each call is a separate process, so that the audit has
 * an entry for each. An error is printed when it first occurs and when it is over; until then the machine keeps its
 * active models.
 */
export async function watchDelivered(place: string, everyMs: number, output: Output): Promise<void> {
  const isInFleet = queueKind(process.env) !== null;
  const ending = new AbortController();
  const stopping = stopSignal().then((reason) => {
    ending.abort();
    return reason;
  });
  let received = 0;
  let fault = '';
  let waitMs = everyMs;
  output.line(`Watching ${place}. What is active there becomes active here.`);
  const announcing = isInFleet ? announceHere(output, ending.signal) : null;
  while (!ending.signal.aborted) {
    const look = await lookAt(place);
    for (const one of look.received) output.line(`Active here: ${JSON.stringify(one)}`);
    received += look.received.length;
    if (look.fault !== fault) output.note(look.fault === '' ? `${place} can be read again.` : look.fault);
    waitMs = look.fault === '' || look.fault !== fault ? everyMs : Math.min(2 * waitMs, LONGEST_WAIT_MS);
    fault = look.fault;
    // Rejects when the process is asked to end.
    await sleep(waitMs, undefined, { signal: ending.signal }).catch(() => undefined);
  }
  await announcing;
  output.line(`Ended: ${await stopping}. Received: ${received}.`);
  output.result({ folder: place, received });
}

/** A machine that receives has no trainer that would say to its fleet what it has. */
async function announceHere(output: Output, ending: AbortSignal): Promise<void> {
  const note = (line: string): void => output.note(line);
  await announceMachine({ settings: loadSettings, paths: homePaths(), env: process.env, note }, ending);
}

async function lookAt(place: string): Promise<Look> {
  try {
    const source = await openDelivered(place, process.env);
    const isAnyNew = source.delivery.pointers.some(isNewHere);
    await source.close();
    return isAnyNew ? await receiveInProcess(place) : { received: [], fault: '' };
  } catch (error) {
    return { received: [], fault: errorLine(describeError(error)) };
  }
}

async function receiveInProcess(place: string): Promise<Look> {
  const command = [...launcher(), 'models', 'receive', place, '--json'];
  const { ended } = startCommand({ command, yields: false, maxAnswer: MAX_ANSWER, onProgress: () => undefined });
  const answer = answerOf(await ended, 'models receive');
  if ('error' in answer) return { received: [], fault: answer.error };
  const { received, missing } = JSON.parse(answer.document) as Pick<Receipt, 'received' | 'missing'>;
  return { received, fault: missing.join('\n') };
}
