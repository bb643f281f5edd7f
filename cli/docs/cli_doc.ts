import type { Argument, Command, Option } from 'commander';

const EVERYWHERE = ['--json', '--help', '--version'];

/** docs/reference/CLI.md: every command, its arguments and options, from commander's own tree. */
export function renderCliDoc(program: Command): string {
  return `# Command line

Generated from the command tree by \`npm run docs\`. Do not edit.

Every command takes \`--json\` (one JSON document on standard output) and \`--help\`, which explains each option. \`--seed=1\`
and \`*\` are defaults. Exit codes: 0 done, 1 failed or nothing done, 2 misused, 3 partly done, 130 interrupted. Days are UTC.

${commandsBelow(program)
  .map((command) => section(command))
  .join('\n\n')}
`;
}

/** A command of the first level, or a list of those below it. */
function section(command: Command): string {
  const below = commandsBelow(command);
  const heading = `## ${nameOf(command)}`;
  const list = below.map((sub) => `- ${entry(sub)}`).join('\n');
  const own = usage(command);
  // A command with subcommands has a section of its own only when it can be run without one.
  const does = below.length === 0 || own !== '' ? sentence(command.summary() || command.description()) : '';
  return [heading, does, own, list].filter((text) => text !== '').join('\n\n');
}

function entry(command: Command): string {
  const typed = `\`${[command.name(), ...command.registeredArguments.map(argumentText)].join(' ')}\``;
  const options = optionsOf(command).map(optionText);
  return `${[typed, ...options].join(' ')}: ${prose(firstSentence(command.summary() || command.description()))}`;
}

/** Arguments and options, with what each may be and is by default. */
function usage(command: Command): string {
  const parameters = command.registeredArguments.map((argument) => `\`${argumentText(argument)}\``);
  return [...parameters, ...optionsOf(command).map(optionText)].join(' ');
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

function commandsBelow(command: Command): Command[] {
  const visible = command.createHelp().visibleCommands(command);
  return visible.filter((sub) => sub.name() !== 'help');
}

function optionsOf(command: Command): Option[] {
  const visible = command.createHelp().visibleOptions(command);
  return visible.filter(({ long }) => !EVERYWHERE.includes(long ?? ''));
}

function optionText(option: Option): string {
    const { argChoices, defaultValue, defaultValueDescription, flags, long, variadic } = option;
  const chosen = argChoices?.map((choice) => (choice === defaultValue ? `${choice}*` : choice)).join('|');
  const value = chosen ?? defaultValueDescription ?? defaultValue;
  // Only a variadic option cannot be given as --name=value.
  const placeholder = variadic ? flags : flags.replace(/ (?=<)/, '=').replace(' [', '[=');
  const text = value === undefined ? placeholder : `${long}=${String(value)}`;
  return `\`${option.mandatory ? text : `[${text}]`}\``;
}

function argumentText(argument: Argument): string {
  const text = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${text}>` : `[${text}]`;
}

/** A description as a sentence: commander's own begin small and end without a full stop. */
function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return prose(/[.!?]$/.test(begun) ? begun : `${begun}.`);
}

function firstSentence(text: string): string {
  return /^.*?[.;](?= )/s.exec(text)?.[0].slice(0, -1) ?? text.replace(/\.$/, '');
}

/** Text of a terminal for Markdown: placeholders, paths and names with an underscore as code. */
function prose(text: string): string {
  return text.replace(/<[a-z]+>[\w/.]*|\b\w+(?:[./]\w+)*\b/g, (name) =>
    name.startsWith('<') || name.includes('_') ? `\`${name}\`` : name,
  );
}
