import { afterAll } from 'vitest';

// A program that a file runs in its own process makes the files of that process private (shared/private_files.ts). The
// next file in the same process begins with the umask of the start.
const umask = process.umask();
afterAll(() => void process.umask(umask));
