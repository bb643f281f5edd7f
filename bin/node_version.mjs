/** Supported versions of Node, and the SQLite package for each. */
import { setupError } from './project.mjs';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const hasNodeApi10 = Number(process.versions.napi) >= 10;

/**
 * Version 13 needs Node-API 10 and crashes older Node without a message; version 12 must be compiled.
 * `shared/store/sqlite.ts` has the same rule.
 */
export const SQLITE_PACKAGE = hasNodeApi10 ? 'better-sqlite3' : 'better-sqlite3-12';

export const THIS_NODE = `Node ${process.versions.node} (abi ${process.versions.modules})`;

/** @throws {SetupError} NODE_UNSUPPORTED */
export function checkNode() {
  if (hasNodeApi10 || (major === 20 && minor >= 19)) return;
  throw setupError('NODE_UNSUPPORTED', `${THIS_NODE}, ${process.execPath}`);
}
