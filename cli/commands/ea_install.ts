import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { urlOf } from '../../shared/address.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { makeFolder } from '../../shared/folder.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { packageRoot } from '../../shared/root.ts';
import type { Output } from '../output.ts';
import { copyAdvisor } from '../terminal/advisor_files.ts';
import { compileProgram, type Compilation } from '../terminal/meta_editor.ts';
import { refuseOptionsOf } from './ea_options.ts';
import { findTerminals, sharedFolderOf, type Terminal } from '../terminal/terminal.ts';

interface InstallFlags {
  readonly dataFolder?: string;
  readonly compile: boolean;
}

interface Installed {
  readonly data_folder: string;
  readonly programs: readonly string[];
  /** null: not compiled here. */
  readonly compiled: readonly Compilation[] | null;
  readonly shared_folder: string | null;
}

/** `minutehand ea install`, below the command `ea`. */
export function addInstallAdvisor(ea: Command, output: () => Output): void {
  ea.command('install')
    .description(
      'copies the MQL5 expert advisor into the data folder of each MetaTrader 5 terminal of this user, compiles it with the terminal’s MetaEditor, ' +
        'whose log stays beside the source, and checks the folder that terminals and minutehand share. Exit code 1 when a program does not compile.',
    )
    .option(
      '--data-folder <folder>',
      'only this terminal (File → Open Data Folder); a portable one, or one under Wine, must be named',
    )
    .option('--no-compile', 'copy only')
    .addHelpText(
      'after',
      String.raw`
Examples:
  npx minutehand ea install
  npx minutehand ea install --data-folder "D:\MetaTrader 5"`,
    )
    .action((flags: InstallFlags) => {
      refuseOptionsOf(ea, 'install', []);
      return install(flags, output());
    });
}

/** @throws MinutehandError TERMINAL_ABSENT, OUTPUT_UNWRITABLE, CONFIG_INVALID */
async function install({ dataFolder, compile }: InstallFlags, output: Output): Promise<void> {
  const terminals = findTerminals(dataFolder === undefined ? undefined : resolve(dataFolder), process.env);
  const { daemon } = loadSettings().minutehand.transports;
  const installed: Installed[] = [];
  for (const terminal of terminals) installed.push(await installInto(terminal, compile, output));
  output.line(
    `For bars over HTTP: Tools, Options, Expert Advisors, "Allow WebRequest for listed URL": ${urlOf(daemon, 'http')}`,
  );
  output.result({ terminals: installed });
  if (installed.some(({ compiled }) => compiled?.some(({ isCompiled }) => !isCompiled))) process.exitCode = 1;
}

async function installInto(terminal: Terminal, isToCompile: boolean, output: Output): Promise<Installed> {
  const { data, metaEditor } = terminal;
  const mql5 = join(data, 'MQL5');
  output.line(data);
  const programs = copyAdvisor(join(packageRoot(), 'mt5'), mql5);
  for (const program of programs) output.line(`  copied    ${program}`);
  let compiled: Compilation[] | null = null;
  if (isToCompile && metaEditor !== null && process.platform === 'win32') {
    compiled = [];
    for (const program of programs) compiled.push(await compileProgram(metaEditor, program, mql5));
    for (const one of compiled) output.line(compilationLine(one));
  } else output.line('  to do     open each of them in MetaEditor (F4 in the terminal) and press F7');
  const shared = sharedFolderOf(terminal, process.env);
  if (shared !== null) output.line(checkShared(shared));
  return { data_folder: data, programs, compiled, shared_folder: shared };
}

function compilationLine({ program, isCompiled, result, log }: Compilation): string {
  if (isCompiled) return `  compiled  ${program}: ${result}`;
  return `  FAILED    ${program}: ${result === '' ? 'MetaEditor wrote no result' : result}; see ${log}`;
}

/** @throws MinutehandError OUTPUT_UNWRITABLE */
function checkShared(folder: string): string {
  const probe = join(folder, `.install-${process.pid}`);
  try {
    makeFolder(folder);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${folder}: ${(cause as Error).message}`, cause });
  }
  if (process.env['MINUTEHAND_EXCHANGE'] === folder) return `  shared    ${folder}`;
  const set = process.platform === 'win32' ? 'setx MINUTEHAND_EXCHANGE' : 'export MINUTEHAND_EXCHANGE=';
  return `  to do     share ${folder} with the terminal: ${set}${set.endsWith('=') ? '' : ' '}"${folder}", then start minutehand in a new prompt`;
}
