import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'vite';
import { packageRoot } from '../shared/root.ts';

/**
 * A program of this folder as one JavaScript file, made from the sources as they are now: Node 20 does not run
 * TypeScript.
 */
export interface Program {
  /** Starts it in a process of its own. @param through see `runProgram` */
  start(args: readonly string[], env?: NodeJS.ProcessEnv, through?: readonly string[]): RunningProgram;
  /** Kills what still runs and removes the file. */
  remove(): Promise<void>;
}

export interface RunningProgram {
  readonly process: ChildProcess;
  /** The next line of its output. @throws Error with its error output when it ended instead */
  line(): Promise<string>;
  /** Resolves when it has ended, with its exit code or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  kill(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** The daemon of daemon_program.ts, whose journal is written by its thread as in a build. */
export function buildDaemonProgram(): Promise<Program> {
  const thread = join(packageRoot(), 'daemon', 'journal', 'journal_thread_program.ts');
  return buildProgram('daemon_program', { journal_thread_program: thread });
}

/**
 * @param name of the program in test/, without `.ts`
 * @param threads programs of its threads, by name: paths of sources in the repository
 */
export async function buildProgram(name: string, threads: Readonly<Record<string, string>> = {}): Promise<Program> {
  const root = packageRoot();
  // Inside node_modules, so that the packages the program imports are found from there.
  const parent = join(root, 'node_modules', '.cache');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, `${name}-`));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: false,
      target: 'node20',
      minify: false,
      rollupOptions: {
        input: { program: join(root, 'test', `${name}.ts`), ...threads },
        output: {
          entryFileNames: ({ name: entry }) => (entry === 'program' ? 'program.mjs' : `${entry}.js`),
          chunkFileNames: '[name]-[hash].mjs',
        },
      },
    },
  });
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
 * Starts a JavaScript file, given first of `args`, in a process of its own.
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
