import { CHANNEL_NAMES, type ChannelName } from '../../../shared/notification_channels.ts';
import type { RetrainPolicy } from '../../../shared/policy/policy.ts';
import { SEVERITIES, type Severity } from '../../store/schema/events.ts';
import type { ChannelProblem, OpenChannels } from './channels/open_channels.ts';

/** What a notification channel is to this installation. */
export interface ChannelState {
  readonly name: ChannelName;
  readonly is_open: boolean;
  /** Why it is not open although the environment names it. */
  readonly problem: ChannelProblem | null;
  /** What it receives, by `notification_routes`. */
  readonly severities: readonly Severity[];
}

/** Every channel, whether or not the environment names it. */
export function channelStates(
  { notification_routes }: Pick<RetrainPolicy, 'notification_routes'>,
  { channels, problems }: OpenChannels,
): ChannelState[] {
  return CHANNEL_NAMES.map((name) => ({
    name,
    is_open: channels.some((channel) => channel.name === name),
    problem: problems.find(({ channel }) => channel === name) ?? null,
    severities: SEVERITIES.filter((severity) => notification_routes[severity].includes(name)),
  }));
}
