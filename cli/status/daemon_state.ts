import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { HealthReport } from '../../daemon/health/health.ts';
import { isBlocked, pauseThread } from '../../shared/durable_file.ts';
import type { HomePaths } from '../../shared/home.ts';
import type { Settings, Shard } from '../../shared/policy/policy.ts';
import type { InstrumentSignal } from '../../shared/signal/instrument_signal.ts';
import type { Signal } from '../../shared/signal/signal.ts';
import { verifySignalOf } from '../../shared/signal/verify_instrument.ts';
import { askProcess, isTaken, type ProcessState } from '../../shared/process/process_state.ts';
import { pathInside } from '../../shared/path_name.ts';

const REPLACED_MS = 10;

export interface DaemonState extends ProcessState<HealthReport> {
  readonly shard: string;
  /** Another daemon waits to take over. */
  readonly hasStandby: boolean;
  readonly pairs: readonly PairStatus[];
}

/** Contents of the signal file of a pair or an instrument, whether or not a daemon runs. */
export interface PairStatus {
  readonly pair_id: string;
  /** null when there is none, or no valid one. */
  readonly signal: Pick<
    Signal | InstrumentSignal,
    | 'market'
    | 'timestamp'
    | 'action'
    | 'reason'
    | 'mode'
    | 'target'
    | 'boot_id'
    | 'seq'
    | 'generated_at_ms'
    | 'valid_until_ms'
  > | null;
  /** Why it is null although there is a file. */
  readonly refusal: string | null;
}

/** A daemon of another version may report more, and is accepted as it is. */
const healthOf = (shard: string): z.ZodType<HealthReport> =>
  z.custom<HealthReport>(
    (value) => (value as HealthReport | null)?.shard === shard && typeof (value as HealthReport).boot_id === 'string',
  );

export async function lookAtDaemon(
  { minutehand }: Settings,
  paths: HomePaths,
  { name, pairs, instruments, port }: Shard,
): Promise<DaemonState> {
  const kind = `daemon_${name}`;
  const { host } = minutehand.transports.daemon;
  const state = await askProcess(paths, kind, { host, port }, '/healthz', healthOf(name));
  return {
    shard: name,
    ...state,
    hasStandby: isTaken(paths.lock(`standby_${name}`)) === true,
    pairs: minutehand.transports.files.enabled
      ? [...pairs, ...instruments].map(({ id }) => pairState(paths.signals, id))
      : [],
  };
}

/** On Windows a file that is being replaced is briefly unreadable. */
function readPatiently(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (!isBlocked(error)) throw error;
    pauseThread(REPLACED_MS);
    return readFileSync(path, 'utf8');
  }
}

function pairState(folder: string, pairId: string): PairStatus {
  const path = join(pathInside(folder, pairId), 'signal.json');
  if (!existsSync(path)) return { pair_id: pairId, signal: null, refusal: null };
  try {
    const signal = verifySignalOf(pairId, readPatiently(path).trimEnd());
    const { market, timestamp, action, reason, mode, target, boot_id, seq, generated_at_ms, valid_until_ms } = signal;
    return {
      pair_id: pairId,
      signal: { market, timestamp, action, reason, mode, target, boot_id, seq, generated_at_ms, valid_until_ms },
      refusal: null,
    };
  } catch (error) {
    return { pair_id: pairId, signal: null, refusal: (error as Error).message };
  }
}
