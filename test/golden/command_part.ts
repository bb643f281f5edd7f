import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Argument, Command, Option } from 'commander';
import { createProgram } from '../../cli/main.ts';
import { packageRoot } from '../../shared/root.ts';
import { openApiDocument } from '../../trainer/control/api/openapi.ts';
import { createWorkplace, type Finished, type Workplace } from '../cli_process.ts';
import { tinySettings } from '../tiny_settings.ts';
import type { GoldenPart } from './part.ts';
import { asValue, type Value } from './values.ts';

const SERVES = 'serves until it is stopped';
const MEASURES = 'measures this machine for minutes';
const MACHINE = 'says what this machine has';
/** Commands that have no answer of their own in an empty home, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  up: SERVES,
  daemon: SERVES,
  trainer: SERVES,
  collect: SERVES,
  worker: SERVES,
  ea: SERVES,
  bench: MEASURES,
  sim: MEASURES,
  'sim rollout': MEASURES,
  doctor: MACHINE,
  'learners list': MACHINE,
  'learners install': 'installs packages of Python',
  'service install': 'changes the services of this machine',
  'service uninstall': 'changes the services of this machine',
  'service status': MACHINE,
  stop: 'ends processes of Windows',
  docs: 'writes the reference pages of this checkout',
};

/** A value for each argument that is required, by its name. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  alert: '1',
  backtest: '1',
  file: 'missing.yaml',
  files: 'missing.json',
  id: '1',
  instrument: 'BTCUSDT',
  job: '1',
  'key=value': 'core.theta1_initial=0.71',
  number: '1',
  pair: 'XAUUSD_XAGUSD',
  pattern: 'models',
  place: 'missing',
  source: 'missing',
  space: 'missing.yaml',
  subject: 'XAUUSD_XAGUSD',
  symbol: 'XAUUSD',
  task: '1',
  text: 'a note',
  unit: 'minutehand-trainer',
  version: '20240105_1200',
  'version or path': '20240105_1200',
  worker: '1',
};

/** A value for each option that is required. */
const OPTIONS: Readonly<Record<string, string>> = {
  '--at': '2024-01-02T12:00:00Z',
  '--data': 'missing',
  '--into': 'series',
  '--label': 'y',
  '--learned-until': '2024-01-01',
  '--name': 'funding_rate',
  '--out': 'out.csv',
  '--reason': 'a reason',
  '--role': 'ai1',
  '--symbol': 'XAUUSD',
  '--train': 'missing.csv',
};

/** Without these, the commands only say that they miss them. */
const FURTHER: Readonly<Record<string, readonly string[]>> = {
  features: ['--pairs', 'XAUUSD_XAGUSD'],
  replay: ['--data', 'missing'],
  'signals restore': ['--day', '2024-01-02'],
  upgrade: ['--check'],
};

interface Listed {
  readonly path: readonly string[];
  readonly command: Command;
}

/** Every command, those that only hold others included. */
function commandsBelow(parent: Command, path: readonly string[] = []): Listed[] {
  return parent.commands.flatMap((command) => {
    const own = [...path, command.name()];
    return [{ path: own, command }, ...commandsBelow(command, own)];
  });
}

function argumentValue(argument: Argument): string {
  const value = argument.argChoices?.[0] ?? ARGUMENTS[argument.name()];
  if (value === undefined) throw new Error(`the golden record has no value for the argument <${argument.name()}>`);
  return value;
}

function optionValue({ long }: Option): string {
  const value = OPTIONS[long!];
  if (value === undefined) throw new Error(`the golden record has no value for the option ${long}`);
  return value;
}

function argumentsOf({ path, command }: Listed): string[] {
  const required = command.registeredArguments.filter((argument) => argument.required).map(argumentValue);
  const mandatory = command.options
    .filter((option) => option.mandatory)
    .flatMap((one) => [one.long!, optionValue(one)]);
  return [...path, ...required, ...mandatory, ...(FURTHER[path.join(' ')] ?? [])];
}

type Replaced = readonly (readonly [pattern: RegExp | string, name: string])[];

const anywhere = (text: string): string => text.replaceAll(/[^\w]/g, String.raw`\$&`);

/** What the help of a command has from its machine; the line may break before it. */
const OF_MACHINE: Replaced = [
  [
    new RegExp(String.raw`\s+\(default:\s+"(?:${anywhere(hostname())}|${anywhere(userInfo().username)})"\)`, 'g'),
    ' <own>',
  ],
  [/(?<=tasks at the same time \(default: ")\d+/g, '<cores>'],
];

/** What differs from one run in an empty home to the next. */
const OF_RUN: Replaced = [
  [packageRoot(), '<program>'],
  [/\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?Z)?/g, '<date>'],
  [/\bmh_[0-9a-f]{12}_[\w-]{43}/g, '<token>'],
  [/(?<=Token )[0-9a-f]{12}\b/g, '<id>'],
  [/(?<=code=)[\w-]{43}/g, '<code>'],
  [/commit [0-9a-f]{12} on minutehand\/change-1-[0-9a-f]{8}/g, '<commit>'],
  [`Node ${process.versions.node}`, 'Node <version>'],
  [`LOCAL:${hostname()}:`, 'LOCAL:<host>:'],
  [new RegExp(String.raw`(?<= (?:by|of) )${anywhere(userInfo().username)}\b`, 'g'), '<user>'],
];

function answerOf({ code, stdout, stderr }: Finished, replaced: Replaced): Value {
  const linesOf = (text: string): string[] => {
    let own = text;
    for (const [pattern, name] of replaced) own = own.replaceAll(pattern, name);
    return own.split('\n');
  };
  return { exit: code, stdout: linesOf(stdout), stderr: linesOf(stderr) };
}

async function emptyHomes(place: Workplace, commands: readonly Listed[]): Promise<Map<string, Value>> {
  const homeOf = ({ path }: Listed): string => join(place.folder, 'homes', path.join('_'));
  const finished = await place.runEach(
    commands.map(argumentsOf),
    commands.map((own) => ({ MINUTEHAND_HOME: homeOf(own) })),
  );
  return new Map(
    commands.map((own, index) => {
      const folders: Replaced = [
        [homeOf(own), '<home>'],
        [place.folder, '<folder>'],
      ];
      return [own.path.join(' '), answerOf(finished[index]!, [...folders, ...OF_RUN])];
    }),
  );
}

async function measureCommands(): Promise<Value> {
  const commands = commandsBelow(await createProgram());
  const names = commands.map(({ path }) => path.join(' '));
  const gone = [...Object.keys(NOT_RUN), ...Object.keys(FURTHER)].filter((name) => !names.includes(name));
  if (gone.length > 0) throw new Error(`the golden record names commands that there are not: ${gone.join(', ')}`);
  const place = createWorkplace();
  try {
    const run = commands.filter(({ path }) => NOT_RUN[path.join(' ')] === undefined);
    const misused = await place.runEach(
      commands.flatMap((own) => [
        [...own.path, '--help'],
        [...argumentsOf(own), '--no-such-option'],
      ]),
    );
    const answers = await emptyHomes(place, run);
    return Object.fromEntries(
      commands.map(({ path }, index) => {
        const name = path.join(' ');
        return [
          name,
          {
            help: answerOf(misused[2 * index]!, OF_MACHINE),
            bad_option: answerOf(misused[2 * index + 1]!, []),
            empty_home: answers.get(name) ?? `not run: ${NOT_RUN[name]}`,
          },
        ];
      }),
    );
  } finally {
    await place.remove();
  }
}

async function measureOpenApi(): Promise<Value> {
  const document = (await openApiDocument(tinySettings())) as {
    readonly paths: Readonly<Record<string, object>>;
    readonly components: { readonly schemas: Readonly<Record<string, object>> };
  };
  const { paths, components, ...others } = document;
  const operations = Object.entries(paths).flatMap(([path, own]) =>
    Object.entries(own).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
  );
  const { schemas, ...otherComponents } = components;
  const named = Object.entries(schemas).map(([name, schema]) => [`schema ${name}`, schema] as const);
  const all = [...operations, ...named, ['document', { ...others, components: otherComponents }] as const];
  return asValue(Object.fromEntries(all));
}

export const COMMAND_PARTS: readonly GoldenPart[] = [
  {
    name: 'commands',
    what: 'of every command: its help, its answer to an unknown option, and in an empty home',
    skipped: process.platform === 'linux' ? null : 'the texts of commands are those of Linux',
    measure: measureCommands,
  },
  {
    name: 'openapi',
    what: 'every operation and schema of the served OpenAPI document',
    measure: measureOpenApi,
  },
];
