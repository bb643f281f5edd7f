/** For tests that kill a sender: `<home>` sends the events of its store to the addresses of the environment. */
import pino from 'pino';
import { homePaths } from '../shared/home.ts';
import { startEventSender } from '../trainer/control/model_events/event_sender.ts';
import { tinySettings } from './tiny_settings.ts';

const [home, redisUrl = ''] = process.argv.slice(2) as [string, string?];
const redis = redisUrl === '' ? { enabled: 'off' as const } : { enabled: 'auto' as const, url: redisUrl };
startEventSender({
  settings: tinySettings({ minutehand: { transports: { redis } } }),
  paths: homePaths({ MINUTEHAND_HOME: home }),
  log: pino({ level: 'silent' }),
  print: () => undefined,
});
process.stdout.write('started\n');
