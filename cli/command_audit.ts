import { actorName } from '../shared/process/actor.ts';
import type { Command } from 'commander';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { describeError } from '../shared/errors.ts';
import { homePaths } from '../shared/home.ts';
import { AUDITED_COMMANDS } from './audited_commands.ts';
import type { Change } from './output.ts';

/** A command that has begun. */
interface Begun {
  /** `models promote` */
  readonly name: string;
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** Records a command that changes the installation in the audit, done or refused. */
export class CommandAudit {
  #begun: Begun | null = null;
  #change: Change | null | undefined = undefined;

  begin(command: Command): void {
    const name = nameOf(command);
    if (AUDITED_COMMANDS.includes(name)) this.#begun = { name, args: command.args, options: command.opts() };
  }

  /** @param change null: the command changes nothing of this installation */
  written(change: Change | null): void {
    this.#change = change;
  }

  /** @param note for a person, when the entry has to wait */
  async end(outcome: string, note: (text: string) => void): Promise<void> {
    const begun = this.#begun;
    const change = this.#change;
    this.#begun = null;
    this.#change = undefined;
    if (begun === null || change === null) return;
    const by = actor();
    // The trainer repeats what was refused, and has a log of it.
    if (by.via === 'trainer' && change === undefined) return;
    const { name, args, options } = begun;
    const { appendOrKeep } = await import('../trainer/control/api/kept_audit.ts');
    const entry = {
      ...by,
      role: '',
      action: change?.action ?? name,
      outcome,
      target: change?.target ?? args.join(' '),
      before: change?.before ?? null,
      after: change === undefined ? (Object.keys(options).length === 0 ? null : options) : (change.after ?? null),
    };
    const error = await appendOrKeep(process.env, homePaths(), entry, MACHINE_CLOCK.nowMs());
    if (error !== null) note(`The audit has this entry later (${describeError(error).message})`);
  }
}

/** A person at a terminal, or the trainer, which starts commands that report their progress. */
function actor(): { readonly actor: string; readonly via: 'cli' | 'trainer' } {
  const isStarted = process.env['MINUTEHAND_PROGRESS'] !== undefined;
  return isStarted ? { actor: 'trainer', via: 'trainer' } : { actor: actorName(), via: 'cli' };
}

/** Words of a command without the program’s. */
export function nameOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${nameOf(parent)} ${command.name()}`;
}
