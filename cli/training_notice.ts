import { describeError, MinutehandError } from '../shared/errors.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { keyOf, type RecordedGate } from '../shared/bundle/gates/gate_result.ts';
import type { Market } from '../shared/bar_file/bar_sink.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { openChannels } from '../trainer/control/notify/channels/open_channels.ts';
import type { Channel } from '../trainer/control/notify/channels/channel.ts';
import { sendDirectly } from '../trainer/control/notify/direct.ts';
import type { Notice } from '../trainer/control/notify/outbox.ts';
import { EVENTS, type EventName } from '../trainer/store/schema/events.ts';
import { endPartly, type Output } from './output.ts';

/** Where `train --notify` reports how a training ended, without store and trainer. */
export interface TrainingNotifier {
  trained(outcome: TrainingOutcome): Promise<void>;
  failed(error: unknown): Promise<void>;
}

export interface TrainingOutcome {
  /** null: a warm start that found nothing new, which needs no message. */
  readonly version: string | null;
  readonly adopted: boolean;
  readonly isInRollout: boolean;
  readonly gates: readonly RecordedGate[];
}

/**
 * Opens the channels before the training: hours later is late to find that none has an address.
 * @throws MinutehandError CHANNELS_MISSING
 */
export function openTrainingNotifier({ retrain }: Settings, market: Market, output: Output): TrainingNotifier {
  const { channels, problems } = openChannels(retrain, process.env);
  for (const { variable, text } of problems) output.note(`warning: ${variable} ${text}`);
  const wanted = (event: EventName): Channel[] => {
    const { severity } = EVENTS[event];
    return channels.filter(({ name }) => retrain.notification_routes[severity].includes(name));
  };
  if (wanted('retrain_trained').length === 0 || wanted('retrain_failed').length === 0)
    throw new MinutehandError('CHANNELS_MISSING', {
      seen: channels.length === 0 ? 'no address' : `addresses of ${channels.map(({ name }) => name).join(', ')}`,
    });
  const send = async (event: EventName, text: string, version: string | null): Promise<void> => {
    const nowMs = MACHINE_CLOCK.nowMs();
    const notice: Notice = {
      key: `${event}:${nowMs}`,
      event,
      subject: 'training by command',
      text,
      version,
      isOnce: true,
    };
    const results = await sendDirectly(wanted(event), market, notice, nowMs);
    const missing = results.flatMap(({ channel, failure }) =>
      failure === null ? [] : [`The result was not reported by ${channel}: ${failure.reason}`],
    );
    // The training itself is done.
    endPartly(missing, true, output);
  };
  return {
    async trained({ version, adopted, isInRollout, gates }) {
      if (version === null) return;
      const failed = gates.filter(({ passed }) => !passed).map(keyOf);
      if (adopted) await send('retrain_adopted', `Models ${version} are active.`, version);
      else if (isInRollout)
        await send(
          'retrain_rollout',
          `Models ${version} passed all gates and are the challenger of a rollout.`,
          version,
        );
      else if (failed.length > 0)
        await send('retrain_rejected', `Models ${version} did not pass: ${failed.join('; ')}.`, version);
      else await send('retrain_trained', `Models ${version} passed all gates. Nothing became active.`, version);
    },
    failed: (error) => send('retrain_failed', `${describeError(error).message} No bundle was written.`, null),
  };
}
