import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { packageRoot } from '../shared/root.ts';

/** A copy of the program in which somebody follows guides of docs/guides/extend/. */
export class GuidedTree {
  readonly folder = mkdtempSync(join(tmpdir(), 'minutehand-guide-'));
  readonly #written = new Set<string>();
  #loaded = 0;

  constructor() {
    for (const name of ['shared', 'trainer', 'cli', 'daemon'])
      cpSync(join(packageRoot(), name), join(this.folder, name), { recursive: true });
    for (const name of ['package.json', 'tsconfig.json']) cpSync(join(packageRoot(), name), join(this.folder, name));
    symlinkSync(join(packageRoot(), 'node_modules'), join(this.folder, 'node_modules'));
  }

  /**
   * Does what a guide says: a code block after "New file `PATH`:" becomes that file; one after "In `PATH`, after
   * `LINE`:" is inserted after that line, and one after "In `PATH`, instead of `LINE`:" replaces it.
   * @returns files that were edited, in order, new ones marked with +
   */
  follow(guide: string): string[] {
    const text = readFileSync(join(packageRoot(), 'docs', 'guides', 'extend', guide), 'utf8');
    const steps =
      /^(?:New file `(?<made>[^`]+)`|In `(?<edited>[^`]+)`,\s(?<how>after|instead of) `(?<line>[^`]+)`):\n\n```\w+\n(?<code>.*?)^```/gms;
    const files: string[] = [];
    for (const { groups } of text.matchAll(steps)) {
      const { made, edited, how, line, code } = groups as Record<string, string>;
      if (made !== undefined) {
        this.write(made, code!);
        files.push(`+${made}`);
      } else {
        this.#edit(edited!, line!, how === 'after' ? `${line!}\n${code!}` : code!);
        if (!files.includes(edited!)) files.push(edited!);
      }
    }
    return files;
  }

  write(file: string, content: string): void {
    const path = join(this.folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    this.#written.add(file);
  }

  #edit(file: string, line: string, edited: string): void {
    const path = join(this.folder, file);
    const source = readFileSync(path, 'utf8');
    const parts = source.split(`${line}\n`);
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} lines that end in "${line}"`);
    writeFileSync(path, parts.join(edited));
    this.#written.add(file);
  }

  /** Type-checks what was written, with all that it imports. @returns the compiler's messages, '' for none */
  async typeCheck(): Promise<string> {
    const config = { extends: './tsconfig.json', files: [...this.#written], include: [] };
    writeFileSync(join(this.folder, 'tsconfig.guide.json'), JSON.stringify(config));
    const compiler = join(packageRoot(), 'node_modules', 'typescript7', 'bin', 'tsc');
    const args = [compiler, '--noEmit', '-p', 'tsconfig.guide.json'];
    try {
      await promisify(execFile)(process.execPath, args, { cwd: this.folder });
      return '';
    } catch (error) {
      return String((error as { stdout?: string }).stdout);
    }
  }

  /** Builds the whole program of the copy, as `npm run build` does. @returns path of its command line */
  async buildProgram(): Promise<string> {
    for (const name of ['bench', 'sim', 'bin', 'config', 'package-lock.json'])
      cpSync(join(packageRoot(), name), join(this.folder, name), { recursive: true });
    const build = "await (await import('./bin/dist.mjs')).ensureBuilt();";
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', build], { cwd: this.folder });
    return join(this.folder, 'dist', 'cli', 'minutehand.js');
  }

  /** @param exports lines that export what the test calls, by paths from the root of the copy */
  async load(exports: readonly string[]): Promise<Record<string, never>> {
    writeFileSync(join(this.folder, 'entry.ts'), exports.join('\n'));
    this.#loaded += 1;
    // A module is imported once, whatever its file has become.
    const outfile = join(this.folder, `entry_${this.#loaded}.mjs`);
    await build({
      entryPoints: [join(this.folder, 'entry.ts')],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'error',
    });
    return (await import(pathToFileURL(outfile).href)) as Record<string, never>;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
