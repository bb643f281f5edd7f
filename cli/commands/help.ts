import type { Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import type { Output } from '../output.ts';
import { entriesNamed } from '../docs/page_entries.ts';
import { REFERENCE_PAGES, REFERENCE_PAGE_NAMES, type ReferencePage } from '../docs/pages.ts';

/** Replaces commander's own: it also explains a code, a gate, a metric or a key, without a network. */
export function addHelp(program: Command, output: () => Output): void {
  program
    .helpCommand(false)
    .command('help [words...]')
    .description(
      'The help of a command (help bars import), or a page of the reference, or of one of its rows what it means: ' +
        `help errors MODEL_GATES. Pages: ${REFERENCE_PAGE_NAMES.map((name) => name.toLowerCase()).join(', ')}. ` +
        'Where a page has the name of a command, write it in capitals: help FEATURES.',
    )
    .action(async (words: readonly string[]) => {
      const [topic, ...entry] = words;
      if (topic === undefined) return program.outputHelp();
      const command = commandAt(program, words);
      if (command !== null) return command.outputHelp();
      const page = REFERENCE_PAGE_NAMES.find((name) => name === topic.toUpperCase());
      if (page === undefined) throw unknownTopic(topic);
      await explain(page, entry.join(' '), output());
    });
}

/** `bars import` of `help bars import`. */
function commandAt(program: Command, words: readonly string[]): Command | null {
  let command = program;
  for (const word of words) {
    const below = command.commands.find((own) => own.name() === word);
    if (below === undefined) return null;
    command = below;
  }
  return command;
}

async function explain(page: ReferencePage, entry: string, { line, result }: Output): Promise<void> {
  // The page of commands describes all of them, and this process has loaded one.
  const { createProgram } = await import('../main.ts');
  const text = REFERENCE_PAGES[page](await createProgram());
  if (entry === '') {
    line(text.trimEnd());
    return result({ page, text });
  }
  const exact = entriesNamed(text, entry);
  // The verdict `ai1.samples` is of the gate `samples`.
  const found = exact.length > 0 ? exact : entriesNamed(text, entry.replace(/^\w+\./, ''));
  if (found.length === 0)
    throw new MinutehandError('USAGE', {
      seen: `no ${entry} in the page ${page}`,
      next: `See all of it: minutehand help ${page}.`,
    });
  for (const cells of found) line(cells.map(({ name, value }) => `${name}: ${value}`).join('\n'));
  result(found.map((cells) => Object.fromEntries(cells.map(({ name, value }) => [name, value]))));
}

function unknownTopic(topic: string): MinutehandError {
  return new MinutehandError('USAGE', {
    seen: `neither a command nor a page: ${topic}`,
    next: `Pages: ${REFERENCE_PAGE_NAMES.map((name) => name.toLowerCase()).join(', ')}. Commands: minutehand --help.`,
  });
}
