import type { Clock } from '../../../shared/ports.ts';
import type { AuditEntry } from '../api/audit.ts';
import { isProblem } from '../notify/channels/channel_kind.ts';
import { telegramBot } from '../notify/channels/telegram_api.ts';
import type { Notifications } from '../notify/notifications.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import { positionsText, statusText } from './chat_texts.ts';
import { startTelegramChat } from './telegram_chat.ts';

export interface ChatOptions extends TrainerOptions {
  /** Names the bot. */
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly notifier: Pick<Notifications, 'openKeys'>;
  audit(entry: AuditEntry): Promise<void>;
  /** The trainer in one line. */
  trainer(): string;
}

/**
 * Listens to commands of the chats that `telegram_command_chats` lists; to nothing without any, or without a bot. What
 * is wrong with the address of the bot is reported by the notifications.
 * @returns a function that stops it
 */
export function startChat(options: ChatOptions): () => Promise<void> {
  const { settings, paths, clock, log, env, notifier, audit, trainer, print } = options;
  const { telegram_command_chats: chats } = settings.retrain;
  if (chats.length === 0) return () => Promise.resolve();
  const bot = telegramBot(env);
  if (bot === null || isProblem(bot)) {
    print('telegram_command_chats lists chats, and MINUTEHAND_TELEGRAM_TOKEN names no bot: no command is read.');
    return () => Promise.resolve();
  }
  return startTelegramChat({
    bot,
    chats,
    settings,
    paths,
    clock,
    log,
    audit,
    status: async () => {
      const openAlerts = await notifier.openKeys();
      return statusText({ settings, paths, nowMs: clock.nowMs(), trainer: trainer(), openAlerts });
    },
    positions: () => positionsText({ settings, paths, nowMs: clock.nowMs() }),
  });
}
