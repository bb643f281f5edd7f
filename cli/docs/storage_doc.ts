import { LEFTOVERS, STORAGE_FOLDERS, STORED_FILES, type StorageFolder } from '../../shared/storage/files.ts';
import { JOURNAL_TABLES, STORE_TABLES, type StoredTable } from '../../shared/storage/tables.ts';
import { table } from './table.ts';

/** docs/reference/STORAGE.md: every file and table that the program writes, and what bounds it. */
export function renderStorageDoc(): string {
  const files = (Object.keys(STORAGE_FOLDERS) as StorageFolder[]).map((folder) => {
    const own = STORED_FILES.filter((file) => file.in === folder);
    const rows = own.map(({ path, what, bound }) => [`\`${path}\``, what, bound]);
    return `## In ${STORAGE_FOLDERS[folder]}\n\n${table(['file', 'content', 'bound'], rows)}\n`;
  });
  return `# Storage

Generated from \`shared/storage/\` by \`npm run docs\`. Do not edit. Every file and table that the program writes while it runs, and why it does
not fill the disk. Names in \`code\` are keys of [the configuration](CONFIGURATION.md). A test runs a market and refuses files that are not
listed here.

${files.join('\n')}
Killed processes may leave temporary files. ${LEFTOVERS} The trainer removes them every hour once they are an hour old, and folders
\`minutehand-*\` of its own in the system's folder of temporary files once they are a week old.

## Tables of the store

With PostgreSQL \`core_bars\` is \`core.bars\`.

${tables(STORE_TABLES)}

## Tables of a journal

${tables(JOURNAL_TABLES)}
`;
}

function tables(all: Readonly<Record<string, StoredTable>>): string {
  const rows = Object.entries(all).map(([name, { what, bound }]) => [`\`${name}\``, what, bound]);
  return table(['table', 'content', 'bound'], rows);
}
