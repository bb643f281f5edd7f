/** Ends a Node that cannot read the other programs of bin/. This file and those that import it are for any Node 12. */
const major = Number(process.versions.node.split('.')[0]);
if (major < 18) {
  process.stderr.write(
    'NODE_UNSUPPORTED: This version of Node is not supported. Seen: Node ' +
      process.versions.node +
      '.\n' +
      '  → Install Node 24: https://nodejs.org, or nvm install 24.\n',
  );
  process.exit(1);
}
