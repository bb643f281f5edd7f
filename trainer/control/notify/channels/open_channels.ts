import { CHANNEL_NAMES, type ChannelName } from '../../../../shared/notification_channels.ts';
import type { Channel } from './channel.ts';
import { isProblem, type ChannelPolicy, type SettingProblem } from './channel_kind.ts';
import { CHANNEL_KINDS } from './registry.ts';

/** Why a channel that the environment names is not used. */
export interface ChannelProblem extends SettingProblem {
  readonly channel: ChannelName;
}

export interface OpenChannels {
  readonly channels: readonly Channel[];
  readonly problems: readonly ChannelProblem[];
}

/** Every channel that the environment names. */
export function openChannels(policy: ChannelPolicy, env: NodeJS.ProcessEnv): OpenChannels {
  const channels: Channel[] = [];
  const problems: ChannelProblem[] = [];
  for (const channel of CHANNEL_NAMES) {
    const opened = CHANNEL_KINDS[channel].open({ env, policy });
    if (opened === null) continue;
    if (isProblem(opened)) problems.push({ channel, ...opened });
    else channels.push(opened);
  }
  return { channels, problems };
}

/** What other processes and people are told of the channels of a process: no address is among it. */
export interface ChannelStatus {
  readonly names: readonly string[];
  /** Why others that the environment names are not used. */
  readonly problems: readonly string[];
}

export function channelStatus(policy: ChannelPolicy, env: NodeJS.ProcessEnv): ChannelStatus {
  const { channels, problems } = openChannels(policy, env);
  return {
    names: channels.map(({ name }) => name),
    problems: problems.map(({ variable, text }) => `${variable} ${text}`),
  };
}
