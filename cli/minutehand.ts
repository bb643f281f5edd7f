/*
 * The command line as it was compiled, for services: unlike bin/minutehand.mjs it neither installs nor builds, so it
 * needs no right to write where the program lies.
 */
import { main } from './main.ts';

process.exitCode = await main(process.argv.slice(2));
