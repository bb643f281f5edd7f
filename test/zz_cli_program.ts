import { Command, CommanderError } from 'commander';
import { addBars } from '../cli/commands/bars.ts';
import { createOutput, showError } from '../cli/output.ts';
const argv = process.argv.slice(2);
const json = argv.includes('--json');
const p = new Command('minutehand').option('--json').exitOverride();
addBars(p, () => createOutput(json));
const walk = (c: Command): void => {
  for (const s of c.commands) {
    s.option('--json').exitOverride();
    walk(s);
  }
};
walk(p);
try {
  await p.parseAsync(argv, { from: 'user' });
} catch (e) {
  if (e instanceof CommanderError) {
    process.stdout.write('{}\n');
    process.exitCode = e.exitCode === 0 ? 0 : 2;
  } else process.exitCode = showError(e, json);
}
