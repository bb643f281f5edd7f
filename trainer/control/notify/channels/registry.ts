import type { ChannelName } from '../../../../shared/notification_channels.ts';
import type { ChannelKind } from './channel_kind.ts';
import { discord } from './discord.ts';
import { email } from './email.ts';
import { pagerduty } from './pagerduty.ts';
import { slack } from './slack.ts';
import { telegram } from './telegram.ts';
import { webhook } from './webhook.ts';

type ChannelKinds = Readonly<Record<ChannelName, ChannelKind>>;

/** Every kind of channel that shared/notification_channels.ts declares. */
export const CHANNEL_KINDS: ChannelKinds = {
  slack,
  discord,
  telegram,
  pagerduty,
  webhook,
  email,
};
