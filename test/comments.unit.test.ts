import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

const WIDTH = 120;
const FOLDERS = ['bench', 'bin', 'cli', 'daemon', 'mt5', 'shared', 'sim', 'test', 'trainer'];
/** Directives cannot be wrapped. */
const DIRECTIVE = /eslint|prettier-ignore|@ts-/;

it('comments wrap at 120 columns', () => {
  const root = packageRoot();
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|mjs|mqh|mq5|h|cpp)$/.test(path))
      .map((path) => join(folder, path)),
  );
  const long = files.flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, i) =>
        line.length > WIDTH && /^\s*(\/\/|\/?\*)/.test(line) && !DIRECTIVE.test(line) ? [`${file}:${i + 1}`] : [],
      ),
  );
  expect(files.length).toBeGreaterThan(300);
  expect(long).toEqual([]);
});
