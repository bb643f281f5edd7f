/** `sftp://user@host:22/folder`: a folder on an SFTP server. */
export interface SftpAddress {
  readonly user: string;
  readonly host: string;
  readonly port: number;
  /** Absolute, without a slash at the end. On Windows: `/C:/minutehand/delivery`. */
  readonly path: string;
}

const PORT = 22;
/** Without a password: a key is the only means. The path has at least one folder. */
export const SFTP_ADDRESS =
  /^sftp:\/\/[A-Za-z0-9_.%-]+@(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?(?:\/[^/\s]+)+$/;
/** As `ssh-keygen -lf` prints it. */
export const HOST_KEY = /^SHA256:[A-Za-z0-9+/]{43}$/;

/** @param text that matches SFTP_ADDRESS */
export function sftpAddress(text: string): SftpAddress {
  const { username, hostname, port, pathname } = new URL(text);
  return {
    user: decodeURIComponent(username),
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? PORT : Number(port),
    path: decodeURIComponent(pathname),
  };
}
