import { addStops, ALL_PAIRS, liftStops, readHalts, stopText, type Stop } from '../../../shared/bundle/halts.ts';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { knownSubject } from '../../../shared/policy/known_subject.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { symbolNames } from '../../../shared/policy/symbol_names.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { AuditEntry } from '../api/audit.ts';
import { whenUnlocked } from '../../../shared/process/home_lock.ts';

export interface CommandContext {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly clock: Clock;
  /** Texts of `/status` and `/positions`. */
  status(): Promise<string>;
  positions(): Promise<string>;
  audit(entry: AuditEntry): Promise<void>;
}

/** Who gives a command. */
export interface Sender {
  readonly chat: number;
  /** Name or number of the person, e.g. `@ann`. */
  readonly name: string;
  /** When it was given, epoch seconds. */
  readonly sentS: number;
}

const MAX_REASON = 500;
const HELP = [
  '/status: daemons, models, trainings, stops, open alerts',
  '/positions: open positions and results of every account',
  '/halt all REASON, or /halt EURUSD_GBPUSD,AUDUSD_NZDUSD REASON: stop entries until /resume',
  '/resume all, or /resume EURUSD_GBPUSD: lift stops',
].join('\n');

/**
 * Carries out one message. Never rejects.
 * @param text such as `/halt all spreads are wide`; a bot's name may follow the command, as in groups
 * @returns the answer; null for a text that is no command
 */
export async function answerCommand(context: CommandContext, sender: Sender, text: string): Promise<string | null> {
  const found = /^\/([a-z_]{1,32})(?:@\w{1,64})?(?:\s+|$)/i.exec(text);
  if (found === null) return null;
  const name = found[1]!.toLowerCase();
  const rest = text.slice(found[0].length).trim();
  try {
    switch (name) {
      case 'status':
        return await context.status();
      case 'positions':
        return await context.positions();
      case 'halt':
        return await halt(context, sender, rest);
      case 'resume':
        return await resume(context, sender, rest);
      case 'start':
      case 'help':
        return HELP;
      default:
        return `/${name} is no command.\n${HELP}`;
    }
  } catch (error) {
    const { code, message, next } = describeError(error);
    return `${code}: ${message} ${next}`.trim();
  }
}

async function halt(context: CommandContext, sender: Sender, rest: string): Promise<string> {
  const { paths, clock } = context;
  const space = rest.search(/\s/);
  const named = space < 0 ? rest : rest.slice(0, space);
  const reason = space < 0 ? '' : rest.slice(space).trim();
  const subjects = subjectsOf(context, named, '/halt all REASON, or /halt EURUSD_GBPUSD REASON');
  if (reason === '')
    throw new MinutehandError('USAGE', { seen: '/halt without a reason', expected: `/halt ${named} REASON` });
  const order = { kind: 'entries' as const, reason: reason.slice(0, MAX_REASON), by: sender.name.slice(0, 100) };
  return change(context, sender, '/halt', subjects, () => {
    const added = addStops(paths.models, subjects, order, new Date(clock.nowMs()));
    return added.length === 0 ? 'Stopped in this way already; the first reason stays.' : '';
  });
}

async function resume(context: CommandContext, sender: Sender, rest: string): Promise<string> {
  const { paths, clock } = context;
  const subjects = subjectsOf(context, rest, '/resume all, or /resume EURUSD_GBPUSD');
  return change(context, sender, '/resume', subjects, () => {
    const later = (readHalts(paths.models).stops ?? []).find(
      ({ pair_id, since }) =>
        (subjects.includes(ALL_PAIRS) || subjects.includes(pair_id)) &&
        Math.floor(Date.parse(since) / 1000) > sender.sentS,
    );
    // What a killed process carried out comes again, and somebody may have stopped anew since.
    if (later !== undefined)
      throw new MinutehandError('COMMAND_LATE', {
        seen: `${stopText(later)}, after this command was sent at ${new Date(1000 * sender.sentS).toISOString()}`,
      });
    const lifted = liftStops(paths.models, subjects, new Date(clock.nowMs()));
    return lifted.length === 0 ? 'Nothing was stopped.' : 'A running daemon enters again from its next bar on.';
  });
}

/** Changes the stops, writes an audit entry for the change or its refusal, and replies with the stops in force. */
async function change(
  { paths, audit }: CommandContext,
  { chat, name }: Sender,
  action: string,
  subjects: readonly string[],
  work: () => string,
): Promise<string> {
  const stops = (): readonly Stop[] => readHalts(paths.models).stops ?? [];
  const target = subjects.join(',');
  const entry = { actor: `${name} (chat ${chat})`, role: 'operator', via: 'telegram' as const, action, target };
  let before: readonly Stop[] | null = null;
  let after: readonly Stop[];
  let said: string;
  try {
    before = stops();
    said = await whenUnlocked(work);
    after = stops();
  } catch (error) {
    await audit({ ...entry, before, after: before, outcome: `refused ${describeError(error).code}` });
    throw error;
  }
  await audit({ ...entry, before, after, outcome: 'done' });
  const lines = after.map((stop) => `Stopped: ${stopText(stop)}`);
  return [said, ...lines].filter((line) => line !== '').join('\n');
}

/**
 * Unlike on the command line nothing named is not all: a forgotten name must not stop or resume everything.
 * @throws MinutehandError USAGE, PAIR_UNKNOWN
 */
function subjectsOf({ settings }: CommandContext, named: string, expected: string): readonly string[] {
  const { pairs, instruments } = settings.minutehand;
  const given = named.split(/[\s,]+/).filter((one) => one !== '');
  if (given.length === 0) throw new MinutehandError('USAGE', { seen: 'no subject', expected });
  if (given.some((one) => one.toLowerCase() === 'all')) return [ALL_PAIRS];
  const names = symbolNames(settings);
  return given.map((one) => knownSubject(one, [...pairs, ...instruments], names));
}
