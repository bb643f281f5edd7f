/** For tests: `minutehand ea` and `minutehand trades` alone, made from the sources as they are now. */
import { Command } from 'commander';
import { addEa } from '../cli/commands/ea.ts';
import { addTrades } from '../cli/commands/trades.ts';
import { createOutput, showError } from '../cli/output.ts';

const json = process.argv.includes('--json');
const program = new Command('minutehand').option('--json');
addEa(program, () => createOutput(json));
addTrades(program, () => createOutput(json));
for (const command of [...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
  command.option('--json');
try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = showError(error, json);
}
