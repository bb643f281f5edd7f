import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

const WIDTH = 120;
const FOLDERS = ['bench', 'bin', 'cli', 'daemon', 'dashboard/src', 'mt5', 'shared', 'sim', 'test', 'trainer'];
/** Directives cannot be wrapped. */
const DIRECTIVE = /eslint|@ts-/;
/** Keeps the formatter from a statement. In two pieces, since this file is read, too. */
const UNFORMATTED = new RegExp(['(prettier|oxfmt)', 'ignore'].join('-'));

interface Line {
  /** `file:number` */
  readonly place: string;
  readonly text: string;
}

function linesOf(folders: readonly string[]): readonly Line[] {
  const root = packageRoot();
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(tsx?|mjs|mqh|mq5|h|cpp)$/.test(path))
      .map((path) => join(folder, path)),
  );
  expect(files.length).toBeGreaterThan(300);
  return files.flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .map((text, index) => ({ place: `${file}:${index + 1}`, text })),
  );
}

it('comments wrap at 120 columns', () => {
  const isLongComment = ({ text }: Line): boolean =>
    text.length > WIDTH && /^\s*(\/\/|\/?\*)/.test(text) && !DIRECTIVE.test(text);
  const long = linesOf(FOLDERS).filter(isLongComment);
  expect(long.map(({ place }) => place)).toEqual([]);
});

it('no statement is kept from the formatter', () => {
  const kept = linesOf(FOLDERS).filter(({ text }) => UNFORMATTED.test(text));
  expect(kept.map(({ place }) => place)).toEqual([]);
});
