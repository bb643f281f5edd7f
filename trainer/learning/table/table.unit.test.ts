import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MinutehandError } from '../../../shared/errors.ts';
import { createRng } from '../../../shared/rng.ts';
import { readTable, type Table, type TableRequest } from './table.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-table-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PLAIN: TableRequest = { label: 'y', labelIsOptional: false, weight: null, features: null };

async function read(content: string | Buffer, request: Partial<TableRequest> = {}, name = 't.csv'): Promise<Table> {
  const path = join(folder, name);
  writeFileSync(path, content);
  return readTable(path, { ...PLAIN, ...request });
}

async function refused(content: string | Buffer, request: Partial<TableRequest> = {}, name?: string) {
  const error: unknown = await read(content, request, name).then(
    () => 'no error',
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof MinutehandError)) throw new Error(`not refused: ${String(error)}`);
  return { code: error.code, seen: error.seen!.replaceAll(`${folder}/`, ''), expected: error.expected };
}

describe('readTable', () => {
  it('reads features in the order of the file, labels and weights', async () => {
    const table = await read('a,y,w,b\n1,0,2,3.5\n,1,0.5,-inf\n', { weight: 'w' });
    expect(table).toMatchObject({ features: ['a', 'b'], labels: [0, 1], ignored: [] });
    expect(table.x).toEqual({ rows: 2, columns: 2, values: Float32Array.of(1, 3.5, NaN, -Infinity) });
    expect(table.weights).toEqual(Float64Array.of(2, 0.5));
  });

  it('codes columns of texts in the order of the texts, behind the numbers; unknown texts are missing', async () => {
    const texts = new Map([['kind', null]]);
    const table = await read('kind,a,y\nb,1,0\n"A, b",,1\n,2,0\nb,3,1\n1,4,0\n', { categories: texts });
    expect(table.features).toEqual(['a', 'kind']);
    expect([...table.categories]).toEqual([['kind', ['1', 'A, b', 'b']]]);
    expect(table.x.values).toEqual(Float32Array.of(1, 2, NaN, 1, 2, NaN, 3, 2, 4, 0));
    const { features, categories } = table;
    const other = await read('a,y,kind\n5,1,c\n6,0,b\n7,0,\n', { features, categories });
    expect(other.x.values).toEqual(Float32Array.of(5, NaN, 6, 2, 7, NaN));
    expect([other.unknownTexts, other.categories]).toEqual([1, categories]);
    const many = Array.from({ length: 1001 }, (_, i) => `t${i},0`);
    expect(await refused(`kind,y\n${many.join('\n')}\n`, { categories: texts })).toMatchObject({
      expected: 'at most 1000 different texts',
    });
    expect(await refused('a,y\n1,0\n', { categories: texts })).toMatchObject({ code: 'DATA_MISSING' });
  });

  it('accepts quotes, carriage returns, a byte order mark, blanks, a last line without a line end and blank lines after it', async () => {
    for (const text of [
      '\ufeff"a","b, c",y\r\n"1", 2 ,"x"\r\n"",NA,"y ""z"""\r\n\r\n\r\n',
      'a,"b, c",y\n1,2,x\n,,"y ""z"""',
    ]) {
      const table = await read(text);
      expect(table.features).toEqual(['a', 'b, c']);
      expect(table.x.values).toEqual(Float32Array.of(1, 2, NaN, NaN));
      expect(table.labels).toEqual(['x', 'y "z"']);
    }
  });

  it('reads .gz as it reads plain files, and reports its progress', async () => {
    const text = 'a,y\n1,2\n3,4\n';
    const seen: number[] = [];
    const onProgress = (done: number, total: number): void => void seen.push(done / total);
    const table = await read(gzipSync(text), { onProgress }, 't.csv.gz');
    expect(table).toEqual({ ...(await read(text)), path: table.path });
    expect(seen.at(-1)).toBe(1);
  });

  it('finds columns by name, in the requested order, and lists unused ones', async () => {
    const text = 'name,b,y,a\n"Smith, J",2,0,1\n"",4,1,3\n';
    const table = await read(text, { features: ['a', 'b'] });
    expect(table.x.values).toEqual(Float32Array.of(1, 2, 3, 4));
    expect(table.ignored).toEqual(['name']);
    expect(await refused(text, { features: ['c', 'a', 'd'] })).toMatchObject({
      code: 'DATA_MISSING',
      seen: 't.csv has no column "c", "d"',
    });
    expect(await refused(text, { label: 'target' })).toMatchObject({ code: 'DATA_MISSING' });
    const unlabeled = await read('a\n1\n', { features: ['a'], labelIsOptional: true });
    expect(unlabeled.labels).toBeNull();
  });

  it('gives numbers for labels that are numbers, in any notation', async () => {
    const { labels } = await read('a,y\n1,1\n1,1.0\n1,"1e0"\n1,-0\n1,true\n');
    expect(labels).toEqual([1, 1, 1, 0, 'true']);
    expect(Object.is(labels![3], 0)).toBe(true);
  });

  it.each<[string, string, string, Partial<TableRequest>?]>([
    ['a text in a feature column', 'a,y\n1,0\ntwo,1\n', 't.csv line 3, column "a": "two"'],
    ['a text among quoted ones', 'a,b,y\n1,"2 x",0\n', 't.csv line 2, column "b": "2 x"'],
    ['a label that is missing', 'a,y\n1,0\n2,\n', 't.csv line 3, column "y": an empty cell'],
    ['a label NaN', 'a,y\n1,NaN\n', 't.csv line 2, column "y": "NaN"'],
    ['too few cells', 'a,b,y\n1,2,0\n1,0\n', 't.csv line 3: 2 cells'],
    ['too many cells', 'a,y\n1,0,5,"6,7"\n', 't.csv line 2: 4 cells'],
    ['one comma too many', 'a,y\n1,0,\n', 't.csv line 2: 3 cells'],
    ['a blank line between rows', 'a,y\n1,0\n\n\n2,1\n', 't.csv line 3: a blank line'],
    ['a weight below 0', 'a,y,w\n1,0,-1\n', 't.csv line 2, column "w": "-1"', { weight: 'w' }],
    ['a weight that is missing', 'a,y,w\n1,0,\n', 't.csv line 2, column "w": an empty cell', { weight: 'w' }],
    ['two columns of a name', 'a,a,y\n1,2,0\n', 't.csv line 1: two columns named "a"'],
    ['a column without a name', ',a,y\n0,2,0\n', 't.csv line 1: column 1 without a name'],
    ['semicolons', 'a;b;y\n1;2;0\n', 't.csv line 1: the header "a;b;y"'],
    ['nothing to learn from', 'y\n1\n', 't.csv line 1: no feature column'],
    ['quotes that do not close', 'a,y\n"1,0\n', 't.csv line 2, column "a": ""1"'],
    ['quotes that do not close in a label', 'a,y\n1,"0\n', 't.csv line 2, column "y": ""0"'],
  ])('refuses %s with file, line and column', async (_what, text, seen, request) => {
    expect(await refused(text, request)).toMatchObject({ code: 'TABLE_FORMAT', seen });
    const unix = await refused(text.replaceAll('\n', '\r\n'), request);
    expect(unix).toMatchObject({ code: 'TABLE_FORMAT', seen });
  });

  it('refuses files that are absent, empty, without rows, or invalid gzip', async () => {
    const absent: unknown = await readTable(join(folder, 'nowhere.csv'), PLAIN).catch((error: unknown) => error);
    expect(absent).toMatchObject({ code: 'DATA_MISSING' });
    expect(await readTable(folder, PLAIN).catch((error: unknown) => error)).toMatchObject({ code: 'DATA_MISSING' });
    expect(await refused('')).toMatchObject({ code: 'DATA_TOO_SHORT' });
    expect(await refused('a,y\n')).toMatchObject({ code: 'DATA_TOO_SHORT' });
    const whole = gzipSync('a,y\n'.padEnd(10_000, '1,0\n'));
    expect(await refused(whole.subarray(0, whole.length - 9), {}, 'cut.csv.gz')).toMatchObject({
      code: 'TABLE_FORMAT',
    });
    expect(await refused('a,y\n1,2\n', {}, 'plain.csv.gz')).toMatchObject({ code: 'TABLE_FORMAT' });
  });

  it('reads a file of many pieces and blocks exactly', async () => {
    const rng = createRng('large');
    const rows = 60_000;
    const columns = 20;
    const cells = Array.from({ length: rows * columns }, () => rng.normal());
    const lines = [[...Array.from({ length: columns }, (_, i) => `x${i}`), 'y'].join()];
    for (let row = 0; row < rows; row++)
      lines.push(`${cells.slice(row * columns, (row + 1) * columns).join()},${row % 7}`);
    const table = await read(`${lines.join('\n')}\n`);
    expect(table.x.rows).toBe(rows);
    expect(Buffer.from(table.x.values.buffer).equals(Buffer.from(Float32Array.from(cells).buffer))).toBe(true);
    expect(table.labels).toEqual(Array.from({ length: rows }, (_, row) => row % 7));
  });

  it('names the line of a cell far into the file', async () => {
    const text = `a,y\n${'0.123456789,1\n'.repeat(200_000)}x,1\n`;
    expect(await refused(text)).toMatchObject({ seen: 't.csv line 200002, column "a": "x"' });
  });
});
