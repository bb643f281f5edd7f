import { existsSync } from 'node:fs';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  IdentifierNode,
  Kysely,
  type KyselyPlugin,
  OperationNodeTransformer,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type QueryResult,
  type RootOperationNode,
  SchemableIdentifierNode,
  SelectQueryNode,
  sql,
  SqliteDialect,
  SqliteDriver,
  type UnknownRow,
} from 'kysely';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makePrivateFolder } from '../../shared/private_files.ts';
import type { BulkRows, Cell, Engine } from './engine.ts';
import { flatName } from './schema/table.ts';
import type { Tables } from './schema/schema.ts';
import { noteDamage } from '../../shared/store/damaged_files.ts';
import { boundWal, Database, SqliteError, type Statement } from '../../shared/store/sqlite.ts';

class FlatNames extends OperationNodeTransformer {
  protected override transformSchemableIdentifier(node: SchemableIdentifierNode): SchemableIdentifierNode {
    if (node.schema === undefined) return node;
    const { name } = node.identifier;
    return { ...SchemableIdentifierNode.create(flatName(`${node.schema.name}.${name}`)) };
  }

  protected override transformIdentifier(node: IdentifierNode): IdentifierNode {
    return node;
  }
}

/** Runs the queries of this store, which use `schema.table` everywhere, on SQLite. */
const FLAT_SCHEMA: KyselyPlugin = {
  transformQuery({ node }: PluginTransformQueryArgs): RootOperationNode {
    return new FlatNames().transformNode(node);
  },
  transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    return Promise.resolve(result);
  },
};

/** Another process may be importing: its transactions take well under a second each. */
const BUSY_MS = 30_000;
const RETRY_MS = 20;

/** Files that this process has opened. */
const opened = new Set<string>();

/**
 * The store in a file, in WAL mode: readers and one writer at a time, in any number of processes. A file that this
 * process has opened before, and that is gone, is not made again: it would be an empty store, in a home that could then
 * not be moved back.
 * @throws errors of SQLite; Error when the file is gone
 */
export async function openSqlite(path: string): Promise<Engine> {
  if (path !== ':memory:') {
    if (opened.has(path) && !existsSync(path)) throw new Error('the file was deleted or moved since it was opened');
    makePrivateFolder(dirname(path));
    opened.add(path);
  }
  const file = new Database(path, { timeout: BUSY_MS });
  try {
    await whenFree(file, () => file.pragma('journal_mode = WAL'));
    boundWal(file);
    // A kill loses nothing that was committed; a power cut may lose the last moments.
    file.pragma('synchronous = NORMAL');
  } catch (error) {
    file.close();
    throw error;
  }
  const db = new Kysely<Tables>({ dialect: new WaitingDialect(file), plugins: [FLAT_SCHEMA] });
  const statements = new Map<string, Statement>();
  const statementFor = (text: string): Statement => {
    const known = statements.get(text) ?? file.prepare(text);
    statements.set(text, known);
    return known;
  };
  const transaction = <Result>(work: (db: Kysely<Tables>) => Promise<Result>): Promise<Result> =>
    db.connection().execute(async (connection) => {
      // Immediate: a transaction that begins as a reader cannot wait for its turn to write.
      await whenFree(file, () => file.exec('BEGIN IMMEDIATE'));
      try {
        const result = await work(connection);
        await sql`COMMIT`.execute(connection);
        return result;
      } catch (error) {
        // SQLite has already ended it when the disk is full.
        if (file.inTransaction) await sql`ROLLBACK`.execute(connection);
        throw error;
      }
    });
  return {
    kind: 'sqlite',
    place: path,
    db,
    transaction,
    alone: transaction,
    insert: (rows) => db.connection().execute(() => whenFree(file, () => insertRows(file, statementFor, rows))),
    rows: (query) =>
      db.connection().execute(() =>
        noting(file, async () => {
          const statement = statementFor(query.sql).raw();
          return statement.all(...query.parameters) as (readonly Cell[])[];
        }),
      ),
    close: () => db.destroy(),
  };
}

/** Rows of one statement: each call into SQLite costs about as much as two rows. */
const GROUP_ROWS = 32;

function insertRows(
  file: Database,
  statementFor: (text: string) => Statement,
  { table, constants, columns, length }: BulkRows,
): number {
  const names = [...Object.keys(constants), ...Object.keys(columns)];
  const oneRow = `(${names.map(() => '?').join(', ')})`;
  const insertOf = (rows: number): Statement =>
    statementFor(
      `INSERT INTO ${flatName(table)} (${names.join(', ')}) VALUES ${Array(rows).fill(oneRow).join(', ')} ON CONFLICT DO NOTHING`,
    );
  const fixed = Object.values(constants);
  const values = Object.values(columns);
  const cellsOf = (first: number, end: number): (string | Cell)[] => {
    const cells: (string | Cell)[] = [];
    for (let i = first; i < end; i++) {
      for (const text of fixed) cells.push(text);
      for (const column of values) cells.push(Number.isNaN(column[i]) ? null : column[i]!);
    }
    return cells;
  };
  return file
    .transaction(() => {
      let added = 0;
      let i = 0;
      const group = insertOf(GROUP_ROWS);
      for (; i + GROUP_ROWS <= length; i += GROUP_ROWS) added += group.run(cellsOf(i, i + GROUP_ROWS)).changes;
      if (i < length) added += insertOf(length - i).run(cellsOf(i, length)).changes;
      return added;
    })
    .immediate();
}

/**
 * A write outside a transaction waits for its turn like a transaction does. SQLite's own wait would block this process,
 * and a transaction of another connection of this process could then never end.
 */
class WaitingDialect extends SqliteDialect {
  readonly #file: Database;

  constructor(file: Database) {
    super({ database: file });
    this.#file = file;
  }

  override createDriver(): Driver {
    return new WaitingDriver(this.#file);
  }
}

class WaitingDriver extends SqliteDriver {
  readonly #file: Database;

  constructor(file: Database) {
    super({ database: file });
    this.#file = file;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const file = this.#file;
    const connection = await super.acquireConnection();
    return {
      executeQuery: async <Row>(query: CompiledQuery) => {
        const execute = (): Promise<QueryResult<Row>> => connection.executeQuery<Row>(query);
        const waits = !file.inTransaction && !SelectQueryNode.is(query.query);
        return noting(file, async () => (waits ? await whenFree(file, execute) : await execute()));
      },
      streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
    };
  }
}

/** Runs work, and notes damage of the file that it meets. */
async function noting<Result>(file: Database, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    noteDamage(file.name, error);
    throw error;
  }
}

/**
 * Runs work that needs the file exclusively as soon as no other connection holds it. SQLite's own wait blocks
 * this whole process, which may hold the file itself; and switching to WAL does not wait.
 */
async function whenFree<Result>(file: Database, work: () => Result | Promise<Result>): Promise<Result> {
  const deadlineMs = performance.now() + BUSY_MS;
  for (;;) {
    try {
      return await withoutWait(file, work);
    } catch (error) {
      noteDamage(file.name, error);
      const isBusy = error instanceof SqliteError && error.code.startsWith('SQLITE_BUSY');
      if (!isBusy || performance.now() > deadlineMs) throw error;
    }
    await sleep(RETRY_MS);
  }
}

/** Begins work, whose statements SQLite runs before `work` returns, even where it returns a promise. */
function withoutWait<Result>(file: Database, work: () => Result): Result {
  file.pragma('busy_timeout = 0');
  try {
    return work();
  } finally {
    file.pragma(`busy_timeout = ${BUSY_MS}`);
  }
}
