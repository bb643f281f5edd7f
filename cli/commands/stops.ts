import { shownMinute } from '../../shared/bar.ts';
import { openJournal } from '../../shared/store/journal.ts';
import type { SignalBody } from '../../shared/signal/signal.ts';
import { actorName } from '../../shared/process/actor.ts';
import type { Command } from 'commander';
import {
  addStops,
  ALL_PAIRS,
  liftStops,
  readHalts,
  stopText,
  type Stop,
  type StopKind,
} from '../../shared/bundle/halts.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, shardsOf } from '../../shared/policy/policy.ts';
import { knownSubject } from '../../shared/policy/known_subject.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { endPartly, type Output } from '../output.ts';
import { whenUnlocked } from '../../shared/process/home_lock.ts';
import { isThere } from '../../shared/files.ts';

const SUBJECTS = 'such as XAUUSD_XAGUSD; all when absent, or `all`';

/** Orders of a person, which every running daemon follows with its next bar. */
export function addHalt(program: Command, output: () => Output): void {
  program
    .command('halt')
    .argument('[subjects...]', SUBJECTS)
    .requiredOption('--reason <text>', 'shown on every page, and kept in the audit')
    .description(
      'stops entries until `resume`, over restarts and under every version; open positions exit by the usual rules. Signals say HOLD STOPPED.',
    )
    .action((subjects: string[], { reason }: { reason: string }) => stop('entries', subjects, reason, output()));
}

export function addCloseAll(program: Command, output: () => Output): void {
  program
    .command('close-all')
    .argument('[subjects...]', SUBJECTS)
    .requiredOption('--reason <text>', 'shown on every page, and kept in the audit')
    .description(
      'stops entries as `halt` does, and has open positions closed: their next signal is EXIT CLOSE_ALL, which consumers follow.',
    )
    .action((subjects: string[], { reason }: { reason: string }) => stop('close', subjects, reason, output()));
}

export function addResume(program: Command, output: () => Output): void {
  program
    .command('resume')
    .argument('[subjects...]', SUBJECTS)
    .description('lifts `halt` and `close-all`; halts by a live KPI are lifted by `models resume`')
    .action((subjects: string[]) => resume(subjects, output()));
}

/** @throws MinutehandError PAIR_UNKNOWN */
function subjectsOf(named: readonly string[]): readonly string[] {
  const settings = loadSettings();
  const { pairs, instruments } = settings.minutehand;
  const names = symbolNames(settings);
  const given = named.flatMap((text) => text.split(','));
  if (given.includes('all')) return [ALL_PAIRS];
  const ids = given.map((text) => knownSubject(text, [...pairs, ...instruments], names));
  return ids.length === 0 ? [ALL_PAIRS] : ids;
}

async function stop(kind: StopKind, named: readonly string[], reason: string, output: Output): Promise<void> {
  const { models } = homePaths();
  const subjects = subjectsOf(named);
  if (reason.trim() === '') throw new MinutehandError('USAGE', { seen: 'an empty --reason' });
  const before = readHalts(models).stops ?? [];
  const order = { kind, reason: reason.trim().slice(0, 500), by: actorName() };
  const added = await whenUnlocked(() => addStops(models, subjects, order, new Date(MACHINE_CLOCK.nowMs())));
  tell(models, before, subjects, output, kind === 'close' ? openPositions(subjects) : undefined);
  if (added.length === 0) output.note('Stopped in this way already; the first reason stays.');
}

async function resume(named: readonly string[], output: Output): Promise<void> {
  const { models } = homePaths();
  const subjects = subjectsOf(named);
  const before = readHalts(models).stops ?? [];
  const lifted = await whenUnlocked(() => liftStops(models, subjects, new Date(MACHINE_CLOCK.nowMs())));
  tell(models, before, subjects, output);
  for (const one of lifted) output.line(`Lifted: ${stopText(one)}`);
  if (lifted.length > 0) return output.line('A running daemon enters again from its next bar on.');
  endPartly([`No stop of ${subjectsText(subjects)} is in force: nothing was lifted.`], false, output);
}

const subjectsText = (subjects: readonly string[]): string =>
  subjects.includes(ALL_PAIRS) ? 'all subjects' : subjects.join(', ');

interface OpenPosition {
  readonly subject: string;
  readonly target: number;
  readonly position_id: string;
  /** Close of the bar of the last signal. */
  readonly as_of: string;
}

/** What the last journaled signals of these subjects hold open. */
function openPositions(subjects: readonly string[]): readonly OpenPosition[] {
  const settings = loadSettings();
  const paths = homePaths();
  return shardsOf(settings.minutehand).flatMap(({ name }) => {
    const path = paths.journal(settings.minutehand.market, name);
    if (!isThere(path)) return [];
    const journal = openJournal(path, { readOnly: true });
    try {
      return journal.lastSignals().flatMap(({ pairId, time }): OpenPosition[] => {
        if (!subjects.includes(ALL_PAIRS) && !subjects.includes(pairId)) return [];
        const body = journal.answerAt(pairId, time)?.body;
        if (body === undefined) return [];
        const { target, position_id, timestamp } = JSON.parse(`${body}}`) as OpenSignal;
        return target === 0 ? [] : [{ subject: pairId, target, position_id, as_of: timestamp }];
      });
    } finally {
      journal.close();
    }
  });
}

type OpenSignal = Pick<SignalBody, 'target' | 'position_id' | 'timestamp'>;

function tell(
  models: string,
  before: readonly Stop[],
  subjects: readonly string[],
  output: Output,
  open?: readonly OpenPosition[],
): void {
  const stops = readHalts(models).stops ?? [];
  output.written({ target: subjects.join(','), before, after: stops });
  for (const one of stops) output.line(`Stopped: ${stopText(one)}`);
  if (open?.length === 0) output.line('No position was open: nothing has to be closed.');
  for (const { subject, target, position_id, as_of } of open ?? [])
    output.line(
      `Open: ${subject} ${target > 0 ? 'long' : 'short'} since signal ${position_id}, as of the bar that closed ${shownMinute(as_of)} UTC; its next signal is EXIT CLOSE_ALL.`,
    );
  output.result({ models, subjects, stops, ...(open !== undefined && { open }) });
}
