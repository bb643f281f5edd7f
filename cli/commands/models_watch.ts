import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describeError, type ErrorReport } from '../../shared/errors.ts';
import { launcher } from '../../shared/launcher.ts';
import { openDelivered } from '../../trainer/control/delivery/receive.ts';
import { DONE, PARTLY_DONE, type Output } from '../output.ts';
import { stopSignal } from '../stop_signal.ts';
import { isNewHere } from './delivered_pointer.ts';

/** A refusal is tried again after twice the time, up to this. */
const LONGEST_WAIT_MS = 600_000;
const MAX_ANSWER_BYTES = 1 << 20;

interface Look {
  readonly received: readonly unknown[];
  /** What failed, in words; '' when nothing did. */
  readonly fault: string;
}

/**
 * Takes in what is new until the process is asked to end, each time by `models receive` in a process of its own, which
 * stands in the audit. What fails is said when it begins to fail, and when it works again: the machine keeps the models
 * that it has.
 */
export async function watchDelivered(place: string, everyMs: number, output: Output): Promise<void> {
  const ending = new AbortController();
  const stopping = stopSignal().then((reason) => {
    ending.abort();
    return reason;
  });
  let received = 0;
  let fault = '';
  let waitMs = everyMs;
  output.line(`Watching ${place}. What is active there becomes active here.`);
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
  output.line(`Ended: ${await stopping}. Received: ${received}.`);
  output.result({ folder: place, received });
}

async function lookAt(place: string): Promise<Look> {
  try {
    const source = await openDelivered(place, process.env);
    const isAnyNew = source.delivery.pointers.some(isNewHere);
    await source.close();
    return isAnyNew ? await receiveInProcess(place) : { received: [], fault: '' };
  } catch (error) {
    return { received: [], fault: faultText(describeError(error)) };
  }
}

const faultText = ({ code, message, next }: ErrorReport): string => `${code}: ${message}\n  → ${next}`;

async function receiveInProcess(place: string): Promise<Look> {
  const [program, ...args] = [...launcher(), 'models', 'receive', place, '--json'];
  const { code, stdout, stderr } = await promisify(execFile)(program!, args, { maxBuffer: MAX_ANSWER_BYTES }).then(
    (printed) => ({ code: DONE, ...printed }),
    (error: { readonly code?: number; readonly stdout?: string; readonly stderr?: string }) => ({
      code: error.code ?? null,
      stdout: error.stdout ?? '',
      stderr: error.stderr ?? '',
    }),
  );
  const answer = JSON.parse(stdout === '' ? '{}' : stdout) as { error?: ErrorReport; received?: readonly unknown[] };
  const received = answer.received ?? [];
  if (code === DONE) return { received, fault: '' };
  if (code === PARTLY_DONE) return { received, fault: stderr.trim() };
  return {
    received,
    fault: answer.error === undefined ? `models receive ended with ${code}` : faultText(answer.error),
  };
}
