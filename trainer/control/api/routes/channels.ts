import { MinutehandError } from '../../../../shared/errors.ts';
import { addressVariable } from '../../../../shared/notification_channels.ts';
import { channelStates } from '../../notify/channel_states.ts';
import { openChannels } from '../../notify/channels/open_channels.ts';
import { recordDirect, sendDirectly } from '../../notify/direct.ts';
import { testNotice } from '../../notify/test_notice.ts';
import type { Api, ApiContext } from '../context.ts';
import { channelRoutes } from '../../schema/channels.ts';

/** `GET /api/alerts/channels`, `POST /api/alerts/channels/:channel/test`. */
export function addChannelRoutes(api: Api, { settings, store, clock, log }: ApiContext): void {
  const { market } = settings.minutehand;

  api.route({
    ...channelRoutes['GET /api/alerts/channels'],
    handler() {
      const states = channelStates(settings.retrain, openChannels(settings.retrain, process.env));
      const channels = states.map(({ name, is_open, problem, severities }) => ({
        name,
        is_open,
        variable: problem?.variable ?? addressVariable(name),
        problem: problem === null ? null : `${problem.variable} ${problem.text}`,
        severities: [...severities],
      }));
      return Promise.resolve({ channels });
    },
  });

  api.route({
    ...channelRoutes['POST /api/alerts/channels/{channel}/test'],
    async handler(request) {
      const { channel } = request.params;
      request.written = { target: channel };
      const { channels, problems } = openChannels(settings.retrain, process.env);
      const wanted = channels.filter(({ name }) => name === channel);
      const problem = problems.find((one) => one.channel === channel);
      if (wanted.length === 0)
        throw new MinutehandError('CHANNEL_CLOSED', {
          seen:
            problem === undefined
              ? `${channel}: ${addressVariable(channel)} is not set`
              : `${problem.variable} ${problem.text}`,
        });
      const nowMs = clock.nowMs();
      const notice = testNotice(nowMs);
      const results = await sendDirectly(wanted, market, notice, nowMs);
      const failure = results[0]!.failure;
      request.written = { target: channel, after: { taken: failure === null } };
      // `golive` asks when a channel took a message; what was not taken is not sent again later.
      if (failure === null)
        await recordDirect(await store(), { market, nowMs }, notice, results).catch((error: unknown) =>
          log.warn({ err: error }, 'the test of a channel is not recorded'),
        );
      return { channel, taken: failure === null, failure: failure?.reason ?? null };
    },
  });
}
