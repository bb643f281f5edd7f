import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../shared/root.ts';

/** A program of this folder, bundled from the sources as they are now. */
export interface Program {
  /** Starts it in its own process. @param through see `runProgram` */
  start(args: readonly string[], env?: NodeJS.ProcessEnv, through?: readonly string[]): RunningProgram;
  /** Kills remaining processes and removes the file. */
  remove(): Promise<void>;
}

export interface RunningProgram {
  readonly process: ChildProcess;
  /** Next line of output. @throws Error with its stderr if it ended instead */
  line(): Promise<string>;
  /** Resolves when it has ended, with its exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  stderr(): string;
  kill(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** The daemon of daemon_program.ts, with its threads as in a build. */
export function buildDaemonProgram(): Promise<Program> {
  const daemon = join(packageRoot(), 'daemon');
  return buildProgram('daemon_program', {
    journal_thread_program: join(daemon, 'journal', 'journal_thread_program.ts'),
    file_thread_program: join(daemon, 'publish', 'file_thread_program.ts'),
  });
}

/**
 * @param name of the program in test/, without `.ts`
 * @param threads programs of its threads by name: source paths in the repository
 */
export async function buildProgram(name: string, threads: Readonly<Record<string, string>> = {}): Promise<Program> {
  const root = packageRoot();
  // Inside node_modules, so that the program's packages are found.
  const parent = join(root, 'node_modules', '.cache');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, `${name}-`));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const { bundle } = (await import(pathToFileURL(join(root, 'bin', 'bundle.mjs')).href)) as {
    bundle: (entryPoints: { in: string; out: string }[], outdir: string, options: object) => Promise<void>;
  };
  const sources = { program: join(root, 'test', `${name}.ts`), ...threads };
  const entryPoints = Object.entries(sources).map(([out, path]) => ({ in: path, out }));
  // Not `.js`: models are loaded in the program itself, without the worker of a build.
  await bundle(entryPoints, folder, { outExtension: { '.js': '.mjs' } });
  for (const thread of Object.keys(threads)) writeFileSync(join(folder, `${thread}.js`), `import './${thread}.mjs';\n`);
  const running = new Set<RunningProgram>();
  return {
    start(args, env = {}, through = []) {
      const program = runProgram([join(folder, 'program.mjs'), ...args], env, through);
      running.add(program);
      void program.ended.then(() => running.delete(program));
      return program;
    },
    async remove() {
      for (const program of [...running]) await program.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Starts a JavaScript file, the first of `args`, in its own process.
 * @param through command that becomes the program that follows it, such as `ip netns exec`
 */
export function runProgram(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  through: readonly string[] = [],
): RunningProgram {
  const [command, ...all] = [...through, process.execPath, ...args];
  const child = spawn(command!, all, {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal!)),
  );
  return {
    process: child,
    ended,
    stderr: () => errors,
    async line() {
      const next = (await lines.next()) as IteratorResult<string, undefined>;
      if (next.done === true) throw new Error(`the program ended (${await ended}): ${errors}`);
      return next.value;
    },
    kill(signal) {
      child.kill(signal);
      return ended;
    },
  };
}
