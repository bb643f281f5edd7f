import { spawn } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import { renameFile } from '../../shared/durable_file.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { makeFolder } from '../../shared/folder.ts';
import { pathInside } from '../../shared/path_name.ts';
import { packageRoot } from '../../shared/root.ts';
import type { Installed, PythonEnvironment } from '../../trainer/learning/learners/networks/python_environment.ts';

export interface Installation {
  /** Program to make the environment with. */
  readonly python: string;
  /** Folders of wheels, in place of any package index; none: the index that pip is set up for. */
  readonly wheels: readonly string[];
  readonly onLine: (text: string) => void;
}

/** The oldest version that all packages support. */
const OLDEST: readonly [number, number] = [3, 11];
/** Where PyTorch publishes wheels without parts for GPUs. */
const TORCH_INDEX = 'https://download.pytorch.org/whl/cpu';
const SOURCES = join('learners', 'python');
const LAST_LINES = 15;
const NAME_ANOTHER =
  'Name another one: minutehand learners install --python /usr/bin/python3.11; where there is none, install it first (Debian: apt-get install python3-venv; else python.org).';
const VENV_NEXT =
  'It needs the module venv (Debian: apt-get install python3-venv), or name another Python: minutehand learners install --python /usr/bin/python3.11';

const aboutSchema = z.object({ version: z.tuple([z.int(), z.int(), z.int()]), tag: z.string() });
const ABOUT = `import json, platform, sys
print(json.dumps({"version": sys.version_info[:3], "tag": "cp%d%d-%s-%s" % (*sys.version_info[:2], sys.platform, platform.machine())}))`;

/** Versions of what a folder of packages has, by the names that the requirements use. */
const VERSIONS = `import importlib.metadata, json, sys
import numpy, onnx, pyarrow, sklearn, torch
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))`;
import { NETWORK_SETTINGS, outsideEnvironment } from '../../shared/secrets.ts';
const SHOWN_PACKAGES = ['torch', 'numpy', 'onnx', 'pyarrow', 'scikit-learn', 'lightgbm'];

/**
 * Makes the virtual environment of the networks, in place of a former one. It counts as installed only once all of it
 * has been imported.
 * @throws MinutehandError LEARNER_INSTALL
 */
export async function installNetworks(
  environment: PythonEnvironment,
  { python, wheels, onLine }: Installation,
): Promise<Installed> {
  const about = await aboutPython(python);
  const [major, minor] = about.version;
  const version = about.version.join('.');
  if (major !== OLDEST[0] || minor < OLDEST[1])
    throw new MinutehandError('LEARNER_INSTALL', {
      seen: `${python} is Python ${version}`,
      expected: `Python ${OLDEST.join('.')} or newer`,
      next: NAME_ANOTHER,
    });
  for (const folder of wheels)
    if (!existsSync(folder)) throw new MinutehandError('LEARNER_INSTALL', { seen: `no folder ${folder}` });
  const lock = pathInside(join(packageRoot(), SOURCES), `lock-${about.tag}.txt`);
  const hasLock = existsSync(lock);
  const requirements = hasLock ? lock : join(packageRoot(), SOURCES, 'requirements.txt');
  if (!hasLock)
    onLine(`There is no lock for ${about.tag}: exact versions are installed, their hashes are not compared.`);
  rmSync(environment.installedFile, { force: true });
  makeFolder(dirname(environment.folder));
  await run({
    program: python,
    args: ['-m', 'venv', '--clear', environment.folder],
    failure: { next: VENV_NEXT },
    onLine,
  });
  const from =
    wheels.length > 0
      ? ['--no-index', ...wheels.flatMap((folder) => ['--find-links', folder])]
      : process.platform === 'linux'
        ? ['--extra-index-url', TORCH_INDEX]
        : [];
  const only = ['--only-binary', ':all:', '--no-deps', '--disable-pip-version-check', '--progress-bar', 'off'];
  const hashes = hasLock ? ['--require-hashes'] : [];
  await run({
    program: environment.python,
    args: ['-m', 'pip', 'install', ...only, ...from, ...hashes, '-r', requirements],
    onLine,
  });
  const versions = await run({
    program: environment.python,
    args: ['-E', '-s', '-c', VERSIONS, ...SHOWN_PACKAGES],
    shown: `${environment.python} -c …, which imports what was installed`,
  });
  const packages = z.record(z.string(), z.string()).parse(JSON.parse(versions));
  const installed: Installed = { python: version, packages, hashes: hasLock };
  const draft = `${environment.installedFile}.tmp`;
  writeFileSync(draft, `${JSON.stringify(installed, null, 2)}\n`);
  renameFile(draft, environment.installedFile);
  return installed;
}

/** @throws MinutehandError LEARNER_INSTALL for a program that is no Python */
async function aboutPython(python: string): Promise<z.infer<typeof aboutSchema>> {
  const failure = { expected: `Python ${OLDEST.join('.')} or newer`, next: NAME_ANOTHER };
  const printed = await run({ program: python, args: ['-c', ABOUT], shown: `${python} -c …`, failure });
  const about = aboutSchema.safeParse(jsonOf(printed));
  if (about.success) return about.data;
  throw new MinutehandError('LEARNER_INSTALL', {
    seen: `${python} answers ${JSON.stringify(printed.slice(0, 100))} to the question for its version`,
    ...failure,
  });
}

/** undefined: the text is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Run {
  readonly program: string;
  readonly args: readonly string[];
  /** The command in an error; absent: all of it. */
  readonly shown?: string;
  /** Of an error; absent: what its code says. */
  readonly failure?: { readonly expected?: string; readonly next: string };
  /** Gets each line of standard output. */
  readonly onLine?: (text: string) => void;
}

/** @returns standard output @throws MinutehandError LEARNER_INSTALL with the last lines of what it printed */
function run({ program, args, shown = [program, ...args].join(' '), failure, onLine }: Run): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = outsideEnvironment(process.env, NETWORK_SETTINGS);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true, env });
    const printed: string[] = [];
    let last: string[] = [];
    const keep = (line: string): void => void (last = [...last, line].slice(-LAST_LINES));
    createInterface({ input: child.stdout }).on('line', (line) => {
      printed.push(line);
      keep(line);
      onLine?.(line);
    });
    createInterface({ input: child.stderr }).on('line', keep);
    const fail = (seen: string): void =>
      reject(new MinutehandError('LEARNER_INSTALL', { seen: [`${shown}: ${seen}`, ...last].join('\n'), ...failure }));
    child.on('error', ({ message }) => fail(message));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(printed.join('\n'));
      else fail(`ended with ${signal ?? `code ${code}`}`);
    });
  });
}
