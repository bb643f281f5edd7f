import type { ZodType } from 'zod';
import type { HomePaths } from '../home.ts';
import type { Settings } from '../policy/policy.ts';
import { askProcess, type ProcessState } from './process_state.ts';

/** State of a daemon by its lock and `/healthz`. One that answers as another shard is mute. Never rejects. */
export async function daemonState<Health extends { readonly shard: string }>(
  { minutehand }: Pick<Settings, 'minutehand'>,
  paths: HomePaths,
  { name, port }: { readonly name: string; readonly port: number },
  schema: ZodType<Health>,
): Promise<ProcessState<Health>> {
  const { host } = minutehand.transports.daemon;
  const state = await askProcess(paths, `daemon_${name}`, { host, port }, '/healthz', schema);
  if (state.health === null || state.health.shard === name) return state;
  return { ...state, presence: state.presence === 'up' ? 'mute' : state.presence, health: null };
}
