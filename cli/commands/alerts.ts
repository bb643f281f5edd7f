import { actorName } from '../../shared/process/actor.ts';
import { Option, type Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { oneLine } from '../../shared/one_line.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { addressVariable, CHANNEL_NAMES, type ChannelName } from '../../shared/notification_channels.ts';
import { channelStates } from '../../trainer/control/notify/channel_states.ts';
import { openChannels } from '../../trainer/control/notify/channels/open_channels.ts';
import { recordDirect, sendDirectly, type DirectResult } from '../../trainer/control/notify/direct.ts';
import { testNotice } from '../../trainer/control/notify/test_notice.ts';
import { EVENTS } from '../../trainer/store/schema/events.ts';
import { timeText } from '../../trainer/control/notify/message.ts';
import { checkSilencePattern } from '../../trainer/control/notify/silence_pattern.ts';
import { acknowledge, type Notice } from '../../trainer/control/notify/outbox.ts';
import { unitNotice } from '../../trainer/control/notify/watch/units.ts';
import { openStore, storeUrl, type Store } from '../../trainer/store/store.ts';
import { endPartly, type Output } from '../output.ts';
import { durationMs, type DurationOption } from '../duration_option.ts';

type Routes = Settings['retrain']['notification_routes'];

const SHOWN = 30;
const SILENCE: DurationOption = { option: '--for', units: ['m', 'h', 'd'], example: '30m, 2h or 7d' };

export function addAlerts(program: Command, output: () => Output): void {
  const alerts = program
    .command('alerts')
    .description('Notifications of the trainer: its outbox in the store, and the channels that the environment names.');
  alerts
    .command('list')
    .option('--all', 'also those that are over')
    .description('open alerts of this market, newest first, with deliveries')
    .action((flags: { all?: boolean }) => inStore((store, settings) => list(store, settings, flags, output())));
  alerts
    .command('ack')
    .argument('<alert>', 'its key, or its number in the list')
    .description('acknowledges an open alert: no repetition; PagerDuty and the webhook receive it')
    .action((alert: string) => inStore((store, settings) => ack(store, settings, alert, output())));
  alerts
    .command('silence')
    .argument('<pattern>', 'keys of alerts; * stands for any text')
    .option('--for <duration>', 'how long: 30m, 2h, 7d', '1h')
    .option('--end', 'end the silences of this pattern instead')
    .description('alerts that begin in this period are listed, not sent')
    .action((pattern: string, flags: SilenceFlags) =>
      inStore((store, settings) => silence(store, settings, pattern, flags, output())),
    );
  alerts
    .command('channels')
    .description('which channels the environment opens, and what is wrong with the others')
    .action(() => listChannels(output()));
  alerts
    .command('test')
    .addOption(new Option('--channel <name>', 'only this one').choices(CHANNEL_NAMES))
    .description(
      'sends a test message at once, without the trainer; exit code 3 when a channel does not take it, 1 when none does',
    )
    .action((flags: { channel?: ChannelName }) => test(flags.channel ?? null, output()));
  alerts
    .command('unit')
    .argument('<unit>', 'name of a systemd unit')
    .description('notifies that a service has failed, without the trainer (OnFailure= of the units)')
    .action((unit: string) => unitFailed(unit, output()));
}

async function inStore(work: (store: Store, settings: Settings) => Promise<void>): Promise<void> {
  const settings = loadSettings();
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    await work(store, settings);
  } finally {
    await store.close();
  }
}

async function list(store: Store, { minutehand }: Settings, flags: { all?: boolean }, output: Output): Promise<void> {
  const { market } = minutehand;
  const query = store.db.selectFrom('core.alerts').selectAll().where('market', '=', market);
  const wanted = flags.all === true ? query : query.where('resolved_ms', 'is', null);
  const rows = await wanted.orderBy('alert_id', 'desc').limit(SHOWN).execute();
  const deliveries = await store.db
    .selectFrom('core.alert_deliveries as d')
    .innerJoin('core.alert_messages as m', 'm.message_id', 'd.message_id')
    .select(['m.alert_id', 'm.action', 'd.channel', 'd.status', 'd.attempts', 'd.error', 'd.sent_ms'])
    .where('m.alert_id', 'in', [0, ...rows.map(({ alert_id }) => alert_id)])
    .orderBy('d.delivery_id')
    .execute();
  const silences = await store.db
    .selectFrom('core.alert_silences')
    .select(['pattern', 'until_ms', 'created_by'])
    .where('market', '=', market)
    .where('until_ms', '>', MACHINE_CLOCK.nowMs())
    .execute();
  if (rows.length === 0) output.line(flags.all === true ? 'No alerts yet.' : 'No open alerts.');
  for (const row of rows) {
    const { alert_id, alert_key, severity, event, subject, text, opened_ms, count, acked_by, resolved_ms } = row;
    const state = resolved_ms !== null ? 'over' : acked_by !== null ? `acknowledged by ${acked_by}` : 'open';
    output.line(
      oneLine(
        `${alert_id}  ${timeText(opened_ms)}  ${severity}  ${state}  ${EVENTS[event]?.title ?? event}: ${subject}`,
      ),
    );
    output.line(`    ${oneLine(text)}${count > 1 ? ` (reported ${count} times)` : ''}  [${alert_key}]`);
    const own = deliveries.filter((delivery) => delivery.alert_id === alert_id);
    if (own.length > 0) output.line(`    ${own.map(deliveryText).join(', ')}`);
  }
  for (const { pattern, until_ms, created_by } of silences)
    output.line(oneLine(`silenced: ${pattern} until ${timeText(until_ms)} by ${created_by}`));
  output.result({
    alerts: rows.map((row) => ({
      ...row,
      details: JSON.parse(row.details) as unknown,
      deliveries: deliveries.filter(({ alert_id }) => alert_id === row.alert_id),
    })),
    silences,
  });
}

function deliveryText(row: {
  action: string;
  channel: string;
  status: string;
  attempts: number;
  error: string | null;
}): string {
  const { action, channel, status, attempts, error } = row;
  const tries = status === 'queued' && attempts > 0 ? ` after ${attempts} attempts (${error ?? 'under way'})` : '';
  return `${channel} ${action} ${status}${status === 'failed' ? ` (${error})` : tries}`;
}

async function ack(store: Store, { minutehand }: Settings, alert: string, output: Output): Promise<void> {
  const scope = { market: minutehand.market, nowMs: MACHINE_CLOCK.nowMs() };
  const keys = await store.transaction((tx) => acknowledge(tx, scope, alert, actorName()));
  if (keys.length === 0)
    throw new MinutehandError('ALERT_UNKNOWN', { seen: alert, expected: 'an open alert that is not acknowledged' });
  output.written({ target: alert, after: { acknowledged: keys } });
  for (const key of keys) output.line(`Acknowledged: ${key}.`);
  output.result({ acknowledged: keys });
}

interface SilenceFlags {
  readonly for: string;
  readonly end?: boolean;
}

async function silence(
  store: Store,
  { minutehand }: Settings,
  pattern: string,
  flags: SilenceFlags,
  output: Output,
): Promise<void> {
  const { market } = minutehand;
  const nowMs = MACHINE_CLOCK.nowMs();
  if (flags.end === true) {
    const rows = await store.db
      .updateTable('core.alert_silences')
      .set({ until_ms: nowMs })
      .where('market', '=', market)
      .where('pattern', '=', pattern)
      .where('until_ms', '>', nowMs)
      .returning('silence_id')
      .execute();
    if (rows.length === 0) throw new MinutehandError('SILENCE_UNKNOWN', { seen: oneLine(pattern) });
    output.line(oneLine(`${pattern} is sent again.`));
    return output.result({ ended: rows.length });
  }
  checkSilencePattern(pattern);
  const until_ms = nowMs + durationMs(flags.for, SILENCE);
  const created_by = actorName();
  await store.db
    .insertInto('core.alert_silences')
    .values({ market, pattern, until_ms, created_ms: nowMs, created_by })
    .execute();
  output.line(oneLine(`${pattern} is silenced until ${timeText(until_ms)}.`));
  output.result({ pattern, until: new Date(until_ms).toISOString() });
}

function listChannels(output: Output): void {
  const { retrain } = loadSettings();
  const opened = openChannels(retrain, process.env);
  const { channels, problems } = opened;
  const rows = channelStates(retrain, opened);
  for (const { name, is_open, problem, severities } of rows) {
    const state =
      problem !== null
        ? `unusable: ${problem.variable} ${problem.text}`
        : is_open
          ? `open, receives ${severities.length === 0 ? 'nothing (notification_routes)' : severities.join(', ')}`
          : `not set: ${addressVariable(name)}`;
    output.line(`${name}: ${state}`);
  }
  output.result({ channels: rows });
  endPartly(
    channels.length + problems.length === 0
      ? [describeError(new MinutehandError('CHANNELS_MISSING')).message]
      : problems.map(({ variable, text }) => `${variable} ${text}`),
    channels.length > 0,
    output,
  );
}

async function test(only: ChannelName | null, output: Output): Promise<void> {
  const nowMs = MACHINE_CLOCK.nowMs();
  const notice = testNotice(nowMs);
  const results = await send(notice, (name) => only === null || name === only, output);
  const taken = results.filter(({ failure }) => failure === null);
  // `golive` asks when a channel took a message; what was not taken is not sent again later.
  if (taken.length === 0) return;
  try {
    const store = await openStore(storeUrl(process.env, homePaths()));
    try {
      await recordDirect(store, { market: loadSettings().minutehand.market, nowMs }, notice, taken);
    } finally {
      await store.close();
    }
  } catch (error) {
    output.note(`warning: the test is not recorded: ${describeError(error).message}`);
  }
}

/** The store comes last: its failure does not stop the message. */
async function unitFailed(unit: string, output: Output): Promise<void> {
  const notice = unitNotice(unit);
  const results = await send(notice, (name, { critical }) => critical.includes(name), output);
  try {
    await inStore(async (store, { minutehand }) => {
      await recordDirect(store, { market: minutehand.market, nowMs: MACHINE_CLOCK.nowMs() }, notice, results);
    });
  } catch (error) {
    output.note(`warning: the trainer cannot report its end: ${describeError(error).message}`);
  }
}

async function send(
  notice: Notice,
  isWanted: (name: ChannelName, routes: Routes) => boolean,
  output: Output,
): Promise<readonly DirectResult[]> {
  const settings = loadSettings();
  const { channels, problems } = openChannels(settings.retrain, process.env);
  const wanted = channels.filter(({ name }) => isWanted(name, settings.retrain.notification_routes));
  if (wanted.length === 0) {
    for (const { variable, text } of problems) output.note(`warning: ${variable} ${text}`);
    const seen = channels.length === 0 ? 'no address' : `addresses of ${channels.map(({ name }) => name).join(', ')}`;
    throw new MinutehandError('CHANNELS_MISSING', { seen });
  }
  const results = await sendDirectly(wanted, settings.minutehand.market, notice, MACHINE_CLOCK.nowMs());
  for (const { channel, failure } of results)
    output.line(failure === null ? `${channel}: taken` : `${channel}: not taken, ${failure.reason}`);
  output.result({ channels: results });
  const failed = results.filter(({ failure }) => failure !== null);
  const missing = [
    ...problems.map(({ variable, text }) => `${variable} ${text}`),
    ...failed.map(({ channel, failure }) => `${channel}: not taken, ${failure!.reason}`),
  ];
  endPartly(missing, failed.length < results.length, output);
  return results;
}
