import { describe, expect, it } from 'vitest';
import type { Command } from 'commander';
import { AUDITED_COMMANDS, UNAUDITED_COMMANDS } from './audited_commands.ts';
import { nameOf } from './command_audit.ts';
import { createProgram } from './main.ts';

/** Commands with an action of their own, hidden ones included. */
function actionsOf(command: Command): Command[] {
  const own = (command as unknown as { readonly _actionHandler: unknown })._actionHandler;
  return [...(own ? [command] : []), ...command.commands.flatMap(actionsOf)];
}

describe('every command', () => {
  it('stands in the audit when it changes an installation, or is listed with the reason why not', async () => {
    const program = await createProgram();
    const commands = program.commands.flatMap(actionsOf).map(nameOf);
    expect(commands.length).toBeGreaterThan(60);
    const listed = [...AUDITED_COMMANDS, ...Object.values(UNAUDITED_COMMANDS).flat()];
    expect([...commands].sort()).toEqual([...listed].sort());
    expect(new Set(listed).size).toBe(listed.length);
  });
});
