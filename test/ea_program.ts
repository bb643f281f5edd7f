/**
 * For tests: `minutehand ea`, `minutehand trades`, and `fills`, which reads fills as a trainer does; compiled from the
 * current sources.
 */
import { Command } from 'commander';
import pino from 'pino';
import { createOutput, showError } from '../cli/output.ts';
import { homePaths } from '../shared/home.ts';
import { loadSettings } from '../shared/policy/policy.ts';

const json = process.argv.includes('--json');
const program = new Command('minutehand').option('--json');
const output = () => createOutput(json);
const print = (line: string): void => void process.stdout.write(`${line}\n`);
// Loaded separately, because a repeatedly killed program must start quickly.
if (process.argv[2] === 'fills')
  program.command('fills').action(async () => {
    const { startFills } = await import('../trainer/control/fills/fills.ts');
    startFills({ settings: loadSettings(), paths: homePaths(), log: pino({ level: 'silent' }), print, env: {} });
    print('taking fills');
  });
else if (process.argv[2] === 'ea') (await import('../cli/commands/ea.ts')).addEa(program, output);
else (await import('../cli/commands/trades.ts')).addTrades(program, output);
for (const command of [...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
  command.option('--json');
try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = showError(error, json);
}
