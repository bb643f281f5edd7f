import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../shared/errors.ts';
import { packageRoot } from '../shared/root.ts';
import { programSources } from '../test/program_sources.ts';
import { createProgram, endRefused, endRun, wantedCommands } from './main.ts';

const loadedFor = (args: string): readonly string[] => wantedCommands(args.split(' ')).loaded;

describe('the list of commands', () => {
  it('is the same whether they are loaded or not', async () => {
    const { names, loaded } = wantedCommands(['--help']);
    expect(loaded).toEqual([]);
    const listed = await createProgram({ names, loaded });
    expect(listed.helpInformation()).toBe((await createProgram()).helpInformation());
  });

  it('loads the command that is run or described, and none for help, the version or a misspelled one', () => {
    expect(loadedFor('--json config check')).toEqual(['config']);
    expect(wantedCommands(['bars', 'check', 'models'])).toEqual({ names: ['bars'], loaded: ['bars'] });
    expect(loadedFor('help config')).toEqual(['config', 'help']);
    expect(loadedFor('-- config check')).toEqual(['check', 'config']);
    for (const args of ['', '--help', '--version', 'confg', '--jsn', 'toString']) expect(loadedFor(args)).toEqual([]);
  });
});

it('a command that took effect says so where its record cannot be kept, and is not done as a whole', async () => {
  const notes: string[] = [];
  const full = new MinutehandError('DISK_FULL', { seen: 'audit_kept.jsonl' });
  const audit = { end: () => Promise.reject(full) };
  expect(await endRun(audit, 0, (text) => notes.push(text))).toBe(3);
  expect(notes).toEqual([
    'What is said above is in force, but the audit log has no record of it. DISK_FULL: The disk is full. Seen: audit_kept.jsonl.',
  ]);
  expect(await endRun(audit, 1, () => undefined)).toBe(1);
  expect(await endRun({ end: () => Promise.resolve() }, 0, () => undefined)).toBe(0);
});

it('a refusal stays the answer where its record cannot be kept', async () => {
  const notes: string[] = [];
  const full = new MinutehandError('DISK_FULL', { seen: 'audit_kept.jsonl' });
  const ended: string[] = [];
  const audit = {
    end: (outcome: string) => {
      ended.push(outcome);
      return Promise.reject(full);
    },
  };
  await endRefused(audit, 'DISK_FULL', (text) => notes.push(text));
  expect(ended).toEqual(['refused DISK_FULL']);
  expect(notes).toEqual([
    'The audit log has no record of this command. DISK_FULL: The disk is full. Seen: audit_kept.jsonl.',
  ]);
});

describe('every command that a message advises', () => {
  /** Words of a template are values, and of a place in angle brackets too. */
  const advised = programSources(['shared', 'daemon', 'trainer', 'cli', 'dashboard/src/text']).flatMap((path) =>
    [...readFileSync(join(packageRoot(), path), 'utf8').matchAll(/\\?`minutehand (?!is up)([a-z][^`\n]*?)\\?`/g)].map(
      ([, text]) => ({
        path,
        text: text!.replaceAll(/\$\{[^}]*\}/g, 'value'),
      }),
    ),
  );

  it('exists, with its options', async () => {
    const program = await createProgram();
    const wrong = advised.flatMap(({ path, text }) => {
      const [first, ...others] = text.split(/[\s,;|]+/);
      const top = program.commands.find((own) => own.name() === first);
      if (top === undefined) return [`${path}: ${text}`];
      const known = [...program.options, ...top.options];
      let command = top;
      for (const word of others) {
        const below = command.commands.find((own) => own.name() === word);
        if (below === undefined) break;
        command = below;
        known.push(...below.options);
      }
      const takesCommand = command === top && top.commands.length > 0 && top.registeredArguments.length === 0;
      if (takesCommand && others[0] !== 'value' && /^[a-z-]+$/.test(others[0] ?? '')) return [`${path}: ${text}`];
      const options = others.filter((word) => word.startsWith('--')).map((word) => word.replace(/[=.)\]].*$/, ''));
      return options
        .filter((option) => option !== '--help' && !known.some(({ long }) => long === option))
        .map((option) => `${path}: ${text}: ${option}`);
    });
    expect(advised.length).toBeGreaterThan(200);
    expect(wrong).toEqual([]);
  });
});
