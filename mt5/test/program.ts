import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A compiled program that answers each line with one line. */
export interface LineProgram {
  readonly process: ChildProcess;
  ask(line: string): Promise<string>;
  /** The next line of its output. @throws Error when it ended instead */
  next(): Promise<string>;
  readonly ended: Promise<number | null>;
  /** Closes its input and waits until it exits. @returns exit code */
  end(): Promise<number | null>;
}

/** @param path of the program @param args its arguments */
export function startProgram(path: string, args: readonly string[] = []): LineProgram {
  const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  async function next(): Promise<string> {
    const line = (await lines.next()) as IteratorResult<string, undefined>;
    if (line.done === true) throw new Error(`the program ended (${await ended})`);
    return line.value;
  }
  return {
    process: child,
    ended,
    next,
    ask(line) {
      child.stdin.write(`${line}\n`);
      return next();
    },
    end() {
      child.stdin.end();
      return ended;
    },
  };
}
