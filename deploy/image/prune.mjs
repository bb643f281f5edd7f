/**
 * Removes from `node_modules`, the argument, what this platform and this Node never load: native libraries of other
 * systems, other builds of the server engine.
 */
import { keepBuild } from './engine/keep_build.mjs';
import { prune } from './bin/prune.mjs';

const modules = process.argv[2];
prune(modules);
// Throws unless this Node loads it.
keepBuild(modules);
