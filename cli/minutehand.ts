/*
 * The compiled command line, for services: unlike bin/minutehand.mjs it neither installs nor builds, so it needs no
 * write access to the package.
 */
import { main } from './main.ts';

process.exitCode = await main(process.argv.slice(2));
