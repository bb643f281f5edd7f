/** @typedef {{ dependencies?: Record<string, string>, optional?: boolean }} LockedPackage entry of package-lock.json */

/**
 * A package and all that it needs, as package-lock.json has them.
 * @param {Record<string, LockedPackage>} packages by path, `node_modules/bindings`
 * @param {string} name of a package at the top
 * @returns {Record<string, LockedPackage>} by path
 */
export function lockedClosure(packages, name) {
  /** @type {Record<string, LockedPackage>} */
  const found = {};
  const open = [`node_modules/${name}`];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const entry = packages[path];
    if (entry === undefined || path in found) continue;
    found[path] = entry;
    for (const needed of Object.keys(entry.dependencies ?? {})) open.push(placeOf(packages, path, needed));
  }
  return found;
}

/**
 * Where Node finds a package: in the nearest folder of packages above.
 * @param {Record<string, LockedPackage>} packages
 * @param {string} from path of the package that needs it
 * @param {string} name
 */
function placeOf(packages, from, name) {
  for (let folder = from; folder !== ''; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = `${folder}/node_modules/${name}`;
    if (path in packages) return path;
  }
  return `node_modules/${name}`;
}
