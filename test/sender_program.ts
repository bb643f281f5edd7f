/**
 * For tests that kill a sender: `<store> <webhook> <step>` sends the pending outbox entries. It kills itself with
 * SIGKILL at the step, e.g. `before claim` or `after sent`; without one it prints `idle` when nothing is pending.
 */
import pino from 'pino';
import { setTimeout as sleep } from 'node:timers/promises';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { openChannels } from '../trainer/control/notify/channels/open_channels.ts';
import { Deliveries } from '../trainer/control/notify/deliveries.ts';
import { Sender } from '../trainer/control/notify/sender.ts';
import { openStore } from '../trainer/store/store.ts';
import { tinySettings } from './tiny_settings.ts';

const [url, webhook, step = ''] = process.argv.slice(2) as [string, string, string?];

async function killedAt<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  if (step === `before ${name}`) process.kill(process.pid, 'SIGKILL');
  const result = await work();
  if (step === `after ${name}`) process.kill(process.pid, 'SIGKILL');
  return result;
}

class MortalDeliveries extends Deliveries {
  override route(...args: Parameters<Deliveries['route']>) {
    return killedAt('route', () => super.route(...args));
  }
  override claim(...args: Parameters<Deliveries['claim']>) {
    return killedAt('claim', () => super.claim(...args));
  }
  override sent(...args: Parameters<Deliveries['sent']>) {
    return killedAt('sent', () => super.sent(...args));
  }
}

const { retrain } = tinySettings();
const store = await openStore(url);
const deliveries = new MortalDeliveries(store, 'live');
const { channels } = openChannels(retrain, { MINUTEHAND_WEBHOOK_URL: webhook });
const sender = new Sender({
  deliveries,
  channels,
  policy: retrain,
  clock: MACHINE_CLOCK,
  log: pino({ level: 'silent' }),
  pace: { sendMs: 2000, leaseMs: 400, firstPauseMs: 50 },
  onChannel: () => Promise.resolve(),
});
for (;;) {
  await sender.pass();
  await sender.settled();
  if ((await deliveries.waiting('webhook')).length === 0) process.stdout.write('idle\n');
  await sleep(20);
}
