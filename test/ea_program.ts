/** For tests: `minutehand ea` and `minutehand trades` alone, made from the sources as they are now. */
import { Command } from 'commander';
import { createOutput, showError } from '../cli/output.ts';

const json = process.argv.includes('--json');
const program = new Command('minutehand').option('--json');
const output = () => createOutput(json);
// Each alone: what is killed and started again and again has to begin quickly.
if (process.argv[2] === 'ea') (await import('../cli/commands/ea.ts')).addEa(program, output);
else (await import('../cli/commands/trades.ts')).addTrades(program, output);
for (const command of [...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
  command.option('--json');
try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = showError(error, json);
}
