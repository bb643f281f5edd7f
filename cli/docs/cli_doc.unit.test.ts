import { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../main.ts';
import { renderCliDoc } from './cli_doc.ts';

describe('the page of commands', () => {
  it('has a section for every command of the first level', async () => {
    const program = await createProgram();
    const page = renderCliDoc(program);
    const listed = program.createHelp().visibleCommands(program);
    for (const command of listed.filter((own) => own.name() !== 'help'))
      expect(page).toContain(`\n## minutehand ${command.name()}\n`);
    expect(page).not.toContain('## minutehand docs');
  });

  it('lists commands, arguments, options, choices and defaults, and no hidden command', () => {
    const program = new Command('tool');
    const bars = program.command('bars').description('keeps bars');
    bars
      .command('import')
      .argument('<source>', 'a file')
      .addOption(new Option('--market <market>', 'whose bars').choices(['live', 'simulated']).default('live'))
      .option('--out <file>', 'file', '-')
      .option('--json', 'for programs')
      .description('reads <home>/bars');
    program.command('secret', { hidden: true });
    const text = renderCliDoc(program);
    expect(text).toContain(
      '## tool bars\n\n- `import <source>` `[--market=live*|simulated]` `[--out=-]`: reads `<home>/bars`\n',
    );
    expect(text).not.toMatch(/secret|for programs/);
  });

  it('lists the options of a command that has commands below it', () => {
    const program = new Command('tool');
    const parity = program.command('parity').description('compares a day').option('--day <day>', 'UTC day');
    parity.command('verify').description('checks a file');
    expect(renderCliDoc(program)).toContain(
      '## tool parity\n\nCompares a day.\n\n`[--day=<day>]`\n\n- `verify`: checks a file\n',
    );
  });
});
